import { seconds, type Duration, type Instant } from '../time/instant.ts'

/**
 * How many bytes come each second, lately: what is longer ago counts exponentially less.
 *
 * What comes at one moment is spread over the time since what came before it, so that blocks that take seconds each are
 * measured as well as those that come by the thousand.
 */
export class RateMeter {
  readonly #period: Duration
  #at: Instant
  #rate = 0
  /** Share of the mean that was measured, 0 to 1: the rest is before the beginning. */
  #weight = 0

  /** @param period - after so long a measurement counts for a third. */
  constructor(now: Instant, period: Duration) {
    this.#at = now
    this.#period = period
  }

  /** @param bytes - what came since the last call, or since the beginning. */
  add(now: Instant, bytes: number): void {
    const passed = Math.max(0, now - this.#at)
    if (passed === 0) {
      this.#rate += (bytes * seconds(1)) / this.#period
      return
    }
    const share = 1 - Math.exp(-passed / this.#period)
    this.#rate += ((bytes * seconds(1)) / passed - this.#rate) * share
    this.#weight += (1 - this.#weight) * share
    this.#at = now
  }

  /** Bytes each second; undefined before any time has passed. */
  get rate(): number | undefined {
    return this.#weight === 0 ? undefined : this.#rate / this.#weight
  }
}
