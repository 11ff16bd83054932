import { EndpointLinks } from '../io/endpoint-links.ts'
import type { PluginClock } from '../plugins/clock.ts'
import type { Instant } from '../time/instant.ts'
import type {
  Candidate,
  Link,
  LinkEndpoint,
  LinkListener,
  PeerIdentity,
  SocketAddress,
} from '../transport/endpoint-api.ts'
import { EndpointMachine } from '../transport/endpoint.ts'
import type { LocalIdentity } from '../transport/connection/handshake.ts'
import { LOCAL_PARAMETERS } from '../transport/transport-parameters.ts'
import { seededBytes, seededRandom } from './seeded-random.ts'

/** What {@link SimulatedNetwork} is made of. */
export interface SimulatedNetworkOptions {
  readonly clock: PluginClock
  /** One way, milliseconds. @default 10 */
  readonly delayMs?: number
  /** Share of datagrams that are lost, 0 to 1. @default 0 */
  readonly loss?: number
  /** The same seed, the same run. @default 1 */
  readonly seed?: number
}

/** A network without sockets on which real links run, in the time of a clock: datagrams take `delayMs`, and some are lost. */
export class SimulatedNetwork {
  readonly clock: PluginClock
  readonly random: () => number
  /** Share of datagrams that are lost from now on, 0 to 1. */
  loss: number
  readonly #delayMs: number
  readonly #endpoints = new Map<number, SimulatedEndpoint>()
  #nextPort = 40_001

  constructor({ clock, delayMs = 10, loss = 0, seed = 1 }: SimulatedNetworkOptions) {
    this.clock = clock
    this.loss = loss
    this.#delayMs = delayMs
    this.random = seededRandom(seed)
  }

  endpoint(local: LocalIdentity): SimulatedEndpoint {
    const endpoint = new SimulatedEndpoint(this, local, { host: '127.0.0.1', port: this.#nextPort++ })
    this.#endpoints.set(endpoint.address.port, endpoint)
    return endpoint
  }

  send(from: SocketAddress, to: SocketAddress, datagram: Uint8Array): void {
    if (this.random() < this.loss) return
    const copy = Buffer.from(datagram)
    this.clock.after(this.#delayMs, () => this.#endpoints.get(to.port)?.receive(from, copy))
  }

  remove({ address }: SimulatedEndpoint): void {
    this.#endpoints.delete(address.port)
  }
}

/** A real {@link EndpointMachine} on a {@link SimulatedNetwork}. */
export class SimulatedEndpoint implements LinkEndpoint {
  readonly address: SocketAddress
  readonly #network: SimulatedNetwork
  readonly #machine: EndpointMachine
  readonly #links: EndpointLinks
  #cancel = (): void => {}
  #isDraining = false
  #isClosed = false

  constructor(network: SimulatedNetwork, local: LocalIdentity, address: SocketAddress) {
    this.address = address
    this.#network = network
    this.#machine = new EndpointMachine({
      now: this.#now(),
      local: { ...local, parameters: LOCAL_PARAMETERS },
      random: seededBytes(network.random),
    })
    this.#links = new EndpointLinks({
      machine: this.#machine,
      now: () => this.#now(),
      onTouched: () => this.#schedule(),
    })
  }

  connect(peer: PeerIdentity, candidates: readonly Candidate[], listener: LinkListener): Link {
    return this.#links.connect(peer, candidates, listener)
  }

  expect(peer: PeerIdentity, listener: LinkListener, candidates: readonly Candidate[] = []): void {
    this.#links.expect(peer, listener, candidates)
  }

  guide(instance: string, candidates: readonly Candidate[]): void {
    this.#links.guide(instance, candidates)
  }

  forget(instance: string): void {
    this.#links.forget(instance)
  }

  /** There are no routers. */
  guess(): void {}
  handleNetworkChange(): void {}

  /** There is no server to be seen by. */
  rendezvous(): void {}

  async close(): Promise<void> {
    this.#links.close()
    this.#drain()
    this.#isClosed = true
    this.#cancel()
    this.#network.remove(this)
  }

  receive(from: SocketAddress, datagram: Buffer): void {
    if (this.#isClosed) return
    this.#machine.handleDatagram(this.#now(), from, datagram)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isDraining || this.#isClosed) return
    this.#isDraining = true
    queueMicrotask(() => {
      this.#isDraining = false
      if (!this.#isClosed) this.#drain()
    })
  }

  #drain(): void {
    this.#tell()
    const now = this.#now()
    for (let sent = this.#machine.pollTransmit(now); sent; sent = this.#machine.pollTransmit(now))
      this.#network.send(this.address, sent.to, sent.payload)
    this.#tell()
    this.#cancel()
    const at = this.#machine.pollTimeout()
    if (at === undefined) return
    this.#cancel = this.#network.clock.after(Math.max(0, (at - now) / 1_000), () => {
      this.#machine.handleTimeout(this.#now())
      this.#schedule()
    })
  }

  #tell(): void {
    for (let event = this.#machine.pollEvent(); event; event = this.#machine.pollEvent())
      if (event.type === 'link') this.#links.handleEvent(event)
  }

  /** Microseconds, whole ones: timers that are due at a fraction are due. */
  #now(): Instant {
    return Math.ceil(this.#network.clock.now() * 1_000)
  }
}
