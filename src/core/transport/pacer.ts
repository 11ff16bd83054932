import { millis, type Duration, type Instant } from '../time/instant.ts'

/**
 * A token bucket that spreads a window over a round trip, so that bursts do not overflow queues. RFC 9002 section 7.7
 *
 * A burst is what the rate gives in one quantum, since timers fire no finer than that.
 */
export class Pacer {
  #tokens: number
  #refilledAt: Instant | undefined

  /** @param initialBurst - bytes that may go at once at the start. */
  constructor(initialBurst: number) {
    this.#tokens = initialBurst
  }

  /**
   * When `bytes` may leave: `now` or earlier means at once.
   *
   * @param rate - bytes per microsecond; Infinity before an RTT is known.
   */
  ready(now: Instant, bytes: number, rate: number): Instant {
    if (rate === Infinity) return now
    this.#refill(now, bytes, rate)
    // Whatever is left lets one more go, into debt: a small datagram must not wait until a large one could leave.
    if (this.#tokens > 0) return now
    return now + Math.max(1, Math.ceil(-this.#tokens / rate))
  }

  /** Bytes left; before the rate is known they cost nothing, since the first window bounds them. */
  onSent(bytes: number): void {
    if (this.#refilledAt !== undefined) this.#tokens -= bytes
  }

  #refill(now: Instant, bytes: number, rate: number): void {
    const burst = Math.max(rate * QUANTUM, MIN_BURST * bytes)
    if (this.#refilledAt === undefined) this.#refilledAt = now
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#refilledAt) * rate)
    this.#refilledAt = now
  }
}

/** A Node timer set for 1 ms fires after 0.1 to 2.5 ms: finer pacing only adds wakeups. */
const QUANTUM: Duration = millis(2)
/** Packets that may always go together. */
const MIN_BURST = 10
