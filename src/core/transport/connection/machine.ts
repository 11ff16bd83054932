import { TAG_LENGTH } from '../../crypto/packet-keys.ts'
import { MsgError } from '../../errors.ts'
import { millis, seconds, type Duration, type Instant } from '../../time/instant.ts'
import { Writer } from '../../wire/writer.ts'
import type { CongestionController, CongestionControllerFactory } from '../congestion/controller.ts'
import type { SocketAddress } from '../endpoint-api.ts'
import { decodeFrames, encodeAck, FrameType, type Frame } from '../frames.ts'
import type { Transmit } from '../machine.ts'
import { Pacer } from '../pacer.ts'
import { DATA_HEADER_LENGTH, DATA_OVERHEAD, readDataHeader, writeDataHeader } from '../packet.ts'
import { DeliveryRate } from '../recovery/delivery-rate.ts'
import { LossDetector, type Carried, type SentPacket } from '../recovery/loss-detector.ts'
import { RttEstimator } from '../recovery/rtt-estimator.ts'
import { StreamSet } from '../streams/stream-set.ts'
import type { Trace } from '../trace.ts'
import { LOCAL_PARAMETERS } from '../transport-parameters.ts'
import { AckTracker } from './acks.ts'
import { Closing } from './closing.ts'
import type { ClosedEvent, ConnectionEvent } from './events.ts'
import type { HandshakeResult } from './handshake.ts'
import { DatagramLadder } from './datagram-ladder.ts'
import { KeyPhases } from './key-phases.ts'
import { Liveness } from './liveness.ts'
import { isSameAddress, PathValidator, type PathFrame } from './path-validator.ts'
import { Rekeying } from './rekeying.ts'

