import type {
  Candidate,
  Link,
  LinkCloseReason,
  LinkEndpoint,
  LinkListener,
  LinkStats,
  PeerIdentity,
  SocketAddress,
  SocketBuffers,
} from '../transport/endpoint-api.ts'
import type { Observation, RendezvousOptions } from '../transport/rendezvous-client.ts'

/**
 * A world of {@link LinkEndpoint}s without sockets: addresses are `127.0.0.1` and a port each, bytes arrive one turn of the event
 * loop after they were written, in order, and links break only when a test says so.
 */
export class FakeNetwork {
  readonly #endpoints = new Map<number, FakeEndpoint>()
  #nextPort = 40_001
  /** Bytes one stream takes before it refuses more. */
  readonly sendBuffer: number
  /** False: calls are not answered. */
  isReachable = true

  constructor({ sendBuffer = 262_144 } = {}) {
    this.sendBuffer = sendBuffer
  }

  /** A new endpoint, known by its instance. */
  endpoint(instance: string, key: Uint8Array = new Uint8Array(32)): FakeEndpoint {
    const endpoint = new FakeEndpoint(this, { instance, key }, { host: '127.0.0.1', port: this.#nextPort++ })
    this.#endpoints.set(endpoint.address.port, endpoint)
    return endpoint
  }

  at({ port }: SocketAddress): FakeEndpoint | undefined {
    return this.isReachable ? this.#endpoints.get(port) : undefined
  }

  /** Where an instance can be reached. */
  addressOf(instance: string): SocketAddress | undefined {
    return [...this.#endpoints.values()].find(({ identity }) => identity.instance === instance)?.address
  }

  /** Breaks every link between two instances: both sides learn of it, and what was under way is lost. */
  cut(a: string, b: string): void {
    for (const endpoint of this.#endpoints.values())
      for (const link of endpoint.links)
        if (endpoint.identity.instance === a && link.peer.instance === b)
          link.break({ kind: 'idle', code: 0, reason: '' })
  }

  remove(endpoint: FakeEndpoint): void {
    this.#endpoints.delete(endpoint.address.port)
  }
}

/** One endpoint of a {@link FakeNetwork}. */
export class FakeEndpoint implements LinkEndpoint {
  readonly identity: PeerIdentity
  readonly address: SocketAddress
  readonly links = new Set<FakeLink>()
  readonly network: FakeNetwork
  /** What a test says the system gave. */
  buffers?: SocketBuffers
  readonly #expected = new Map<string, LinkListener>()

  constructor(network: FakeNetwork, identity: PeerIdentity, address: SocketAddress) {
    this.network = network
    this.identity = identity
    this.address = address
  }

  connect(peer: PeerIdentity, candidates: readonly Candidate[], listener: LinkListener): Link {
    const link = new FakeLink(this, peer, listener, true)
    setImmediate(() => {
      if (link.state !== 'connecting') return
      const other = candidates
        .map((candidate) => this.network.at(candidate))
        .find((found) => found?.identity.instance === peer.instance)
      const expected = other?.listenerFor(this.identity.instance)
      if (!other || !expected) link.end({ kind: 'unanswered', code: 0, reason: '' })
      else {
        other.linkTo(this.identity.instance)?.end({ kind: 'remote', code: 0, reason: 'replaced' })
        const back = new FakeLink(other, this.identity, expected, false)
        link.open(back)
        back.open(link)
      }
    })
    return link
  }

  expect(peer: PeerIdentity, listener: LinkListener): void {
    this.#expected.set(peer.instance, listener)
  }

  /** There is one path only. */
  guide(): void {}
  guess(): void {}
  handleNetworkChange(): void {}

  forget(instance: string): void {
    this.#expected.delete(instance)
  }

  listenerFor(instance: string): LinkListener | undefined {
    return this.#expected.get(instance)
  }

  linkTo(instance: string): FakeLink | undefined {
    return [...this.links].find((link) => link.peer.instance === instance && link.state === 'open')
  }

  rendezvous(_options: RendezvousOptions, onObserved: (observation: Observation) => void): void {
    setImmediate(() => onObserved({ address: this.address, mapping: 'none' }))
  }

  async close(): Promise<void> {
    this.network.remove(this)
    for (const link of [...this.links]) link.close(0, 'the other side left')
  }
}

/** One side of a link of a {@link FakeNetwork}. */
export class FakeLink implements Link {
  readonly peer: PeerIdentity
  readonly isInitiator: boolean
  readonly #endpoint: FakeEndpoint
  readonly #listener: LinkListener
  #other: FakeLink | undefined
  #state: Link['state'] = 'connecting'
  #streams = 0
  readonly #buffered = new Map<number, number>()
  readonly #refused = new Set<number>()
  /** Streams this side ended, those it gave up sending on, and those of which it wants nothing more. */
  readonly #ended = new Set<number>()
  readonly #resets = new Set<number>()
  readonly #stopped = new Set<number>()
  /** What came on paused streams, until all of it was told. */
  readonly #kept = new Map<number, { isPaused: boolean; readonly arrivals: Arrival[] }>()
  #sent = 0
  #over: Partial<LinkStats> = {}

  constructor(endpoint: FakeEndpoint, peer: PeerIdentity, listener: LinkListener, isInitiator: boolean) {
    this.#endpoint = endpoint
    this.peer = peer
    this.#listener = listener
    this.isInitiator = isInitiator
    endpoint.links.add(this)
  }

  get state(): Link['state'] {
    return this.#state
  }

  open(other: FakeLink): void {
    this.#other = other
    this.#state = 'open'
    this.#listener.onOpen(this)
  }

  openStream(): number {
    return this.#streams++ * 4 + (this.isInitiator ? 0 : 1)
  }

  write(stream: number, bytes: Uint8Array): number {
    if (this.#state !== 'open' || this.#ended.has(stream)) return 0
    const buffered = this.#buffered.get(stream) ?? 0
    const taken = Math.min(bytes.byteLength, this.#endpoint.network.sendBuffer - buffered)
    if (taken < bytes.byteLength) this.#refused.add(stream)
    if (taken <= 0) return 0
    this.#buffered.set(stream, buffered + taken)
    this.#later(stream, Uint8Array.prototype.slice.call(bytes, 0, taken), false)
    return taken
  }

  setPriority(): void {}

  finish(stream: number): void {
    this.#later(stream, new Uint8Array(0), true)
    this.#ended.add(stream)
  }

  reset(stream: number, code: number): void {
    if (this.#state !== 'open' || this.#resets.has(stream)) return
    this.#ended.add(stream)
    this.#resets.add(stream)
    setImmediate(() => this.#other?.handleReset(stream, code))
  }

  stop(stream: number, code: number): void {
    if (this.#state !== 'open' || this.#stopped.has(stream)) return
    this.#stopped.add(stream)
    for (const { onTaken } of this.#takeKept(stream)) onTaken()
    setImmediate(() => this.#other?.handleStop(stream, code))
  }

  pause(stream: number): void {
    const kept = this.#kept.get(stream)
    if (kept) kept.isPaused = true
    else this.#kept.set(stream, { isPaused: true, arrivals: [] })
  }

  resume(stream: number): void {
    const kept = this.#kept.get(stream)
    if (!kept) return
    kept.isPaused = false
    setImmediate(() => {
      while (!kept.isPaused && kept.arrivals.length > 0) this.#tell(stream, kept.arrivals.shift()!)
      if (!kept.isPaused && this.#kept.get(stream) === kept) this.#kept.delete(stream)
    })
  }

  probe(): void {
    if (!this.#endpoint.network.isReachable) setImmediate(() => this.break({ kind: 'idle', code: 0, reason: '' }))
  }

  stats(): LinkStats {
    const remote = this.#other?.endpointAddress ?? { host: '127.0.0.1', port: 1 }
    return {
      path: 'lan',
      cause: 'first',
      isSearching: false,
      bytesRelayed: 0,
      remote,
      srtt: 1_000,
      minRtt: 1_000,
      packetsSent: this.#sent,
      packetsReceived: 0,
      packetsLost: 0,
      packetsSpurious: 0,
      bytesSent: 0,
      bytesReceived: 0,
      cwnd: 0,
      bytesInFlight: 0,
      datagramSize: 1_200,
      deliveryRate: 0,
      pacingRate: 0,
      congestion: 'bbr',
      keyPhase: 0,
      ...this.#over,
    }
  }

  /** From now on it measures that, and says that it moved. */
  move(over: Partial<LinkStats>): void {
    this.#over = over
    this.#listener.onMoved?.(this)
  }

  get endpointAddress(): SocketAddress {
    return this.#endpoint.address
  }

  close(code = 0, reason = ''): void {
    const other = this.#other
    this.end({ kind: 'local', code, reason })
    // The peer hears of it after everything that was written before.
    setImmediate(() => other?.end({ kind: 'remote', code, reason }))
  }

  /** Both sides lose the link at this moment. */
  break(reason: LinkCloseReason): void {
    this.#other?.end(reason)
    this.end(reason)
  }

  end(reason: LinkCloseReason): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#endpoint.links.delete(this)
    setImmediate(() => this.#listener.onClosed(this, reason))
  }

  receive(stream: number, arrival: Arrival): void {
    if (this.#state !== 'open') return
    const kept = this.#kept.get(stream)
    if (kept) kept.arrivals.push(arrival)
    else this.#tell(stream, arrival)
  }

  #tell(stream: number, arrival: Arrival): void {
    if (this.#state !== 'open') return
    if (!this.#stopped.has(stream)) this.#listener.onData(this, stream, arrival.bytes, arrival.fin)
    arrival.onTaken()
  }

  handleReset(stream: number, code: number): void {
    this.#takeKept(stream)
    if (this.#state === 'open') this.#listener.onReset?.(this, stream, code)
  }

  handleStop(stream: number, code: number): void {
    if (this.#state !== 'open' || this.#resets.has(stream)) return
    this.#listener.onStop?.(this, stream, code)
    this.reset(stream, code)
  }

  #takeKept(stream: number): Arrival[] {
    const arrivals = this.#kept.get(stream)?.arrivals.splice(0) ?? []
    this.#kept.delete(stream)
    return arrivals
  }

  #later(stream: number, bytes: Uint8Array, fin: boolean): void {
    this.#sent++
    const onTaken = (): void => {
      this.#buffered.set(stream, (this.#buffered.get(stream) ?? 0) - bytes.byteLength)
      if (this.#refused.delete(stream) && this.#state === 'open') this.#listener.onWritable(this, stream)
    }
    setImmediate(() => {
      if (this.#resets.has(stream) || (this.#state !== 'open' && !this.#other?.isOpen)) return
      this.#other?.receive(stream, { bytes, fin, onTaken })
    })
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }
}

interface Arrival {
  readonly bytes: Uint8Array
  readonly fin: boolean
  /** The sender's buffer has room again. */
  readonly onTaken: () => void
}
