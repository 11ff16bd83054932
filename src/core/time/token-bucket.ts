import { seconds, type Duration, type Instant } from './instant.ts'

/** Rate and burst of a {@link TokenBucket}. */
export interface TokenBucketOptions {
  /** Tokens that come back each second; above 0. */
  readonly perSecond: number
  /** Most tokens there are at once; at least 1. */
  readonly burst: number
}

/** Allows so many things a second, and a burst after a pause. Starts full. */
export class TokenBucket {
  readonly #options: TokenBucketOptions
  #tokens: number
  #at: Instant

  constructor(now: Instant, options: TokenBucketOptions) {
    this.#options = options
    this.#tokens = options.burst
    this.#at = now
  }

  /**
   * Takes tokens. A count above the burst is given by a full bucket and leaves a debt, so that the rate holds on average.
   *
   * @param count - at least 1. @default 1
   * @returns 0 when they were there, else how long until they are: nothing was taken then.
   */
  take(now: Instant, count = 1): Duration {
    const { perSecond, burst } = this.#options
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#at) * perSecond) / seconds(1))
    this.#at = now
    const needed = Math.min(count, burst)
    if (this.#tokens >= needed) {
      this.#tokens -= count
      return 0
    }
    return Math.ceil(((needed - this.#tokens) * seconds(1)) / perSecond)
  }
}
