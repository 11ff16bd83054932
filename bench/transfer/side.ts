import { scriptArgs } from '../../test/helpers/script.ts'
import { AskedProcess } from '../helpers/asked-process.ts'

/** What is asked of a side: to be the server, or a client. */
export type SideRequest =
  | { readonly do: 'serve'; readonly host: string; readonly dataDir: string }
  | { readonly do: 'sign-up'; readonly server: string; readonly user: string; readonly dataDir: string }
  /** Opens a session, so that there is a link. */
  | { readonly do: 'open'; readonly user: string }
  | { readonly do: 'offer'; readonly to: string; readonly paths: readonly string[] }
  /** Accepts an offer once it is there, and waits until it has landed below `root`. */
  | { readonly do: 'receive'; readonly id: string; readonly root: string }
  | { readonly do: 'usage' | 'close' }

/** What it answers, as far as it was asked for. Instants are microseconds since 1970. */
export interface SideAnswer {
  readonly port: number
  readonly id: string
  /** From accepting to the end of landing. */
  readonly from: number
  readonly to: number
  /** By which kind of path. */
  readonly via: string
  readonly retransmits: number
  /** CPU seconds of the whole process so far, and its largest resident memory, MiB. */
  readonly cpu: number
  readonly memory: number
  readonly error?: string
}

/** Writes CPU profiles of every side into a folder; for a look, not for figures. */
export interface SideOptions {
  readonly namespace?: string | undefined
  readonly profile?: string | undefined
}

/** A server or a client in a process of its own, used as a program that embeds the library would. */
export class Side {
  readonly #process: AskedProcess<SideRequest, SideAnswer>

  constructor({ namespace, profile }: SideOptions = {}) {
    const nodeArgs = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
    const script = scriptArgs('./side-process', import.meta.url)
    this.#process = new AskedProcess(script, { namespace, nodeArgs, closeTimeoutMs: CLOSE_TIMEOUT_MS })
  }

  ask(request: SideRequest): Promise<SideAnswer> {
    return this.#process.ask(request)
  }

  close(): Promise<void> {
    return this.#process.close({ do: 'close' })
  }
}

/** A client says goodbye on every link, and a profile has to be written. */
const CLOSE_TIMEOUT_MS = 10_000