/** What a connection starts with: the handshake's result and where it stands. */
export interface ConnectionInit extends HandshakeResult {
  readonly now: Instant
  readonly isInitiator: boolean
  /** Where the peer is; `undefined` for a responder, who learns it from the first authentic packet. */
  readonly remote: SocketAddress | undefined
  readonly createController: CongestionControllerFactory
  /** Returns that many random bytes. */
  readonly random: (length: number) => Uint8Array
  /** True for addresses on this machine or this network. */
  readonly isNear: (address: SocketAddress) => boolean
  /** Told what happens, under the name `traceId`. */
  readonly trace: Trace | undefined
  readonly traceId: string
  /** Largest datagram to send, bytes. */
  readonly maxDatagramSize: number
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
  readonly rtt = new RttEstimator()
  readonly #trace: Trace | undefined
  readonly #init: ConnectionInit
  readonly #keys: KeyPhases
  readonly #rekeying: Rekeying
  readonly #loss: LossDetector
  readonly #rate = new DeliveryRate()
  readonly #paths: PathValidator
  readonly #acks: AckTracker
  #controller: CongestionController
  readonly #pacer: Pacer
  readonly #liveness: Liveness
  readonly #closing = new Closing()
  readonly #events: ConnectionEvent[] = []
  #remote: SocketAddress | undefined
  #nextPacketNumber = 0
  #isConfirmed: boolean
  #pingsDue = 0
  #rekeyDue = false
  #paceUntil: Instant | undefined
  #ladder: DatagramLadder | undefined
  #windowCap = Infinity
  /** The last run of losses: when it began, and how many of them have not turned up. */
  #episodeAt: Instant = -1
  #episodeLost = 0
  #datagramSize = BASE_DATAGRAM_SIZE
  #stalledUntil: Instant = 0
  readonly #counts = {
    packetsSent: 0,
    packetsReceived: 0,
    packetsLost: 0,
    packetsSpurious: 0,
    bytesSent: 0,
    bytesReceived: 0,
  }

  constructor(init: ConnectionInit) {
    this.#init = init
    this.#remote = init.remote
    this.#isConfirmed = init.isInitiator
    this.#keys = new KeyPhases(init.isInitiator, init.secrets.send, init.secrets.receive)
    this.#rekeying = new Rekeying(init.now, init.isInitiator, this.#keys, init.random)
    this.#loss = new LossDetector(this.rtt)
    this.#paths = new PathValidator(init.random)
    this.#trace = init.trace
    this.#acks = new AckTracker(LOCAL_PARAMETERS.maxAckDelay)
    this.#controller = this.#createController()
    this.#pacer = new Pacer(this.#controller.window)
    this.#liveness = new Liveness(init.now, Math.min(LOCAL_PARAMETERS.idleTimeout, init.remoteParameters.idleTimeout))
    this.streams = new StreamSet(init.isInitiator, LOCAL_PARAMETERS, init.remoteParameters)
    if (init.rttSample !== undefined) this.rtt.update(init.rttSample, 0)
    // The initiator's first packet tells the responder that its answer arrived and that the keys work.
    if (!init.isInitiator) return
    this.#pingsDue = 1
    if (init.remote) this.#climb(init.now, init.remote)
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
  stats(): typeof this.counts & {
    srtt: Duration
    minRtt: Duration
    cwnd: number
    bytesInFlight: number
    keyPhase: number
  } {
    return {
      ...this.#counts,
      srtt: this.rtt.hasSample ? Math.round(this.rtt.smoothed) : 0,
      minRtt: this.rtt.min,
      cwnd: this.#controller.window,
      bytesInFlight: this.#loss.bytesInFlight,
      keyPhase: this.#keys.count,
    }
  }

  /** The congestion controller's state, for traces. */
  get congestion(): Readonly<Record<string, number | string>> {
    return this.#controller.snapshot()
  }

  /** Packets and bytes (whole datagrams) so far. */
  get counts(): Readonly<
    Record<
      'packetsSent' | 'packetsReceived' | 'packetsLost' | 'packetsSpurious' | 'bytesSent' | 'bytesReceived',
      number
    >
  > {
    return this.#counts
  }

  /** A data packet for this connection's id. Anything not authentic, or seen before, changes nothing. */
  handlePacket(now: Instant, from: SocketAddress, packet: Uint8Array): void {
    const header = readDataHeader(packet, this.#acks.largest)
    if (header === undefined || this.#acks.isDuplicate(header.packetNumber)) return
    const { packetNumber, keyPhase } = header
    const payload = this.#keys.open(now, packetNumber, keyPhase, packet, DATA_HEADER_LENGTH, now + 3 * this.rtt.pto)
    if (payload === undefined) return
    this.#trace?.({
      time: now,
      link: this.#init.traceId,
      name: 'packet_received',
      packet_number: packetNumber,
      length: packet.byteLength,
    })
    this.#counts.packetsReceived++
    this.#counts.bytesReceived += packet.byteLength
    if (this.#closing.isClosed) return this.#closing.onPacket()
    this.#liveness.onHeard(now)
    this.#confirm(now, from)
    try {
      let isAckEliciting = false
      for (const frame of decodeFrames(payload)) {
        if (frame.type !== 'ack' && frame.type !== 'padding' && frame.type !== 'close') isAckEliciting = true
        this.#handleFrame(now, frame, from)
      }
      this.#acks.onPacket(now, packetNumber, isAckEliciting, this.rtt.smoothed)
      const isNewest = packetNumber === this.#acks.largest
      if (isNewest && this.#remote && !isSameAddress(from, this.#remote)) this.#paths.onMoved(now, from)
    } catch (error) {
      if (!MsgError.is(error)) throw error
      this.#close(now, { type: 'closed', kind: 'protocol', code: error.spec.wire ?? 1, reason: error.detail })
      return
    }
    if (this.#rekeying.onPacket(now)) this.#rekeyDue = true
  }

  handleTimeout(now: Instant): void {
    if (this.#closing.isClosed) return this.#closing.handleTimeout(now)
    const late = now - (this.pollTimeout() ?? now)
    if (late > SUSPEND) this.#liveness.onSuspend(now)
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
    const { lost, probes } = this.#loss.onTimeout(now, this.#init.remoteParameters.maxAckDelay)
    if (lost.length > 0) this.#onLost(now, lost)
    if (probes === 0) return
    this.#resize(this.#ladder?.onProbeTimeout(now, this.#loss.ptoCount))
    this.#probeLoss(probes)
  }

  pollTimeout(): Instant | undefined {
    if (this.#closing.isClosed) return this.#closing.pollTimeout()
    return Math.min(
      this.#liveness.pollTimeout(),
      this.#loss.pollTimeout(this.#init.remoteParameters.maxAckDelay) ?? Infinity,
      this.#acks.deadline ?? Infinity,
      this.#paceUntil ?? Infinity,
      this.#ladder?.pollTimeout() ?? Infinity,
      this.#paths.pollTimeout() ?? Infinity,
    )
  }

  pollTransmit(now: Instant): Transmit | undefined {
    if (this.#remote === undefined || !this.#isConfirmed) return undefined
    if (this.#closing.isClosed) return this.#closing.takePacketDue() ? this.#sealClose(now, this.#remote) : undefined
    this.#paceUntil = undefined
    const pathFrame = this.#paths.pollFrame(now, this.rtt.pto)
    if (pathFrame) return this.#sealPathFrame(now, pathFrame)
    const isAckDue = this.#acks.deadline !== undefined && now >= this.#acks.deadline
    const mayPing = this.#pingsDue > 0
    const mayData = mayPing || (this.#hasData && this.#mayLeave(now))
    if (!isAckDue && !mayData) return this.#pollProbe(now, this.#remote)

    const packet = this.#init.allocate(this.#datagramSize)
    const writer = new Writer(packet.subarray(0, this.#datagramSize - TAG_LENGTH), DATA_HEADER_LENGTH)
    const carried: Carried[] = []
    if (isAckDue || this.#acks.isWaiting) this.#writeAck(now, writer)
    if (mayData) this.#writeData(writer, packet, carried)
    if (writer.offset === DATA_HEADER_LENGTH) return undefined
    return {
      to: this.#remote,
      payload: this.#seal(now, packet, writer.offset, carried.length > 0 || mayPing ? carried : undefined),
    }
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

  #createController(): CongestionController {
    return this.#init.createController({
      datagramSize: this.#datagramSize,
      random: () => this.#init.random(1)[0]! / 256,
    })
  }

  get #hasData(): boolean {
    return this.#rekeyDue || this.streams.hasPending
  }

  get #hasRoom(): boolean {
    return this.#loss.bytesInFlight + this.#datagramSize <= this.#window
  }

  /** True when congestion window and pacing let one more datagram go; sets the pacing timer otherwise. */
  #mayLeave(now: Instant): boolean {
    if (!this.#hasRoom) return false
    const at = this.#pacer.ready(now, this.#datagramSize, this.#pacingRate)
    if (at <= now) return true
    this.#paceUntil = at
    return false
  }

  get #pacingRate(): number {
    const { pacingRate, isSlowStart, window } = this.#controller
    if (!this.rtt.hasSample) return Infinity
    return pacingRate ?? ((isSlowStart ? SLOW_START_GAIN : PACING_GAIN) * window) / this.rtt.smoothed
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
    const size = this.#ladder?.takeProbe(now)
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
    const packet = buffer.subarray(0, end + TAG_LENGTH)
    writeDataHeader(packet, this.#keys.phase, this.#init.remoteId, packetNumber)
    this.#keys.seal(packetNumber, packet, DATA_HEADER_LENGTH)
    this.#counts.packetsSent++
    this.#counts.bytesSent += packet.byteLength
    if (this.#rekeying.onPacket(now)) this.#rekeyDue = true
    this.#trace?.({
      time: now,
      link: this.#init.traceId,
      name: 'packet_sent',
      packet_number: packetNumber,
      length: packet.byteLength,
    })
    if (carried === undefined) return packet
    // What tries a size must not touch congestion state: it weighs nothing.
    const bytes = carried[0]?.kind === 'probe' ? 0 : packet.byteLength
    const stamp = this.#rate.onSent(now, this.#loss.bytesInFlight)
    const appLimited = this.#hasRoom && !this.#hasData
    this.#loss.onSent({
      packetNumber,
      sentAt: now,
      bytes,
      carried,
      appLimited,
      inFlight: this.#loss.bytesInFlight + bytes,
      stamp,
    })
    if (appLimited) this.#rate.onAppLimited(this.#loss.bytesInFlight)
    this.#pacer.onSent(bytes)
    return packet
  }

  #sealClose(now: Instant, to: SocketAddress): Transmit {
    const { code, reason } = this.#closing.event!
    const text = Buffer.from(reason).subarray(0, 128)
    const packet = this.#init.allocate(DATA_OVERHEAD + 32 + text.byteLength)
    const writer = new Writer(packet, DATA_HEADER_LENGTH)
    writer.varint(FrameType.close)
    writer.varint(code)
    writer.varint(text.byteLength)
    writer.bytes(text)
    return { to, payload: this.#seal(now, packet, writer.offset, undefined) }
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
        return this.#paths.handleChallenge(from, frame.token)
      case 'path-response':
        return this.#move(now, this.#paths.handleResponse(frame.token))
      case 'rekey':
        if (this.#rekeying.handleRekey(now, frame.publicKey)) this.#rekeyDue = true
        return
      default:
        this.streams.handleFrame(now, this.rtt.smoothed, frame)
    }
  }

  #handleAck(now: Instant, ack: Extract<Frame, { type: 'ack' }>): void {
    if (ack.largest >= this.#nextPacketNumber)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'an ACK of a packet never sent' })
    const priorInFlight = this.#loss.bytesInFlight
    const { acked, spurious, rttSample } = this.#loss.onAck(now, ack.largest, ack.ranges)
    const rtt = now >= this.#stalledUntil ? rttSample : undefined
    if (rtt !== undefined) this.rtt.update(rtt, Math.min(ack.delay, this.#init.remoteParameters.maxAckDelay))
    const lost = this.#loss.detectLost(now)
    this.#onSpurious(spurious)
    let bytes = 0
    let newest: SentPacket | undefined
    for (const packet of acked) {
      bytes += packet.bytes
      if (newest === undefined || packet.packetNumber > newest.packetNumber) newest = packet
      for (const carried of packet.carried) {
        if (carried.kind === 'probe') this.#resize(this.#ladder?.onProbeAcked(now))
        else this.streams.onAcked(carried)
      }
      this.#ladder?.onAcked(packet.bytes)
    }
    if (lost.length > 0) this.#onLost(now, lost)
    if (newest === undefined) return
    this.#controller.onAck({
      now,
      sentAt: newest.sentAt,
      bytes,
      priorInFlight,
      inFlight: this.#loss.bytesInFlight,
      smoothedRtt: this.rtt.smoothed,
      rtt,
      // A window that was not even half used proves nothing about the path (RFC 9002 section 7.8).
      appLimited: newest.appLimited || priorInFlight < this.#controller.window / 2,
      rate: this.#rate.onAck(now, bytes, newest, this.rtt.min),
    })
    this.streams.onWindow(this.#controller.window)
    if (this.#trace) this.#traceMetrics(now, this.#trace)
  }

  #traceMetrics(now: Instant, trace: Trace): void {
    const { pacingRate } = this.#controller
    trace({
      time: now,
      link: this.#init.traceId,
      name: 'metrics_updated',
      congestion_window: this.#window,
      bytes_in_flight: this.#loss.bytesInFlight,
      smoothed_rtt: this.rtt.smoothed / 1_000,
      min_rtt: this.rtt.min / 1_000,
      ...(pacingRate === undefined ? {} : { pacing_rate: Math.round(pacingRate * 8_000_000) }),
      datagram_size: this.#datagramSize,
      controller: this.#controller.snapshot(),
    })
  }

  /** When everything that the last reduction was for has arrived after all, it was for nothing. */
  #onSpurious(count: number): void {
    if (count === 0) return
    this.#counts.packetsSpurious += count
    this.#episodeLost -= count
    if (this.#episodeLost <= 0) this.#controller.onSpuriousLoss()
  }

  #onLost(now: Instant, all: readonly SentPacket[]): void {
    const lost = all.filter(({ carried }) => carried[0]?.kind !== 'probe')
    if (lost.length < all.length) this.#ladder?.onProbeLost(now)
    if (lost.length === 0) return
    for (const { bytes } of lost) this.#resize(this.#ladder?.onLost(now, bytes))
    this.#counts.packetsLost += lost.length
    if (this.#loss.bytesInFlight === 0 || lost[0]!.sentAt > this.#episodeAt) {
      this.#episodeAt = now
      this.#episodeLost = 0
    }
    this.#episodeLost += lost.length
    for (const packet of lost) for (const carried of packet.carried) this.#sendAgain(carried)
    const bytes = lost.reduce((sum, packet) => sum + packet.bytes, 0)
    const persistent = this.#loss.isPersistent(lost, this.#init.remoteParameters.maxAckDelay)
    const { sentAt, inFlight, stamp } = lost.at(-1)!
    this.#rate.onLost(bytes)
    this.#controller.onCongestion({
      now,
      sentAt,
      bytes,
      sentInFlight: inFlight,
      ...this.#rate.since(stamp),
      persistent,
    })
  }

  /** Nothing was acknowledged for a probe timeout: the oldest content goes again, whatever the window says. */
  #probeLoss(probes: number): void {
    this.#pingsDue = probes
    for (const carried of this.#loss.oldest()?.carried ?? []) this.#sendAgain(carried)
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
    this.#climb(now, from)
    this.#events.push({ type: 'open' })
  }

  /** The peer proved that it is at `address` now. Another port is the same path behind a NAT; another host is a path of which nothing is known. */
  #move(now: Instant, address: SocketAddress | undefined): void {
    if (address === undefined || this.#remote === undefined || isSameAddress(address, this.#remote)) return
    const isOtherHost = address.host !== this.#remote.host
    this.#remote = address
    this.#events.push({ type: 'moved' })
    this.#trace?.({
      time: now,
      link: this.#init.traceId,
      name: 'path_changed',
      address: `${address.host} ${address.port}`,
    })
    if (!isOtherHost) return
    this.#datagramSize = BASE_DATAGRAM_SIZE
    this.#windowCap = Infinity
    this.#controller = this.#createController()
    this.rtt.reset()
    this.#climb(now, address)
  }

  #climb(now: Instant, remote: SocketAddress): void {
    const isNear = this.#init.isNear(remote)
    this.#ladder = new DatagramLadder(now, {
      isNear,
      max: Math.min(this.#init.maxDatagramSize, this.#init.remoteParameters.maxDatagramSize),
    })
    // Only the receiver's socket holds what a near path carries at once; a long path holds it itself.
    if (isNear)
      this.#windowCap = Math.max(this.#init.remoteParameters.receiveBuffer / BUFFER_SHARE, 4 * BASE_DATAGRAM_SIZE)
  }

  #resize(size: number | undefined): void {
    if (size === undefined || size === this.#datagramSize) return
    this.#datagramSize = size
    this.#controller.onDatagramSize(size)
  }

  get #window(): number {
    return Math.min(this.#controller.window, Math.max(this.#windowCap, 2 * this.#datagramSize))
  }

  #close(now: Instant, event: ClosedEvent, tellPeer = true): void {
    if (this.#closing.isClosed) return
    this.#closing.start(event, now + 3 * this.rtt.pto, tellPeer && this.#isConfirmed)
    // Nobody was told of a link that never opened: a first message that came twice, or was replayed, is no news.
    if (this.#isConfirmed) this.#events.push(event)
  }
}

/** Bytes of UDP payload that every path is taken to carry. */
const BASE_DATAGRAM_SIZE = 1_200
/** The kernel counts a datagram in a socket's buffer at up to four times its bytes. */
const BUFFER_SHARE = 4
/** RFC 9002 section 7.7 suggests a little above the window's rate, and slow start needs room to double. */
const PACING_GAIN = 1.25
const SLOW_START_GAIN = 2
/** A timer this late means that the event loop stood still; RTT samples of that turn are not believed. */
const STALL: Duration = millis(20)
/** A timer this late means that the machine slept. */
const SUSPEND: Duration = seconds(2)
