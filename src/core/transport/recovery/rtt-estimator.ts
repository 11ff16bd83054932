import { millis, type Duration } from '../../time/instant.ts'

/**
 * Smoothed round-trip time of one path: pure state, no clock.
 *
 * Source: RFC 9002 section 5, with erratum 7539 (variance before mean).
 */
export class RttEstimator {
  #latest: Duration = 0
  #min: Duration = 0
  #smoothed: Duration
  #variance: Duration
  #hasSample = false

  /** @param initial - RTT assumed before the first sample, microseconds. @default 333 ms (RFC 9002 section 6.2.2) */
  constructor(initial: Duration = INITIAL_RTT) {
    this.#smoothed = initial
    this.#variance = initial / 2
  }

  /**
   * One sample, taken when an ACK newly acknowledges the largest ack-eliciting packet.
   *
   * @param sample - from send to receipt of the ACK, microseconds; 0 counts as 1.
   * @param ackDelay - delay the peer reported, microseconds, already capped at its max_ack_delay.
   */
  update(sample: Duration, ackDelay: Duration): void {
    const latest = Math.max(1, sample)
    this.#latest = latest
    if (!this.#hasSample) {
      this.#hasSample = true
      this.#min = latest
      this.#smoothed = latest
      this.#variance = latest / 2
      return
    }
    this.#min = Math.min(this.#min, latest)
    // The peer's delay is believed only while it cannot push the sample below min_rtt.
    const adjusted = latest >= this.#min + ackDelay ? latest - ackDelay : latest
    this.#variance = (3 * this.#variance + Math.abs(this.#smoothed - adjusted)) / 4
    this.#smoothed = (7 * this.#smoothed + adjusted) / 8
  }

  /** Another path: nothing is known of it. */
  reset(): void {
    this.#latest = 0
    this.#min = 0
    this.#smoothed = INITIAL_RTT
    this.#variance = INITIAL_RTT / 2
    this.#hasSample = false
  }

  get hasSample(): boolean {
    return this.#hasSample
  }

  /** Smoothed RTT, microseconds: the initial value before the first sample. */
  get smoothed(): Duration {
    return this.#smoothed
  }

  /** Latest raw sample, microseconds; 0 before the first one. */
  get latest(): Duration {
    return this.#latest
  }

  /** Smallest sample, microseconds; 0 before the first one. */
  get min(): Duration {
    return this.#min
  }

  /** Probe timeout without the peer's ACK delay, microseconds: srtt + max(4 * rttvar, 1 ms). RFC 9002 section 6.2.1 */
  get pto(): Duration {
    return Math.round(this.#smoothed + Math.max(4 * this.#variance, TIMER_GRANULARITY))
  }
}

/** RFC 9002 section 6.2.2. */
const INITIAL_RTT: Duration = millis(333)
/** RFC 9002 section 6.1.2, kGranularity. */
export const TIMER_GRANULARITY: Duration = millis(1)
