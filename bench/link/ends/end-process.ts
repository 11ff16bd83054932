import type { LinkStats, SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import { scriptArgs } from '../../../test/helpers/script.ts'
import { AskedProcess } from '../../helpers/asked-process.ts'
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
  readonly #process: AskedProcess<EndRequest, EndAnswer>

  /** @param namespace - network namespace to run in. @default this one */
  constructor(namespace?: string) {
    this.#process = new AskedProcess(scriptArgs('./end-main', import.meta.url), { namespace })
  }

  /** One request at a time. @throws what went wrong there, or that the process ended. */
  ask(request: EndRequest): Promise<EndAnswer> {
    return this.#process.ask(request)
  }

  /** Gracefully, or after a second not so. */
  close(): Promise<void> {
    return this.#process.close({ do: 'close' })
  }
}
