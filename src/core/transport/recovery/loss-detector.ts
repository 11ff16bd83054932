import { seconds, type Duration, type Instant } from '../../time/instant.ts'
import type { Range } from '../../wire/range-set.ts'
import type { DeliveryStamp } from './delivery-rate.ts'
import { TIMER_GRANULARITY, type RttEstimator } from './rtt-estimator.ts'

/** What was in a packet that must be sent again when the packet is lost. */
export type Carried =
  | {
      readonly kind: 'stream'
      readonly stream: number
      readonly start: number
      readonly end: number
      readonly fin: boolean
    }
  | { readonly kind: 'reset'; readonly stream: number }
  | { readonly kind: 'stop'; readonly stream: number }
  | { readonly kind: 'max-stream-data'; readonly stream: number }
  | { readonly kind: 'max-data' | 'max-streams' | 'rekey' }
  /** A datagram that tries a size; never sent again. */
  | { readonly kind: 'probe' }

/** A packet on its way. */
export interface SentPacket {
  readonly packetNumber: number
  readonly sentAt: Instant
  /** Bytes of the whole datagram; they count as in flight. */
  readonly bytes: number
  readonly carried: readonly Carried[]
  /** True when there was nothing more to send and room for it. */
  readonly appLimited: boolean
  /** Bytes in flight with this packet. */
  readonly inFlight: number
  readonly stamp: DeliveryStamp
}

/** A packet that was given up, and by which rule (qlog's names). */
export interface LostPacket extends SentPacket {
  readonly trigger: 'reordering_threshold' | 'time_threshold'
}

/** What one ACK changed. */
export interface AckOutcome {
  readonly acked: readonly SentPacket[]
  /** How many packets arrived that had been given up. */
  readonly spurious: number
  /** RTT sample, microseconds; `undefined` when the ACK gives none. */
  readonly rttSample: Duration | undefined
}

/**
 * Which packets arrived, which are lost, and when to ask. Only ack-eliciting packets are kept here.
 *
 * Source: RFC 9002 section 6 (packet threshold 3, time threshold 9/8, probe timeout) and 7.6 (persistent congestion).
 */
export class LossDetector {
  /** In order of packet number. */
  readonly #sent = new Map<number, SentPacket>()
  readonly #rtt: RttEstimator
  #bytesInFlight = 0
  #largestAcked = -1
  /** Ranges of the newest ACK. */
  #ackedRanges: readonly Readonly<Range>[] = []
  /** Last packet sent before there was an RTT sample. */
  #lastUnmeasured = -1
  #lossTime: Instant | undefined
  #ptoCount = 0
  /** Packets given up lately, with how far behind they were: some turn up after all. */
  readonly #givenUp = new Map<number, number>()
  #packetThreshold = PACKET_THRESHOLD
  #lastSentAt: Instant = 0
  /** Packets up to this one went by another path, and are not given up before that time: what overtook them says nothing. */
  #elsewhere: { readonly upTo: number; readonly until: Instant } = { upTo: -1, until: -Infinity }

  constructor(rtt: RttEstimator) {
    this.#rtt = rtt
  }

  get bytesInFlight(): number {
    return this.#bytesInFlight
  }

  get largestAcked(): number {
    return this.#largestAcked
  }

  /** Probe timeouts since the last acknowledgement. */
  get ptoCount(): number {
    return this.#ptoCount
  }

