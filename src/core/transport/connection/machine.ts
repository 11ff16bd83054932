import { TAG_LENGTH } from '../../crypto/packet-keys.ts'
import { MsgError } from '../../errors.ts'
import { millis, seconds, type Duration, type Instant } from '../../time/instant.ts'
import { Reader } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'
import { MAX_RELAYED, RELAY_OVERHEAD } from '../../wire/relay.ts'
import type { Candidate, LinkStats, SocketAddress } from '../endpoint-api.ts'
import { decodeFrame, encodeAck, FrameType, type Frame } from '../frames.ts'
import type { Transmit } from '../machine.ts'
import { DATA_HEADER_LENGTH, DATA_OVERHEAD, readDataHeader, writeDataHeader } from '../packet.ts'
import type { Carried, LostPacket } from '../recovery/loss-detector.ts'
import { StreamSet } from '../streams/stream-set.ts'
import type { Trace } from '../trace.ts'
import { LOCAL_PARAMETERS } from '../transport-parameters.ts'
import { AckTracker } from './acks.ts'
import { Closing } from './closing.ts'
import type { ClosedEvent, ConnectionEvent } from './events.ts'
import type { HandshakeResult } from './handshake.ts'
import { KeyPhases } from './key-phases.ts'
import { LinkTrace } from './link-trace.ts'
import { Liveness } from './liveness.ts'
import { Path, type PathInit } from './path.ts'
import { PathSet, type Move, type PathFrame } from './path-set.ts'
import { Rekeying } from './rekeying.ts'

/** What a connection starts with: the handshake's result and where it stands. */
export interface ConnectionInit extends HandshakeResult, PathInit {
  readonly now: Instant
  readonly isInitiator: boolean
  /** Where the peer is; `undefined` for a responder, who learns it from the first authentic packet. */
  readonly remote: SocketAddress | undefined
  /** Where the peer may be reached besides. */
  readonly candidates: readonly Candidate[]
  /** What this side's socket holds, bytes as the system counts them. */
  readonly receiveBuffer: number
  /** Told what happens, under the name `traceId`. */
  readonly trace: Trace | undefined
  readonly traceId: string
  /** Returns a buffer of that many bytes for one datagram; the driver owns it once it is handed out in a transmit. */
  readonly allocate: (length: number) => Buffer
}

/**
 * One link after its handshake: packets in, packets out, streams between (sans-IO, in the shape of RFC 9000 and 9002).
 *
 * Owns every piece of state of the link. A responder sends nothing before the initiator's first authentic packet.
 */
export class Connection {
  readonly streams: StreamSet
  readonly path: Path
  readonly #init: ConnectionInit
  readonly #trace: LinkTrace
  readonly #keys: KeyPhases
  readonly #rekeying: Rekeying
  readonly #paths: PathSet
  readonly #acks: AckTracker
  readonly #liveness: Liveness
  readonly #closing = new Closing()
  readonly #events: ConnectionEvent[] = []
  #remote: SocketAddress | undefined
  #nextPacketNumber = 0
  #isConfirmed: boolean
  #pingsDue = 0
  #rekeyDue = false
  #stalledUntil: Instant = 0
  /** What goes a second time, by another way. */
  #copy: Transmit | undefined
  /** Where a peer is heard that goes on after the end; `undefined` when none is. */
  #farewellTo: SocketAddress | undefined
  readonly #counts = { packetsSent: 0, packetsReceived: 0, bytesSent: 0, bytesReceived: 0, bytesRelayed: 0 }

  constructor(init: ConnectionInit) {
    this.#init = init
    this.#remote = init.remote
    this.#isConfirmed = init.isInitiator
    this.#keys = new KeyPhases(init.isInitiator, init.secrets.send, init.secrets.receive)
    this.#rekeying = new Rekeying(init.now, init.isInitiator, this.#keys, init.random)
    this.path = new Path(init)
    this.#paths = new PathSet(init)
    this.#paths.offer(init.now, init.candidates)
    this.#trace = new LinkTrace(init.trace, init.traceId)
    this.#acks = new AckTracker(LOCAL_PARAMETERS.maxAckDelay, init.receiveBuffer)
    this.#liveness = new Liveness(init.now, Math.min(LOCAL_PARAMETERS.idleTimeout, init.remoteParameters.idleTimeout))
    this.streams = new StreamSet(init.isInitiator, LOCAL_PARAMETERS, init.remoteParameters)
    if (init.rttSample !== undefined) this.path.rtt.update(init.rttSample, 0)
    // The initiator's first packet tells the responder that its answer arrived and that the keys work.
    if (!init.isInitiator) return
    this.#pingsDue = 1
    if (init.remote) this.#settle(init.now, init.remote)
    this.#trace.onStarted(init.now, init.remote ?? { host: '', port: 0 }, true)
    this.#events.push({ type: 'open' })
  }

