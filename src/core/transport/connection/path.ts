import { type Duration, type Instant } from '../../time/instant.ts'
import type { CongestionController, CongestionControllerFactory } from '../congestion/controller.ts'
import type { SocketAddress } from '../endpoint-api.ts'
import type { Frame } from '../frames.ts'
import { Pacer } from '../pacer.ts'
import { DeliveryRate } from '../recovery/delivery-rate.ts'
import { LossDetector, type Carried, type LostPacket, type SentPacket } from '../recovery/loss-detector.ts'
import { RttEstimator } from '../recovery/rtt-estimator.ts'
import type { PathMetrics } from '../trace.ts'
import type { TransportParameters } from '../transport-parameters.ts'
import { DatagramLadder } from './datagram-ladder.ts'

/** What a {@link Path} is built with. */
export interface PathInit {
  readonly createController: CongestionControllerFactory
  /** Returns that many random bytes. */
  readonly random: (length: number) => Uint8Array
  /** True for addresses on this machine or this network. */
  readonly isNear: (address: SocketAddress) => boolean
  /** Largest datagram to send, bytes. */
  readonly maxDatagramSize: number
  readonly remoteParameters: TransportParameters
}

/** What became of packets: what they carried is acknowledged, or must go again. */
export interface Outcome {
  readonly acked: readonly SentPacket[]
  readonly lost: readonly LostPacket[]
  /** Some of what is acknowledged was sent on this path, not on one before. */
  readonly isHere: boolean
}

/** How a path may be used: what is in flight on it, how long it takes, how fast and how large datagrams may leave. */
export class Path {
  readonly rtt = new RttEstimator()
  /** True while it is not known whether anything arrives: datagrams are small then, so that they fit another way, too. */
  isDoubted = false
  readonly #init: PathInit
  readonly #loss = new LossDetector(this.rtt)
  readonly #rate = new DeliveryRate()
  readonly #pacer: Pacer
  #controller: CongestionController
  #ladder: DatagramLadder | undefined
  #datagramSize = BASE_DATAGRAM_SIZE
  /** What the receiver's socket holds of a near path, bytes. */
  #cap = Infinity
  #paceUntil: Instant | undefined
  /** The last run of losses: when it began, and how many of them have not turned up. */
  #episodeAt: Instant = -1
  #episodeLost = 0
  /** What left before went to an address that is dead. */
  #movedAt: Instant = -1
  /** Newest packet sent, and newest that went to another host than the peer is at now: on a path that says nothing of this one. */
  #newestSent = -Infinity
  #newestElsewhere = -Infinity
  #lost = 0
  #spurious = 0
  /** As the last busy moment showed it, bytes per microsecond. */
  #deliveryRate = 0

  constructor(init: PathInit) {
    this.#init = init
    this.#controller = this.#createController()
    this.#pacer = new Pacer(this.#controller.window)
  }

  /** Largest datagram to send now, bytes. */
  get datagramSize(): number {
    return this.isDoubted ? BASE_DATAGRAM_SIZE : this.#datagramSize
  }

  /** Bytes that may be in flight. */
  get window(): number {
    return Math.min(this.#controller.window, Math.max(this.#cap, 2 * this.#datagramSize))
  }

  /** The congestion controller. */
  get controller(): CongestionController {
    return this.#controller
  }

  get bytesInFlight(): number {
    return this.#loss.bytesInFlight
  }

  /** Probe timeouts since something was acknowledged. */
  get ptoCount(): number {
    return this.#loss.ptoCount
  }

  /** Packets given up so far, and those of them that arrived after all. */
  get losses(): { readonly packetsLost: number; readonly packetsSpurious: number } {
    return { packetsLost: this.#lost, packetsSpurious: this.#spurious }
  }

  /** The peer is at `remote`: learn what that path carries. */
  settle(remote: SocketAddress): void {
    const { isNear, maxDatagramSize, remoteParameters } = this.#init
    const isRelayed = remote.channel !== undefined
    const near = !isRelayed && isNear(remote)
    this.#ladder = new DatagramLadder({
      kind: isRelayed ? 'relayed' : near ? 'near' : 'far',
      max: Math.min(maxDatagramSize, remoteParameters.maxDatagramSize),
    })
    // Only the receiver's socket holds what a near path carries at once; a long path holds it itself.
    this.#cap = near ? Math.max(remoteParameters.receiveBuffer / BUFFER_SHARE, 4 * BASE_DATAGRAM_SIZE) : Infinity
  }

  /** The peer is at another address: what went to the old one is lost, and says nothing of the path (RFC 9000 section 9.4). */
  onMoved(now: Instant): void {
    this.#movedAt = now
  }

