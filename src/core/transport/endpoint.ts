import type { Instant } from '../time/instant.ts'
import { readRelayed, RELAY_OVERHEAD, RELAYED, writeRelayed } from '../wire/relay.ts'
import { createBbr } from './congestion/bbr.ts'
import type { CongestionControllerFactory } from './congestion/controller.ts'
import type { ConnectionEvent } from './connection/events.ts'
import {
  Dialing,
  HANDSHAKE_TIMEOUT,
  readAsking,
  type HandshakeResult,
  type LocalIdentity,
} from './connection/handshake.ts'
import { Connection } from './connection/machine.ts'
import { CookieJar } from './cookie-jar.ts'
import type { Candidate, PeerIdentity, SocketAddress } from './endpoint-api.ts'
import { HandshakeBudget } from './handshake-budget.ts'
import { LinkMachine } from './link-machine.ts'
import type { Machine, Transmit } from './machine.ts'
import {
  datagramLength,
  decodeCookie,
  decodeInitial,
  decodeResponse,
  destinationOf,
  encodeCookie,
  encodeResponse,
  ID_LENGTH,
  idKey,
  LINK_VERSION,
  PacketType,
} from './packet.ts'
import { isSameAddress } from './socket-address.ts'
import { Approaches, dialled } from './approaches.ts'
import { SHARD_LENGTH, ShardCollector } from './shards.ts'
import type { Trace } from './trace.ts'
import { LOCAL_PARAMETERS } from './transport-parameters.ts'
import { RendezvousClient, type Observation, type RendezvousOptions } from './rendezvous-client.ts'

/** What happens at an endpoint. */
export type EndpointEvent =
  | { readonly type: 'link'; readonly link: LinkMachine; readonly event: ConnectionEvent }
  /** What the server sees this socket as; `undefined` when it stopped answering. */
  | { readonly type: 'observed'; readonly observation: Observation }

/** What an endpoint is made of. */
export interface EndpointInit {
  readonly now: Instant
  readonly local: LocalIdentity
  /** Returns that many random bytes. */
  readonly random: (length: number) => Uint8Array
  /** @default BBR */
  readonly createController?: CongestionControllerFactory
  /** True for addresses on this machine or this network. @default nowhere */
  readonly isNear?: (address: SocketAddress) => boolean
  /** Told what happens on every link. @default nobody */
  readonly trace?: Trace
  /** Largest datagram to send, bytes; the ladder stops there. @default as the path allows */
  readonly maxDatagramSize?: number
  /** Buffers for datagrams. @default fresh ones */
  readonly allocate?: (length: number) => Buffer
}

interface HalfOpen {
  readonly link: LinkMachine
  readonly noise: Uint8Array
  readonly response: Uint8Array
}

/**
 * Everything on one UDP socket: links by connection id, handshakes with those who are expected, the rendezvous with the server.
 *
 * A stranger gets silence; what a datagram may cost before it is authentic is one keyed hash, then, for somebody who knows
 * this endpoint's key, a bounded number of public-key operations a second and of half-open handshakes.
 */
export class EndpointMachine implements Machine<EndpointEvent> {
  readonly #init: EndpointInit
  readonly #cookies: CookieJar
  readonly #budget: HandshakeBudget
  readonly #links = new Map<number, LinkMachine>()
  readonly #expected = new Map<string, PeerIdentity>()
  readonly #halfOpen = new Map<number, HalfOpen>()
  readonly #outbox: Transmit[] = []
  /** Links that may have something to send, and links that may have something to tell. */
  readonly #sending = new Set<LinkMachine>()
  readonly #telling = new Set<LinkMachine>()
  readonly #timeouts = new Map<LinkMachine, Instant>()
  readonly #observed: Observation[] = []
  /** The link that the datagram in hand was for. */
  #touched: LinkMachine | undefined
  readonly #approaches: Approaches
  readonly #shards = new ShardCollector()
  /** Size of the datagrams that the system joined last; 0 before it did. */
  #joinedSize = 0
  /** Who sent the last shard that was taken. */
  #linked: SocketAddress | undefined
  #rendezvous: RendezvousClient | undefined
  /** Where the rendezvous and the relay are. */
  #server: SocketAddress | undefined

