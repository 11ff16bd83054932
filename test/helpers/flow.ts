import type { Duration } from '../../src/core/time/instant.ts'
import type { EndpointEvent } from '../../src/core/transport/endpoint.ts'
import type { LinkMachine } from '../../src/core/transport/link-machine.ts'
import type { End } from './linked-pair.ts'
import type { Network } from './network.ts'

/** One stream that always has something to send: goodput without end, and without keeping what arrived. */
export class Flow {
  readonly #network: Network<EndpointEvent>
  readonly #from: End
  readonly #to: End
  readonly #stream: number
  #delivered = 0

  constructor(network: Network<EndpointEvent>, from: End, to: End) {
    this.#network = network
    this.#from = from
    this.#to = to
    this.#stream = this.link.openStream(0)
    from.onWritable = () => this.#fill()
    this.#fill()
  }

  get link(): LinkMachine {
    return this.#from.link!
  }

  /** Bytes that have arrived in order. */
  get delivered(): number {
    const chunks = this.#to.received.get(this.#stream)
    for (const chunk of chunks?.splice(0) ?? []) this.#delivered += chunk.byteLength
    return this.#delivered
  }

  /** Lets `duration` pass. @returns goodput meanwhile, Mbit/s. */
  pass(duration: Duration): number {
    return passAll(this.#network, [this], duration)[0]!
  }

  #fill(): void {
    while (this.link.connection!.streams.write(this.#stream, CHUNK) > 0);
    this.#from.endpoint.touch(this.link)
  }
}

/** Lets `duration` pass. @returns goodput of each flow meanwhile, Mbit/s. */
export function passAll(network: Network<EndpointEvent>, flows: readonly Flow[], duration: Duration): number[] {
  const before = flows.map((flow) => flow.delivered)
  const until = network.now + duration
  while (network.now < until) {
    network.pass(Math.min(SLICE, until - network.now))
    for (const flow of flows) void flow.delivered
    network.recorded.length = 0
  }
  return flows.map((flow, i) => ((flow.delivered - before[i]!) * 8) / duration)
}

const CHUNK = Buffer.alloc(262_144, 'msg')
/** How often what arrived and what was recorded is let go. */
const SLICE: Duration = 100_000