  onSent(packet: SentPacket): void {
    this.#sent.set(packet.packetNumber, packet)
    this.#bytesInFlight += packet.bytes
    this.#lastSentAt = packet.sentAt
    if (!this.#rtt.hasSample) this.#lastUnmeasured = packet.packetNumber
  }

  /**
   * Call {@link LossDetector.detectLost} next, once the sample is in the RTT (RFC 9002 appendix A.7).
   *
   * @param ranges - descending, as an ACK frame gives them; numbers never sent are the caller's to refuse.
   */
  onAck(now: Instant, largest: number, ranges: readonly Readonly<Range>[]): AckOutcome {
    const acked: SentPacket[] = []
    const newest = this.#sent.get(largest)
    // Ranges reach back to packet 0: only what may still be in flight is looked at.
    const oldest: number = this.#sent.keys().next().value ?? Infinity
    for (const { start, end } of ranges) {
      const from = Math.max(start, oldest)
      if (end - from <= this.#sent.size) {
        for (let n = from; n < end; n++) this.#take(n, acked)
      } else {
        for (const n of [...this.#sent.keys()]) if (n >= from && n < end) this.#take(n, acked)
      }
    }
    if (largest >= this.#largestAcked) {
      this.#largestAcked = largest
      this.#ackedRanges = ranges
    }
    if (acked.length > 0) this.#ptoCount = 0
    return { acked, spurious: this.#countSpurious(ranges), rttSample: newest && now - newest.sentAt }
  }

  /** The link took another path: what was sent up to `packetNumber` has until `until`. */
  onMoved(packetNumber: number, until: Instant): void {
    this.#elsewhere = { upTo: packetNumber, until: Math.ceil(until) }
  }

  /** Gives up, and returns, the packets that are lost by now. */
  detectLost(now: Instant): LostPacket[] {
    const lost: LostPacket[] = []
    this.#lossTime = undefined
    const delay = Math.max(TIME_THRESHOLD * Math.max(this.#rtt.latest, this.#rtt.smoothed), TIMER_GRANULARITY)
    for (const packet of this.#sent.values()) {
      if (packet.packetNumber > this.#largestAcked) break
      if (packet.packetNumber <= this.#elsewhere.upTo && now < this.#elsewhere.until) {
        this.#lossTime = Math.min(this.#lossTime ?? Infinity, this.#elsewhere.until)
        continue
      }
      const isLate = packet.sentAt + delay <= now
      const isOvertaken = this.#largestAcked - packet.packetNumber >= this.#packetThreshold
      if (isOvertaken) lost.push({ ...packet, trigger: 'reordering_threshold' })
      else if (isLate) lost.push({ ...packet, trigger: 'time_threshold' })
      else this.#lossTime = Math.min(this.#lossTime ?? Infinity, Math.ceil(packet.sentAt + delay))
    }
    for (const packet of lost) {
      this.#sent.delete(packet.packetNumber)
      this.#bytesInFlight -= packet.bytes
      this.#remember(packet.packetNumber)
    }
    return lost
  }

  /**
   * The time threshold passed, or the probe timer ran out.
   *
   * @returns lost packets, or how many probes to send now.
   */
  onTimeout(now: Instant, maxAckDelay: Duration): { lost: readonly LostPacket[]; probes: number } {
    if (this.#lossTime !== undefined && now >= this.#lossTime) return { lost: this.detectLost(now), probes: 0 }
    const at = this.pollTimeout(maxAckDelay)
    if (at === undefined || now < at) return { lost: [], probes: 0 }
    this.#ptoCount++
    // The next probe is timed from this one even when nothing could be sent.
    this.#lastSentAt = now
    return { lost: [], probes: this.#ptoCount > 1 ? 2 : 1 }
  }

  /** When {@link LossDetector.onTimeout} has work. @param maxAckDelay - the peer's, microseconds. */
  pollTimeout(maxAckDelay: Duration): Instant | undefined {
    if (this.#lossTime !== undefined) return this.#lossTime
    if (this.#sent.size === 0) return undefined
    const pto = this.#rtt.pto + maxAckDelay
    return this.#lastSentAt + Math.min(pto * 2 ** this.#ptoCount, Math.max(MAX_BACKOFF * pto, MIN_PATIENCE))
  }

  /** The oldest packet that carries something, to send its content again in a probe; it stays in flight. */
  oldest(): SentPacket | undefined {
    for (const packet of this.#sent.values())
      if (packet.carried.length > 0 && packet.carried[0]!.kind !== 'probe') return packet
    return undefined
  }

  /**
   * True when `lost` holds two packets so far apart, with nothing between them acknowledged, that the path must be taken for
   * congested anew. Packets from before the first RTT sample do not count. RFC 9002 section 7.6
   */
  isPersistent(lost: readonly SentPacket[], maxAckDelay: Duration): boolean {
    const duration = (this.#rtt.pto + maxAckDelay) * PERSISTENT_CONGESTION_THRESHOLD
    let first: SentPacket | undefined
    let previous = -1
    for (const packet of lost) {
      if (packet.packetNumber <= this.#lastUnmeasured) continue
      if (first === undefined || this.#isAckedBetween(previous, packet.packetNumber)) first = packet
      if (packet.sentAt - first.sentAt > duration) return true
      previous = packet.packetNumber
    }
    return false
  }

  #isAckedBetween(low: number, high: number): boolean {
    return this.#ackedRanges.some(({ start }) => start > low && start < high)
  }

  #remember(packetNumber: number): void {
    this.#givenUp.set(packetNumber, this.#largestAcked - packetNumber)
    if (this.#givenUp.size > MAX_GIVEN_UP) this.#givenUp.delete(this.#givenUp.keys().next().value!)
  }

  /** Packets that arrived although they were given up: the path reorders more than was thought (RFC 9002 section 6.1.1). */
  #countSpurious(ranges: readonly Readonly<Range>[]): number {
    let count = 0
    for (const [packetNumber, distance] of this.#givenUp) {
      if (packetNumber < this.#largestAcked - GIVEN_UP_SPAN) {
        this.#givenUp.delete(packetNumber)
        continue
      }
      if (!ranges.some(({ start, end }) => packetNumber >= start && packetNumber < end)) continue
      this.#givenUp.delete(packetNumber)
      this.#packetThreshold = Math.min(Math.max(this.#packetThreshold, distance + 1), MAX_PACKET_THRESHOLD)
      count++
    }
    return count
  }

  #take(packetNumber: number, into: SentPacket[]): void {
    const packet = this.#sent.get(packetNumber)
    if (packet === undefined) return
    this.#sent.delete(packetNumber)
    this.#bytesInFlight -= packet.bytes
    into.push(packet)
  }
}

/** RFC 9002 section 6.1.1, kPacketThreshold: where it starts. */
const PACKET_THRESHOLD = 3
/** RFC 9002 section 6.1.2, kTimeThreshold. */
const TIME_THRESHOLD = 9 / 8
/** RFC 9002 section 7.6.1, kPersistentCongestionThreshold. */
const PERSISTENT_CONGESTION_THRESHOLD = 3

/** Furthest reordering that is waited for, packets; the time threshold judges beyond. */
const MAX_PACKET_THRESHOLD = 256
/** Packets given up that are remembered, and how far behind the newest acknowledged one. */
const MAX_GIVEN_UP = 512
const GIVEN_UP_SPAN = 2_048
/**
 * How far the probe timeout grows: to two seconds, and to twice itself in any case. RFC 9002 section 6.2.1 lets it double without
 * end; two packets in that time burden no path, and one that comes back is used again soon.
 */
const MAX_BACKOFF = 2
const MIN_PATIENCE: Duration = seconds(2)
