import type {
  Link,
  LinkCloseReason,
  LinkEndpoint,
  LinkListener,
  LinkStats,
  PeerIdentity,
  SocketAddress,
} from '../transport/endpoint-api.ts'

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
  readonly #expected = new Map<string, LinkListener>()

  constructor(network: FakeNetwork, identity: PeerIdentity, address: SocketAddress) {
    this.network = network
    this.identity = identity
    this.address = address
  }

  connect(peer: PeerIdentity, candidates: readonly SocketAddress[], listener: LinkListener): Link {
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

  forget(instance: string): void {
    this.#expected.delete(instance)
  }

  listenerFor(instance: string): LinkListener | undefined {
    return this.#expected.get(instance)
  }

  linkTo(instance: string): FakeLink | undefined {
    return [...this.links].find((link) => link.peer.instance === instance && link.state === 'open')
  }

  rendezvous(
    _server: SocketAddress,
    _token: Uint8Array,
    onObserved: (address: SocketAddress | undefined) => void,
  ): void {
    setImmediate(() => onObserved(this.address))
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
  #sent = 0

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
    if (this.#state !== 'open') return 0
    const buffered = this.#buffered.get(stream) ?? 0
    const taken = Math.min(bytes.byteLength, this.#endpoint.network.sendBuffer - buffered)
    if (taken < bytes.byteLength) this.#refused.add(stream)
    if (taken <= 0) return 0
    this.#buffered.set(stream, buffered + taken)
    this.#later(stream, Uint8Array.prototype.slice.call(bytes, 0, taken), false)
    return taken
  }

  finish(stream: number): void {
    this.#later(stream, new Uint8Array(0), true)
  }

  probe(): void {
    if (!this.#endpoint.network.isReachable) setImmediate(() => this.break({ kind: 'idle', code: 0, reason: '' }))
  }

  stats(): LinkStats {
    const remote = this.#other?.endpointAddress ?? { host: '127.0.0.1', port: 1 }
    return {
      path: 'lan',
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
      keyPhase: 0,
    }
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

  receive(stream: number, bytes: Uint8Array, fin: boolean): boolean {
    if (this.#state !== 'open') return false
    this.#listener.onData(this, stream, bytes, fin)
    return true
  }

  #later(stream: number, bytes: Uint8Array, fin: boolean): void {
    this.#sent++
    setImmediate(() => {
      if (this.#state !== 'open' && !this.#other?.isOpen) return
      if (!this.#other?.receive(stream, bytes, fin)) return
      this.#buffered.set(stream, (this.#buffered.get(stream) ?? 0) - bytes.byteLength)
      if (this.#refused.delete(stream) && this.#state === 'open') this.#listener.onWritable(this, stream)
    })
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }
}
