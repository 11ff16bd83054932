import { randomBytes } from 'node:crypto'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import type { EndOptions, Load, Protocol } from './ends/end.ts'
import { EndProcess, type LinkSample } from './ends/end-process.ts'
import type { MeterPoint } from './ends/meter.ts'

/** Where a flow's ends live and what they speak. */
export interface FlowOptions extends Omit<Partial<EndOptions>, 'host' | 'seeds'> {
  readonly protocol: Protocol
  /** Each end's namespace and address. @default loopback */
  readonly from?: Place
  readonly to?: Place
}

export interface Place {
  readonly namespace?: string
  readonly host: string
}

/** What one flow did, as both ends saw it. */
export interface FlowReport {
  /** At the receiver. */
  readonly points: readonly MeterPoint[]
  readonly latencies: readonly number[]
  /** At the sender: empty where the protocol tells nothing. */
  readonly samples: readonly LinkSample[]
}

/** One flow between two processes: the answerer receives, the dialer sends. */
export class Flow {
  readonly address: SocketAddress
  readonly #options: FlowOptions
  readonly #seeds: EndOptions['seeds']
  readonly #receiver: EndProcess
  #sender: EndProcess | undefined

  private constructor(options: FlowOptions, seeds: EndOptions['seeds'], receiver: EndProcess, address: SocketAddress) {
    this.#options = options
    this.#seeds = seeds
    this.#receiver = receiver
    this.address = address
  }

  /** Starts the receiver; what it listens on is {@link address}. */
  static async listen(options: FlowOptions): Promise<Flow> {
    const seeds = { dialer: randomBytes(32), answerer: randomBytes(32) }
    const { protocol, to = LOOPBACK } = options
    const receiver = new EndProcess(to.namespace)
    try {
      const { address } = await receiver.ask({ do: 'listen', protocol, options: { ...options, host: to.host, seeds } })
      return new Flow(options, seeds, receiver, address)
    } catch (error) {
      await receiver.close()
      throw error
    }
  }

  /** Starts the sender and connects it, through an emulator perhaps. */
  async dial(to: SocketAddress = this.address): Promise<void> {
    const { protocol, from = LOOPBACK } = this.#options
    this.#sender = new EndProcess(from.namespace)
    await this.#sender.ask({
      do: 'dial',
      protocol,
      to,
      options: { ...this.#options, host: from.host, seeds: this.#seeds },
    })
  }

  /**
   * Sends, and waits for all of it to arrive when the load is a number of bytes.
   *
   * @throws when it has not arrived after `timeoutMs`.
   */
  async run(load: Load, timeoutMs = 120_000): Promise<FlowReport> {
    const sending = this.#sender!.ask({ do: 'send', load })
    const arriving = load.bytes === undefined ? sending : this.#receiver.ask({ do: 'reached', bytes: load.bytes })
    await within(Promise.all([sending, arriving]), timeoutMs)
    const { samples } = await sending
    const { points, latencies } = await this.#receiver.ask({ do: 'report' })
    return { samples, points, latencies }
  }

  async close(): Promise<void> {
    await this.#sender?.close()
    await this.#receiver.close()
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${ms / 1_000} s`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

const LOOPBACK: Place = { host: '127.0.0.1' }
