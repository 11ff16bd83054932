import { millis, type Duration, type Instant } from '../../time/instant.ts'
import { MAX_ACK_RANGES } from '../frames.ts'
import { RangeSet, type Range } from '../../wire/range-set.ts'

/** Which packets arrived, and when to say so. RFC 9000 section 13.2 */
export class AckTracker {
  readonly #received = new RangeSet()
  readonly #maxAckDelay: Duration
  /** Numbers below this are taken for duplicates: their ranges were forgotten. */
  #floor = 0
  #largest = -1
  #largestAt: Instant = 0
  #unacked = 0
  #unackedBytes = 0
  readonly #maxBytes: number
  #total = 0
  #deadline: Instant | undefined

  /**
   * @param maxAckDelay - what this side promised, microseconds.
   * @param receiveBuffer - what this side's socket holds, bytes as the system counts them.
   */
  constructor(maxAckDelay: Duration, receiveBuffer: number) {
    this.#maxAckDelay = maxAckDelay
    this.#maxBytes = Math.max(MIN_BYTES, receiveBuffer / BUFFER_SHARE)
  }

  /** Largest packet number received, -1 for none. */
  get largest(): number {
    return this.#largest
  }

  /** Ranges to acknowledge, ascending. */
  get ranges(): readonly Readonly<Range>[] {
    return this.#received.ranges
  }

  isDuplicate(packetNumber: number): boolean {
    return packetNumber < this.#floor || this.#received.has(packetNumber)
  }

  /**
   * An authentic, new packet arrived.
   *
   * @param srtt - microseconds; acknowledgements wait at most a quarter of it.
   * @param bytes - of the whole packet.
   */
  onPacket(now: Instant, packetNumber: number, isAckEliciting: boolean, srtt: Duration, bytes: number): void {
    const isInOrder = packetNumber === this.#largest + 1
    this.#received.add(packetNumber, packetNumber + 1)
    if (packetNumber > this.#largest) {
      this.#largest = packetNumber
      this.#largestAt = now
    }
    this.#forgetOldest()
    if (!isAckEliciting) return
    this.#total++
    this.#unacked++
    this.#unackedBytes += bytes
    const every = this.#total < EARLY_PACKETS ? EVERY_EARLY : EVERY_LATER
    if (!isInOrder || this.#unacked >= every || this.#unackedBytes >= this.#maxBytes) this.#deadline = now
    else this.#deadline ??= now + Math.min(this.#maxAckDelay, Math.max(srtt / 4, MIN_DELAY))
  }

  /** When an acknowledgement is due, or `undefined`. */
  get deadline(): Instant | undefined {
    return this.#deadline
  }

  /** True when something ack-eliciting waits: worth adding to a packet that goes anyway. */
  get isWaiting(): boolean {
    return this.#unacked > 0
  }

  /** Microseconds since the largest packet arrived. */
  delay(now: Instant): Duration {
    return Math.max(0, now - this.#largestAt)
  }

  onAckSent(): void {
    this.#unacked = 0
    this.#unackedBytes = 0
    this.#deadline = undefined
  }

  #forgetOldest(): void {
    const ranges = this.#received.ranges
    if (ranges.length <= MAX_ACK_RANGES) return
    this.#floor = ranges[ranges.length - MAX_ACK_RANGES]!.start
    this.#received.dropBelow(this.#floor)
  }
}

/** RFC 9000 section 13.2.2 asks for one in two; once a link runs, fewer cost the sender less. */
const EVERY_EARLY = 2
const EVERY_LATER = 8
const EARLY_PACKETS = 100
/**
 * Bytes that are acknowledged, however few packets they are: as many as the later number of Ethernet's packets, or an eighth of a near path's window,
 * which is a quarter of what the receiver's socket holds (ADR 9). Where that is little, two of the largest packets fill the window: were eight waited for,
 * the sender would wait for a timer each time.
 */
const MIN_BYTES = EVERY_LATER * 1_452
const BUFFER_SHARE = 32
/** Below the timer's granularity a delay means nothing. */
const MIN_DELAY: Duration = millis(1)