  /**
   * The link takes another path: nothing learnt of the old one holds. What is in flight there is still waited for.
   *
   * @param rtt - of the new path, microseconds, where a challenge told.
   * @param isDead - nothing is expected of the old one any more.
   */
  restart(now: Instant, remote: SocketAddress, { rtt, isDead }: { rtt: Duration | undefined; isDead: boolean }): void {
    // Packets of both paths arrive in any order until the slower one is empty.
    const longest = Math.max(this.rtt.smoothed, this.rtt.latest)
    if (!isDead) this.#loss.onMoved(this.#newestSent, now + GRACE * longest)
    this.onMoved(now)
    this.#newestElsewhere = this.#newestSent
    this.#datagramSize = BASE_DATAGRAM_SIZE
    this.#controller = this.#createController()
    this.rtt.reset()
    if (rtt !== undefined) this.rtt.update(rtt, 0)
    this.#deliveryRate = 0
    this.settle(remote)
  }

  /** True when window and pacing let one more datagram go; sets the pacing timer otherwise. */
  mayLeave(now: Instant): boolean {
    this.#paceUntil = undefined
    if (!this.#hasRoom) return false
    const at = this.#pacer.ready(now, this.#datagramSize, this.#pacingRate)
    if (at > now) this.#paceUntil = at
    return at <= now
  }

  /** Nothing waits to leave, so nothing waits for its turn. */
  clearPacing(): void {
    this.#paceUntil = undefined
  }

  /** Size of the datagram that tries the next rung, when it is time; asking takes it. */
  takeProbe(now: Instant): number | undefined {
    return this.#ladder?.takeProbe(now)
  }

  /** @param hasMore - more waits to be sent: the window, not the application, is the limit. */
  onSent(now: Instant, packetNumber: number, length: number, carried: readonly Carried[], hasMore: boolean): void {
    // What tries a size must not touch congestion state: it weighs nothing.
    const bytes = isProbe(carried) ? 0 : length
    this.#newestSent = packetNumber
    const stamp = this.#rate.onSent(now, this.bytesInFlight)
    const inFlight = this.bytesInFlight + bytes
    const appLimited = inFlight + this.#datagramSize <= this.window && !hasMore
    this.#loss.onSent({ packetNumber, sentAt: now, bytes, carried, appLimited, inFlight, stamp })
    this.#pacer.onSent(bytes)
    if (appLimited) this.#rate.onAppLimited(inFlight)
    if (hasMore && length > FULL * this.#datagramSize) this.#ladder?.onFull(now)
  }

  /** @param isTimely - false right after the event loop stood still, when no round trip can be read. */
  handleAck(now: Instant, ack: Extract<Frame, { type: 'ack' }>, isTimely: boolean): Outcome {
    const priorInFlight = this.bytesInFlight
    const { acked, spurious, rttSample } = this.#loss.onAck(now, ack.largest, ack.ranges)
    const rtt = isTimely && ack.largest > this.#newestElsewhere ? rttSample : undefined
    if (rtt !== undefined) this.rtt.update(rtt, Math.min(ack.delay, this.#maxAckDelay))
    const lost = this.#loss.detectLost(now)
    this.#onSpurious(spurious)
    let bytes = 0
    let newest: SentPacket | undefined
    for (const packet of acked) {
      // RFC 9000 section 9.4: neither congestion control nor round trips learn from what went elsewhere.
      if (packet.packetNumber <= this.#newestElsewhere) continue
      bytes += packet.bytes
      if (newest === undefined || packet.packetNumber > newest.packetNumber) newest = packet
      if (isProbe(packet.carried)) this.#resize(this.#ladder?.onProbeAcked(now))
      else this.#ladder?.onAcked(packet.bytes)
    }
    this.#onLost(now, lost)
    if (newest === undefined) return { acked, lost, isHere: false }
    const rate = this.#rate.onAck(now, bytes, newest, this.rtt.min)
    // What the application held back says only that the path carries at least that.
    if (rate.rate > 0 && (!rate.isAppLimited || rate.rate > this.#deliveryRate)) this.#deliveryRate = rate.rate
    this.#controller.onAck({
      now,
      sentAt: newest.sentAt,
      bytes,
      priorInFlight,
      inFlight: this.bytesInFlight,
      smoothedRtt: this.rtt.smoothed,
      rtt,
      // A window that was not even half used proves nothing about the path (RFC 9002 section 7.8).
      appLimited: newest.appLimited || priorInFlight < this.#controller.window / 2,
      rate,
    })
    return { acked, lost, isHere: true }
  }

  /** @returns packets that are lost by now, and how many probes must go, whatever the window says, with what `again` carried. */
  handleTimeout(now: Instant): { lost: readonly LostPacket[]; probes: number; again: readonly Carried[] } {
    const { lost, probes } = this.#loss.onTimeout(now, this.#maxAckDelay)
    this.#onLost(now, lost)
    if (probes === 0) return { lost, probes, again: [] }
    this.#resize(this.#ladder?.onProbeTimeout(now, this.#loss.ptoCount))
    return { lost, probes, again: this.#loss.oldest()?.carried ?? [] }
  }

  pollTimeout(): Instant {
    return Math.min(
      this.#loss.pollTimeout(this.#maxAckDelay) ?? Infinity,
      this.#paceUntil ?? Infinity,
      this.#ladder?.pollTimeout() ?? Infinity,
    )
  }

  /** How fast the path delivered lately, and how fast datagrams may leave, bits per second; 0 while unknown. */
  get rates(): { readonly deliveryRate: number; readonly pacingRate: number } {
    const pacing = this.#pacingRate
    return {
      deliveryRate: Math.round(this.#deliveryRate * 8_000_000),
      pacingRate: pacing === Infinity ? 0 : Math.round(pacing * 8_000_000),
    }
  }

  /** State for traces: sizes in bytes, times in milliseconds, rates in bits per second. */
  metrics(): PathMetrics {
    const { deliveryRate, pacingRate } = this.rates
    return {
      congestion_window: this.window,
      bytes_in_flight: this.bytesInFlight,
      smoothed_rtt: this.rtt.smoothed / 1_000,
      min_rtt: this.rtt.min / 1_000,
      datagram_size: this.#datagramSize,
      ...(deliveryRate === 0 ? {} : { delivery_rate: deliveryRate }),
      ...(pacingRate === 0 ? {} : { pacing_rate: pacingRate }),
      controller: this.#controller.snapshot(),
    }
  }

  get #maxAckDelay(): Duration {
    return this.#init.remoteParameters.maxAckDelay
  }

  get #hasRoom(): boolean {
    return this.bytesInFlight + this.#datagramSize <= this.window
  }

  /** Bytes per microsecond; Infinity before an RTT is known. */
  get #pacingRate(): number {
    if (!this.rtt.hasSample) return Infinity
    const { pacingRate, isSlowStart, window } = this.#controller
    return pacingRate ?? ((isSlowStart ? SLOW_START_GAIN : PACING_GAIN) * window) / this.rtt.smoothed
  }

  #createController(): CongestionController {
    const { createController, random } = this.#init
    return createController({ datagramSize: this.#datagramSize, random: () => random(1)[0]! / 256 })
  }

  #onLost(now: Instant, all: readonly SentPacket[]): void {
    const lost = all.filter(({ carried }) => !isProbe(carried))
    if (all.some((packet) => isProbe(packet.carried) && packet.packetNumber > this.#newestElsewhere))
      this.#ladder?.onProbeLost(now)
    this.#lost += lost.length
    const last = lost.at(-1)
    if (last === undefined || last.sentAt < this.#movedAt) return
    for (const { bytes, sentAt } of lost) if (sentAt >= this.#movedAt) this.#resize(this.#ladder?.onLost(now, bytes))
    if (this.bytesInFlight === 0 || lost[0]!.sentAt > this.#episodeAt) {
      this.#episodeAt = now
      this.#episodeLost = 0
    }
    this.#episodeLost += lost.length
    const bytes = lost.reduce((sum, packet) => sum + packet.bytes, 0)
    this.#rate.onLost(bytes)
    this.#controller.onCongestion({
      now,
      sentAt: last.sentAt,
      bytes,
      sentInFlight: last.inFlight,
      ...this.#rate.since(last.stamp),
      appLimited: last.stamp.isAppLimited,
      persistent: this.#loss.isPersistent(lost, this.#maxAckDelay),
    })
  }

  /** When everything that the last reduction was for has arrived after all, it was for nothing. */
  #onSpurious(count: number): void {
    if (count === 0) return
    this.#spurious += count
    this.#episodeLost -= count
    if (this.#episodeLost <= 0) this.#controller.onSpuriousLoss()
  }

  #resize(size: number | undefined): void {
    if (size === undefined || size === this.#datagramSize) return
    this.#datagramSize = size
    this.#controller.onDatagramSize(size)
  }
}

const isProbe = (carried: readonly Carried[]): boolean => carried[0]?.kind === 'probe'

/** Bytes of UDP payload that every path is taken to carry. */
const BASE_DATAGRAM_SIZE = 1_200
/** Share of the largest size from which on a datagram is full: frames do not always fill the last bytes. */
const FULL = 0.9
/** The kernel counts a datagram in a socket's buffer at up to four times its bytes. */
const BUFFER_SHARE = 4
/** Round trips of an older path in which what went there may still be acknowledged: RFC 9002 section 6.1.2, kTimeThreshold. */
const GRACE = 9 / 8
/** RFC 9002 section 7.7 suggests a little above the window's rate, and slow start needs room to double. */
const PACING_GAIN = 1.25
const SLOW_START_GAIN = 2