  /** Where datagrams go; `undefined` for a responder that has heard nothing authentic yet. */
  get remote(): SocketAddress | undefined {
    return this.#remote
  }

  /** True once both sides are known to hold the keys. */
  get isConfirmed(): boolean {
    return this.#isConfirmed
  }

  get isClosed(): boolean {
    return this.#closing.isClosed
  }

  /** True when a closed connection has nothing left to say and may be forgotten. */
  get isDrained(): boolean {
    return this.#closing.isDrained
  }

  /** Counters and gauges; units as in {@link LinkStats}. */
  stats(): Omit<LinkStats, 'remote'> {
    const { rtt, controller, bytesInFlight, losses } = this.path
    return {
      ...this.#counts,
      ...losses,
      path: this.#paths.kind,
      cause: this.#paths.cause,
      isSearching: this.#paths.isSearching,
      srtt: rtt.hasSample ? Math.round(rtt.smoothed) : 0,
      minRtt: rtt.min,
      cwnd: controller.window,
      bytesInFlight,
      datagramSize: this.path.datagramSize,
      ...this.path.rates,
      congestion: controller.id,
      keyPhase: this.#keys.count,
    }
  }

  /** A data packet for this connection's id. Anything not authentic, or seen before, changes nothing. */
  handlePacket(now: Instant, from: SocketAddress, packet: Uint8Array): void {
    const header = readDataHeader(packet, this.#acks.largest)
    if (header === undefined || this.#acks.isDuplicate(header.packetNumber)) return
    const { packetNumber, keyPhase } = header
    const payload = this.#keys.open(
      now,
      packetNumber,
      keyPhase,
      packet,
      DATA_HEADER_LENGTH,
      now + 3 * this.path.rtt.pto,
    )
    if (payload === undefined) return
    this.#trace.onPacket(now, 'packet_received', packetNumber, packet.byteLength)
    this.#counts.packetsReceived++
    this.#counts.bytesReceived += packet.byteLength
    if (from.channel !== undefined) this.#counts.bytesRelayed += packet.byteLength
    if (this.#closing.isClosed) {
      // What it was told may have gone to a path that is dead.
      this.#farewellTo = from
      return this.#closing.onPacket()
    }
    this.#liveness.onHeard(now)
    this.#confirm(now, from)
    try {
      let isAckEliciting = false
      let isAboutPaths = true
      const reader = new Reader(payload)
      while (reader.remaining > 0) {
        const frame = decodeFrame(reader)
        if (frame.type !== 'ack' && frame.type !== 'padding' && frame.type !== 'close') isAckEliciting = true
        if (isAboutPaths && !PROBING.has(frame.type)) isAboutPaths = false
        this.#handleFrame(now, frame, from)
      }
      this.#acks.onPacket(now, packetNumber, isAckEliciting, this.path.rtt.smoothed, packet.byteLength)
      if (packetNumber === this.#acks.largest && !isAboutPaths) this.#paths.onNewest(now, from)
      this.#followPaths(now)
    } catch (error) {
      if (!MsgError.is(error)) throw error
      this.#close(now, { type: 'closed', kind: 'protocol', code: error.spec.wire ?? 1, reason: error.detail })
      return
    }
    if (this.#rekeying.onPacket(now)) this.#rekeyDue = true
  }

  handleTimeout(now: Instant): void {
    if (this.#closing.isClosed) return this.#closing.handleTimeout(now)
    const at = this.pollTimeout() ?? now
    // What is due at once, whatever the time, is not late.
    const late = at === -Infinity ? 0 : now - at
    if (late > SUSPEND) {
      this.#liveness.onSuspend(now)
      this.#paths.onNetworkChange(now)
    }
    // What waited in the socket meanwhile arrived earlier than it will seem to have.
    if (late > STALL) this.#stalledUntil = now + STALL
    switch (this.#liveness.handleTimeout(now)) {
      case 'dead':
        return this.#close(
          now,
          { type: 'closed', kind: 'idle', code: 0, reason: 'nothing was heard from the peer' },
          false,
        )
      case 'ping':
        this.#pingsDue = Math.max(this.#pingsDue, 1)
    }
    this.streams.deliver(now)
    const { lost, probes, again } = this.path.handleTimeout(now)
    if (probes > 0) this.#paths.onProbeTimeout(now, this.path.ptoCount)
    this.#paths.handleTimeout(now, this.path.rtt.pto)
    this.#followPaths(now)
    this.#sendLost(now, lost)
    if (lost.length > 0) this.#trace.onMetrics(now, this.path)
    this.#pingsDue = Math.max(this.#pingsDue, probes)
    for (const carried of again) this.#sendAgain(carried)
  }

  pollTimeout(): Instant | undefined {
    if (this.#closing.isClosed) return this.#closing.pollTimeout()
    return Math.min(
      this.#liveness.pollTimeout(),
      this.path.pollTimeout(),
      this.#acks.deadline ?? Infinity,
      this.#paths.pollTimeout(),
      this.streams.deliverAt ?? Infinity,
    )
  }

  pollTransmit(now: Instant): Transmit | undefined {
    if (this.#remote === undefined || !this.#isConfirmed) return undefined
    const transmit =
      this.#takeCopy() ?? (this.isClosed ? this.#pollClose(now, this.#remote) : this.#pollPacket(now, this.#remote))
    if (transmit?.to.channel !== undefined) this.#counts.bytesRelayed += transmit.payload.byteLength
    return transmit
  }

  /** Where the peer may be reached, as the server says now. */
  offer(now: Instant, candidates: readonly Candidate[]): void {
    this.#paths.offer(now, candidates)
    this.#followPaths(now)
  }

  /** True when probe timeouts went unanswered. */
  get isStalled(): boolean {
    return this.path.ptoCount >= STALLED_PTOS
  }

  /** This machine's network is another one, or was away. */
  handleNetworkChange(now: Instant): void {
    this.#paths.onNetworkChange(now)
    this.#pingsDue = Math.max(this.#pingsDue, 1)
  }

  /** Tries the peer's address from so many sockets. */
  guess(now: Instant, to: SocketAddress, sockets: number): void {
    this.#paths.guess(now, to, sockets)
  }

  /** True for where the peer's datagrams come from, or came from. */
  isAt(address: SocketAddress): boolean {
    return this.#paths.has(address)
  }

  #takeCopy(): Transmit | undefined {
    const copy = this.#copy
    this.#copy = undefined
    return copy
  }

  #pollPacket(now: Instant, to: SocketAddress): Transmit | undefined {
    this.path.clearPacing()
    const pathFrame = this.#paths.pollFrame()
    if (pathFrame) return this.#sealPathFrame(now, pathFrame)
    const isAckDue = this.#acks.deadline !== undefined && now >= this.#acks.deadline
    const mayPing = this.#pingsDue > 0
    const mayData = mayPing || (this.#hasData && this.path.mayLeave(now))
    if (!isAckDue && !mayData) return this.#pollProbe(now, to)
    if (mayData && this.#hasData && this.#paths.onSending(now)) this.path.isDoubted = true

    const size = this.path.datagramSize
    const packet = this.#init.allocate(mayData ? size : Math.min(size, ACK_ROOM))
    const writer = new Writer(packet, DATA_HEADER_LENGTH, packet.byteLength - TAG_LENGTH)
    const carried: Carried[] = []
    if (isAckDue || this.#acks.isWaiting) this.#writeAck(now, writer)
    if (mayData) this.#writeData(writer, packet, carried)
    if (writer.offset === DATA_HEADER_LENGTH) return undefined
    const payload = this.#seal(now, packet, writer.offset, carried.length > 0 || mayPing ? carried : undefined)
    this.#copyOf(payload)
    return { to, payload }
  }

  pollEvent(): ConnectionEvent | undefined {
    if (this.#events[0]?.type === 'open') return this.#events.shift()
    return this.streams.pollEvent() ?? this.#events.shift()
  }

  /** Asks for a sign of life; without one the connection ends as `idle` soon. */
  probe(now: Instant): void {
    this.#liveness.probe(now)
    this.#pingsDue = Math.max(this.#pingsDue, 1)
  }

  /** Ends the connection and tells the peer. */
  close(now: Instant, code: number, reason: string): void {
    this.#close(now, { type: 'closed', kind: 'local', code, reason })
  }

  get #hasData(): boolean {
    return this.#rekeyDue || this.streams.hasPending
  }

  /** While the path is doubted, the same packet goes by another way, too: the peer takes the first that comes. */
  #copyOf(payload: Uint8Array): void {
    const to = this.#paths.copyTo
    if (to === undefined || payload.byteLength + RELAY_OVERHEAD > MAX_RELAYED) return
    // Of its own: the driver may use the buffer again as soon as the first one is sent.
    this.#copy = { to, payload: Uint8Array.from(payload) }
  }

  #writeAck(now: Instant, writer: Writer): void {
    if (this.#acks.ranges.length > 0 && encodeAck(writer, this.#acks.ranges, this.#acks.delay(now)))
      this.#acks.onAckSent()
  }

  #writeData(writer: Writer, packet: Uint8Array, carried: Carried[]): void {
    const publicKey = this.#rekeyDue ? this.#rekeying.publicKey : undefined
    this.#rekeyDue = false
    if (publicKey) {
      writer.varint(FrameType.rekey)
      writer.bytes(publicKey)
      carried.push({ kind: 'rekey' })
    }
    this.streams.writeFrames(writer, packet, carried)
    if (this.#pingsDue === 0) return
    this.#pingsDue--
    if (carried.length === 0) writer.varint(FrameType.ping)
  }

  /** A datagram of the next rung's size that carries nothing: its loss costs nothing and says nothing of congestion. */
  #pollProbe(now: Instant, to: SocketAddress): Transmit | undefined {
    const size = this.path.takeProbe(now)
    if (size === undefined) return undefined
    const packet = this.#init.allocate(size).fill(FrameType.padding)
    packet[DATA_HEADER_LENGTH] = FrameType.ping
    return { to, payload: this.#seal(now, packet, size - TAG_LENGTH, [{ kind: 'probe' }]) }
  }

  #sealPathFrame(now: Instant, { kind, to, token }: PathFrame): Transmit {
    const packet = this.#init.allocate(DATA_OVERHEAD + 1 + token.byteLength)
    const writer = new Writer(packet, DATA_HEADER_LENGTH)
    writer.varint(kind === 'challenge' ? FrameType.pathChallenge : FrameType.pathResponse)
    writer.bytes(token)
    return { to, payload: this.#seal(now, packet, writer.offset, undefined) }
  }

  /** @param carried - what must arrive; `undefined` for a packet that asks for no acknowledgement. */
  #seal(now: Instant, buffer: Buffer, end: number, carried: Carried[] | undefined): Uint8Array {
    const packetNumber = this.#nextPacketNumber++
    const length = end + TAG_LENGTH
    const packet = length === buffer.byteLength ? buffer : buffer.subarray(0, length)
    writeDataHeader(packet, this.#keys.phase, this.#init.remoteId, packetNumber)
    this.#keys.seal(packetNumber, packet, DATA_HEADER_LENGTH)
    this.#counts.packetsSent++
    this.#counts.bytesSent += packet.byteLength
    if (this.#rekeying.onPacket(now)) this.#rekeyDue = true
    this.#trace.onPacket(now, 'packet_sent', packetNumber, packet.byteLength)
    if (carried === undefined) return packet
    this.path.onSent(now, packetNumber, packet.byteLength, carried, this.#hasData)
    return packet
  }

  #pollClose(now: Instant, remote: SocketAddress): Transmit | undefined {
    if (!this.#closing.takePacketDue()) return undefined
    const payload = this.#sealClose(now)
    if (!this.#farewellTo) this.#copyOf(payload)
    return { to: this.#farewellTo ?? remote, payload }
  }

  #sealClose(now: Instant): Uint8Array {
    const { code, reason } = this.#closing.event!
    const text = Buffer.from(reason).subarray(0, 128)
    const packet = this.#init.allocate(DATA_OVERHEAD + 32 + text.byteLength)
    const writer = new Writer(packet, DATA_HEADER_LENGTH)
    writer.varint(FrameType.close)
    writer.varint(code)
    writer.varint(text.byteLength)
    writer.bytes(text)
    return this.#seal(now, packet, writer.offset, undefined)
  }

  #handleFrame(now: Instant, frame: Frame, from: SocketAddress): void {
    switch (frame.type) {
      case 'padding':
      case 'ping':
        return
      case 'ack':
        return this.#handleAck(now, frame)
      case 'close':
        return this.#close(now, { type: 'closed', kind: 'remote', code: frame.code, reason: frame.reason }, false)
      case 'path-challenge':
        return this.#paths.handleChallenge(now, from, frame.token)
      case 'path-response':
        return this.#paths.handleResponse(now, from, frame.token, this.path.rtt.pto)
      case 'rekey':
        if (this.#rekeying.handleRekey(now, frame.publicKey)) this.#rekeyDue = true
        return
      default:
        this.#paths.onUsed(now)
        this.streams.handleFrame(now, this.path.rtt.smoothed, frame)
    }
  }

  #handleAck(now: Instant, ack: Extract<Frame, { type: 'ack' }>): void {
    if (ack.largest >= this.#nextPacketNumber)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'an ACK of a packet never sent' })
    const { acked, lost, isHere } = this.path.handleAck(now, ack, now >= this.#stalledUntil)
    if (isHere) this.#paths.onAcked(now)
    for (const packet of acked) for (const carried of packet.carried) this.streams.onAcked(carried)
    this.#sendLost(now, lost)
    if (acked.length === 0) return
    this.streams.onWindow(this.path.window)
    this.#trace.onAcked(now, acked, this.path)
  }

  #sendLost(now: Instant, lost: readonly LostPacket[]): void {
    for (const packet of lost) {
      this.#trace.onLost(now, packet)
      for (const carried of packet.carried) this.#sendAgain(carried)
    }
  }

  #sendAgain(carried: Carried): void {
    if (carried.kind === 'probe') return
    if (carried.kind === 'rekey') this.#rekeyDue = this.#rekeying.publicKey !== undefined
    else this.streams.onLost(carried)
  }

  #confirm(now: Instant, from: SocketAddress): void {
    if (this.#isConfirmed) return
    this.#isConfirmed = true
    this.#remote = from
    this.#settle(now, from)
    this.#trace.onStarted(now, from, this.#init.isInitiator)
    this.#events.push({ type: 'open' })
  }

  #settle(now: Instant, remote: SocketAddress): void {
    this.#paths.open(now, remote)
    this.path.settle(remote)
  }

  #followPaths(now: Instant): void {
    for (let move = this.#paths.pollMove(); move; move = this.#paths.pollMove()) this.#move(now, move)
    this.path.isDoubted = this.#paths.isDoubted
  }

  /** Another port is the same path behind a NAT; another host, or another way to it, is a path of which nothing is known but how long it takes. */
  #move(now: Instant, { to, cause, rtt }: Move): void {
    const from = this.#remote
    if (from === undefined) return
    this.#remote = to
    this.#events.push({ type: 'moved' })
    // What went to the old address may be lost: an answer from the new one says so at once.
    this.#pingsDue = Math.max(this.#pingsDue, 1)
    this.#trace.onMoved(now, to)
    const isOther = from.host !== to.host || (from.channel === undefined) !== (to.channel === undefined)
    if (isOther) this.path.restart(now, to, { rtt, isDead: cause !== 'confirmed' })
    else this.path.onMoved(now)
  }

  #close(now: Instant, event: ClosedEvent, tellPeer = true): void {
    if (this.#closing.isClosed) return
    this.#closing.start(now, event, this.path.rtt.pto, tellPeer && this.#isConfirmed)
    this.#trace.onClosed(now, event)
    // Nobody was told of a link that never opened: a first message that came twice, or was replayed, is no news.
    if (this.#isConfirmed) this.#events.push(event)
  }
}

/** Frames that say nothing of where the peer wants its packets. RFC 9000 section 9.1 */
const PROBING: ReadonlySet<Frame['type']> = new Set(['path-challenge', 'path-response', 'padding'])
/** Bytes that a packet with nothing but an ACK fits into. */
const ACK_ROOM = 1_200
/** One may be lost. */
const STALLED_PTOS = 2
/** A timer this late means that the event loop stood still; RTT samples of that turn are not believed. */
const STALL: Duration = millis(20)
/** A timer this late means that the machine slept. */
const SUSPEND: Duration = seconds(2)
