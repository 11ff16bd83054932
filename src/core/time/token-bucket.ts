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

  /** Takes a token. @returns 0 when there was one, else how long until there is: nothing was taken then. */
  take(now: Instant): Duration {
    const { perSecond, burst } = this.#options
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, now - this.#at) * perSecond) / seconds(1))
    this.#at = now
    if (this.#tokens >= 1) {
      this.#tokens--
      return 0
    }
    return Math.ceil(((1 - this.#tokens) * seconds(1)) / perSecond)
  }
}
