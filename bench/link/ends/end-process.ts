import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { LinkStats, SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import { scriptArgs } from '../../../test/helpers/script.ts'
import type { EndOptions, Load, Protocol } from './end.ts'
import type { MeterPoint } from './meter.ts'

/** What is asked of an end in another process. */
export type EndRequest =
  | { readonly do: 'listen'; readonly protocol: Protocol; readonly options: EndOptions }
  | { readonly do: 'dial'; readonly protocol: Protocol; readonly options: EndOptions; readonly to: SocketAddress }
  | { readonly do: 'send'; readonly load: Load }
  | { readonly do: 'reached'; readonly bytes: number }
  | { readonly do: 'sample' | 'report' | 'close' }

/** What it answers, as far as it was asked for. */
export interface EndAnswer {
  readonly address: SocketAddress
  readonly samples: readonly LinkSample[]
  readonly points: readonly MeterPoint[]
  /** Microseconds, one way. */
  readonly latencies: readonly number[]
  readonly error?: string
}

/** A link's own figures at an instant, microseconds since 1970. */
export interface LinkSample extends LinkStats {
  readonly at: number
}

/** One end of one flow in a process of its own. */
export class EndProcess {
  readonly #child: ChildProcess

  /** @param namespace - network namespace to run in. @default this one */
  constructor(namespace?: string) {
    const node = [process.execPath, ...scriptArgs('./end-main', import.meta.url)]
    const [command, ...args] = namespace === undefined ? node : ['ip', 'netns', 'exec', namespace, ...node]
    this.#child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' })
  }

  /** One request at a time. @throws what went wrong there, or that the process ended. */
  async ask(request: EndRequest): Promise<EndAnswer> {
    this.#child.send(request)
    const answer = await new Promise<EndAnswer>((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`the end of a flow ended with ${code}`))
      this.#child.once('exit', onExit)
      this.#child.once('message', (message) => {
        this.#child.off('exit', onExit)
        resolve(message as EndAnswer)
      })
    })
    if (answer.error !== undefined) throw new Error(`${request.do}: ${answer.error}`)
    return answer
  }

  /** Gracefully, or after a second not so. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    const killer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_TIMEOUT_MS)
    await this.ask({ do: 'close' }).catch(() => {})
    if (this.#child.connected) this.#child.disconnect()
    await exited
    clearTimeout(killer)
  }
}

const CLOSE_TIMEOUT_MS = 1_000