  constructor(init: EndpointInit) {
    this.#init = init
    this.#cookies = new CookieJar(init.now, init.random)
    this.#budget = new HandshakeBudget(init.now)
    this.#approaches = new Approaches(init.random)
  }

  /** Open and opening links. */
  get links(): Iterable<LinkMachine> {
    return this.#links.values()
  }

  /** Starts a link; its events name it. */
  connect(now: Instant, peer: PeerIdentity, candidates: readonly Candidate[]): LinkMachine {
    const id = this.#init.random(ID_LENGTH)
    this.guide(now, peer.instance, candidates)
    const dialing = new Dialing(now, this.#init.local, peer, dialled(candidates), id, this.#init.random(32))
    const link = new LinkMachine(idKey(id), peer, { dialing })
    this.#links.set(link.idKey, link)
    this.touch(link)
    return link
  }

  /** Answers this peer's handshakes from now on. */
  expect(peer: PeerIdentity): void {
    this.#expected.set(peer.instance, peer)
  }

  /** Where that peer may be reached: the own router is opened, and links that are open look for a better path. */
  guide(now: Instant, instance: string, candidates: readonly Candidate[]): void {
    this.#approaches.tell(now, instance, candidates)
    for (const link of this.#links.values()) {
      if (link.peer.instance !== instance || !link.connection) continue
      link.connection.offer(now, candidates)
      this.touch(link)
    }
  }

  /** Handshakes with that instance that are not confirmed yet end in silence; an open link stays. */
  forget(instance: string): void {
    this.#expected.delete(instance)
    this.#approaches.forget(instance)
    for (const { link } of this.#halfOpenWith(instance)) this.#drop(link)
  }

  /** Birthday probing, as {@link LinkEndpoint.guess} says. @returns how many sockets the driver needs now; 0 for no more than it has */
  guess(now: Instant, instance: string, side: 'sockets' | 'ports', at: SocketAddress): number {
    const sockets = this.#approaches.guess(now, instance, side, at.host)
    for (const link of this.#links.values()) {
      if (sockets === 0 || link.peer.instance !== instance || !link.connection) continue
      link.connection.guess(now, at, sockets)
      this.touch(link)
    }
    return sockets
  }

  /** This machine's network is another one, or was away: the server is asked anew, and every link looks for its paths anew. */
  handleNetworkChange(now: Instant): void {
    this.#rendezvous?.check(now)
    for (const link of this.#links.values()) {
      link.connection?.handleNetworkChange(now)
      this.touch(link)
    }
  }

  /** Keeps a server told of this socket, in place of an earlier one. */
  rendezvous(now: Instant, options: RendezvousOptions): void {
    this.#rendezvous = new RendezvousClient(now, options)
    this.#server = options.server
  }

  /** Call after anything was done to a link from outside. */
  touch(link: LinkMachine): void {
    this.#sending.add(link)
    this.#telling.add(link)
    // Until the next drain has asked the link, its timer is unknown: due at once is the safe answer.
    this.#timeouts.set(link, 0)
  }

  /** @param payload - one datagram, or several that the system joined: all of one size, the last one perhaps shorter. */
  handleDatagram(now: Instant, from: SocketAddress, payload: Uint8Array): void {
    let offset = 0
    this.#touched = undefined
    for (let count = 0; count < MAX_JOINED && offset < payload.byteLength; count++) {
      const length = datagramLength(payload, offset)
      const isWhole = length === payload.byteLength
      const isKnown = this.#handleOne(now, from, isWhole ? payload : payload.subarray(offset, offset + length))
      // What somebody slipped in says nothing true of its length, and must not swallow what follows.
      if (isKnown || this.#joinedSize === 0) offset += length
      else offset += this.#joinedSize - (offset % this.#joinedSize)
      if (isKnown && offset < payload.byteLength && offset % length === 0) this.#joinedSize = length
    }
  }

  /** @returns false for what is nobody's. */
  #handleOne(now: Instant, from: SocketAddress, payload: Uint8Array): boolean {
    switch (payload[0]) {
      case PacketType.data:
      case PacketType.data | 1:
        return this.#handleData(now, from, payload)
      case PacketType.shard:
        return this.#handleShard(now, from, payload)
      case RELAYED:
        return this.#handleRelayed(now, from, payload)
      case PacketType.initial:
        this.#handleInitial(now, from, payload)
        return false
      case PacketType.response:
      case PacketType.cookie:
        this.#handleAnswer(now, from, payload)
        return false
    }
    if (this.#rendezvous?.handleResponse(now, from, payload)) this.#observed.push(this.#rendezvous.observation)
    return false
  }

  handleTimeout(now: Instant): void {
    this.#outbox.push(...this.#approaches.take(now))
    if (this.#rendezvous?.handleTimeout(now)) this.#observed.push(this.#rendezvous.observation)
    for (const [link, at] of this.#timeouts) {
      if (at > now) continue
      link.handleTimeout(now)
      // It may be this side's own address that is another one, which the relay has to know.
      if (link.connection?.isStalled) this.#rendezvous?.check(now)
      this.touch(link)
    }
  }

  pollTransmit(now: Instant): Transmit | undefined {
    const answer = this.#outbox.shift() ?? this.#rendezvous?.pollTransmit()
    if (answer) return this.#framed(answer)
    for (const link of this.#sending) {
      const transmit = link.pollTransmit(now)
      if (transmit && this.#sending.size === 1) return this.#framed(transmit)
      this.#sending.delete(link)
      if (transmit) {
        // To the back: links take turns.
        this.#sending.add(link)
        return this.#framed(transmit)
      }
      this.#settle(link)
    }
    return undefined
  }

  pollTimeout(): Instant | undefined {
    let earliest = Math.min(this.#rendezvous?.pollTimeout() ?? Infinity, this.#approaches.at)
    for (const at of this.#timeouts.values()) if (at < earliest) earliest = at
    return earliest === Infinity ? undefined : earliest
  }

  pollEvent(): EndpointEvent | undefined {
    const observation = this.#observed.shift()
    if (observation) return { type: 'observed', observation }
    for (const link of this.#telling) {
      const event = link.pollEvent()
      if (event) return { type: 'link', link, event }
      this.#telling.delete(link)
    }
    return undefined
  }

  /** Only the server relays, and only links: anything else in there is nobody's. */
  #handleRelayed(now: Instant, from: SocketAddress, payload: Uint8Array): boolean {
    if (!this.#server || !isSameAddress(from, this.#server)) return false
    const relayed = readRelayed(payload)
    if (!relayed || !RELAYED_TYPES.has(relayed.datagram[0]! & ~1)) return false
    this.#handleOne(now, { host: from.host, port: from.port, channel: relayed.channel }, relayed.datagram)
    return true
  }

  /** What goes by a channel is framed for the relay. */
  #framed(transmit: Transmit): Transmit {
    const { to, payload } = transmit
    if (to.channel === undefined) return transmit
    const framed = (this.#init.allocate ?? Buffer.allocUnsafe)(RELAY_OVERHEAD + payload.byteLength)
    writeRelayed(to.channel, payload, framed)
    return { to, payload: framed }
  }

  #handleShard(now: Instant, from: SocketAddress, shard: Uint8Array): boolean {
    if (shard.byteLength > SHARD_LENGTH || !this.#isLinkedWith(from)) return false
    const packet = this.#shards.handle(from, shard)
    if (packet && packet[0] !== PacketType.shard) this.#handleOne(now, from, packet)
    return true
  }

  /** True for where a link's datagrams come from: nobody else has large packets to send. */
  #isLinkedWith(from: SocketAddress): boolean {
    if (this.#linked && isSameAddress(from, this.#linked)) return true
    for (const { connection } of this.#links.values()) {
      if (!connection?.isAt(from)) continue
      this.#linked = from
      return true
    }
    return false
  }

  #handleData(now: Instant, from: SocketAddress, payload: Uint8Array): boolean {
    const id = destinationOf(payload)
    const link = id === undefined ? undefined : this.#links.get(id)
    if (!link?.connection) return false
    const { isProven } = link
    link.connection.handlePacket(now, from, payload)
    if (!isProven && link.isProven) this.#leaveOne(now, link)
    if (link !== this.#touched) this.touch(link)
    this.#touched = link
    return true
  }

  #handleAnswer(now: Instant, from: SocketAddress, payload: Uint8Array): void {
    const id = destinationOf(payload)
    const link = id === undefined ? undefined : this.#links.get(id)
    if (!link?.dialing) return
    if (payload[0] === PacketType.cookie) {
      const cookie = decodeCookie(payload)
      if (cookie) link.dialing.handleCookie(from, cookie)
    } else {
      const noise = decodeResponse(payload)
      const result = noise && link.dialing.handleResponse(now, noise)
      if (!result) return
      link.connect(this.#createConnection(now, true, result, from, link.peer.instance))
    }
    this.touch(link)
  }

  #handleInitial(now: Instant, from: SocketAddress, payload: Uint8Array): void {
    const { local, random } = this.#init
    const initial = decodeInitial(payload, local.key.publicKey)
    if (initial === undefined || initial.version !== LINK_VERSION) return
    const source = idKey(initial.sourceId)
    const known = this.#halfOpen.get(source)
    if (known && Buffer.from(known.noise).equals(initial.noise)) {
      this.#outbox.push({ to: from, payload: known.response })
      return
    }
    if (known || this.#expected.size === 0) return
    const { sourceId } = initial
    // From here on it costs public-key work.
    if (this.#halfOpen.size >= BUSY_HALF_OPEN || !this.#budget.takeUnproven(now)) {
      if (!this.#cookies.isValid(now, from, sourceId, initial.cookie)) {
        const cookie = this.#cookies.cookieFor(now, from, sourceId)
        this.#outbox.push({ to: from, payload: encodeCookie(sourceId, cookie) })
        return
      }
      if (!this.#budget.takeProven(now, from.channel ?? from.host)) return
    }
    if (this.#halfOpen.size >= MAX_HALF_OPEN) return
    const asking = readAsking(local, initial.noise, random(32))
    const expected = asking && this.#expected.get(asking.peer.instance)
    if (!expected || asking.destination !== local.instance || !Buffer.from(expected.key).equals(asking.peer.key)) return

    // Sealed and readable id differ: somebody else sends a first message again to make one link more of it.
    if (!Buffer.from(asking.sourceId).equals(initial.sourceId)) return
    const others = this.#halfOpenWith(asking.peer.instance)
    if (others.length >= MAX_HALF_OPEN_PER_PEER) this.#drop(others[0]!.link)

    const id = random(ID_LENGTH)
    const { message, result } = asking.answer(id)
    const connection = this.#createConnection(now, false, result, undefined, asking.peer.instance)
    const older = [...this.#links.values()].filter((other) => other.peer.instance === asking.peer.instance)
    const confirmBy = now + HANDSHAKE_TIMEOUT
    const link = new LinkMachine(idKey(id), asking.peer, { connection, confirmBy, older })
    const response = encodeResponse(initial.sourceId, message)
    this.#links.set(link.idKey, link)
    this.#halfOpen.set(source, { link, noise: Uint8Array.from(initial.noise), response })
    this.#outbox.push({ to: from, payload: response })
    this.touch(link)
  }

  #createConnection(
    now: Instant,
    isInitiator: boolean,
    result: HandshakeResult,
    remote: SocketAddress | undefined,
    instance: string,
  ): Connection {
    const { random, trace, createController = createBbr, isNear = () => false, maxDatagramSize = Infinity } = this.#init
    const { allocate = Buffer.allocUnsafe } = this.#init
    return new Connection({
      ...result,
      now,
      isInitiator,
      remote,
      createController,
      random,
      isNear,
      allocate,
      maxDatagramSize,
      candidates: this.#approaches.of(instance),
      receiveBuffer: (this.#init.local.parameters ?? LOCAL_PARAMETERS).receiveBuffer,
      trace,
      traceId: instance,
    })
  }

  /**
   * One link with a peer is enough: `link`, which the peer has just used for the first time, replaces what was there before. Only that
   * does: a replayed first message cannot end a living link.
   *
   * When both sides called before either knew of the other's call, each confirms the other's link: both keep the call of the side
   * whose instance sorts first. A call that has no answer yet gives way; it opens on neither side.
   */
  #leaveOne(now: Instant, link: LinkMachine): void {
    // Its first packet was its last one: nobody needs to hear of it.
    if (link.state !== 'open') return link.isInitiator ? undefined : link.silence()
    const all = [...this.#links.values()].filter(({ peer }) => peer.instance === link.peer.instance)
    // The peer has decided when it answered on this side's own link: what is older is over, should its CLOSE be lost or not.
    if (link.isInitiator) return this.#replace(now, all.slice(0, all.indexOf(link)))
    const isFirst = this.#init.local.instance < link.peer.instance
    if (isFirst && all.some((other) => other.isInitiator && other.state === 'open' && !link.isNewerThan(other))) {
      link.silence()
      return link.close(now, 0, 'the other side was called at the same time')
    }
    this.#replace(
      now,
      all.filter((other) => other !== link && (other.isInitiator || other.state === 'open')),
    )
  }

  #replace(now: Instant, links: readonly LinkMachine[]): void {
    for (const link of links) {
      if (link.state === 'closed') continue
      link.close(now, 0, 'replaced by a newer link')
      this.touch(link)
    }
  }

  /** Handshakes with one instance that are not confirmed, oldest first. */
  #halfOpenWith(instance: string): HalfOpen[] {
    return [...this.#halfOpen.values()].filter(
      ({ link }) => link.peer.instance === instance && link.state === 'connecting',
    )
  }

  /** Forgets a link that has nothing more to say. */
  #drop(link: LinkMachine): void {
    for (const [source, half] of this.#halfOpen) if (half.link === link) this.#halfOpen.delete(source)
    this.#links.delete(link.idKey)
    this.#timeouts.delete(link)
    this.#sending.delete(link)
    this.#telling.delete(link)
  }

  /** After a link has said everything it has to say now. */
  #settle(link: LinkMachine): void {
    if (link.state !== 'connecting') {
      for (const [source, half] of this.#halfOpen) if (half.link === link) this.#halfOpen.delete(source)
    }
    const at = link.pollTimeout()
    if (at === undefined) this.#timeouts.delete(link)
    else this.#timeouts.set(link, at)
    if (!link.isDone) return
    this.#links.delete(link.idKey)
    this.#timeouts.delete(link)
  }
}

/** What may come through a relay, the lowest bit aside. */
const RELAYED_TYPES: ReadonlySet<number> = new Set(
  [PacketType.initial, PacketType.response, PacketType.cookie, PacketType.data].map((type) => type & ~1),
)
/** Datagrams that the system joins at most (Linux: UDP_GRO_CNT_MAX); what follows is nobody's. */
const MAX_JOINED = 64
/** Half-open handshakes from which on newcomers must show a cookie. */
const BUSY_HALF_OPEN = 16
/** Half-open handshakes kept at most. */
const MAX_HALF_OPEN = 128
/** Of these, with one peer: more than anybody needs who dials anew each time an answer is late. */
const MAX_HALF_OPEN_PER_PEER = 8
