import type { Instant } from '../../time/instant.ts'

/**
 * How many bytes ACKs bring beyond what the bandwidth accounts for, because they come bunched: as much must be in flight on top, or the
 * path runs dry between two bunches.
 *
 * Source: draft-ietf-ccwg-bbr, section 5.5.9. Bytes; bandwidth in bytes per microsecond.
 */
export class AckAggregation {
  #largest = 0
  #epochAt: Instant = 0
  #epochAcked = 0

  /** The largest excess lately, bytes. */
  get extraAcked(): number {
    return this.#largest
  }

  /** @param bytes - newly acknowledged. @param limit - bytes that were in flight: more cannot have been held back. */
  onAck(now: Instant, bytes: number, bandwidth: number, limit: number, isRoundStart: boolean): void {
    if (this.#epochAcked <= bandwidth * (now - this.#epochAt)) {
      this.#epochAcked = 0
      this.#epochAt = now
    }
    this.#epochAcked += bytes
    const extra = Math.min(this.#epochAcked - bandwidth * (now - this.#epochAt), limit)
    this.#largest = Math.max(extra, isRoundStart ? this.#largest * DECAY : this.#largest)
  }
}

/** What is remembered of the largest excess from one round trip to the next. */
const DECAY = 0.9
