/** How often each user may do something: a token bucket for each, as large as what a minute gives. */
export class Allowance {
  readonly #perMinute: number
  readonly #buckets = new Map<string, Bucket>()
  /** How many buckets there may be before full ones are looked for. */
  #pruneAt = LEAST_KEPT

  /** @param perMinute - at least 1. */
  constructor(perMinute: number) {
    this.#perMinute = perMinute
  }

  /** Users that are remembered: those who have used some of theirs. */
  get size(): number {
    return this.#buckets.size
  }

  /**
   * Takes one.
   *
   * @param now - milliseconds.
   * @returns 0 when there was one, else how many milliseconds until there is: nothing was taken then.
   */
  take(now: number, user: string): number {
    const bucket = this.#buckets.get(user)
    const tokens = this.#tokens(bucket, now)
    // A clock that was set back would give nothing until it is where it was.
    if (bucket && now < bucket.at) this.#buckets.set(user, { tokens, at: now })
    if (tokens < 1) return Math.ceil((1 - tokens) * this.#msEach)
    if (this.#buckets.size >= this.#pruneAt) this.#prune(now)
    this.#buckets.set(user, { tokens: tokens - 1, at: now })
    return 0
  }

  #tokens(bucket: Bucket | undefined, now: number): number {
    if (!bucket) return this.#perMinute
    return Math.min(this.#perMinute, bucket.tokens + Math.max(0, now - bucket.at) / this.#msEach)
  }

  /** A full bucket is as good as none. */
  #prune(now: number): void {
    for (const [user, bucket] of this.#buckets)
      if (this.#tokens(bucket, now) >= this.#perMinute) this.#buckets.delete(user)
    this.#pruneAt = Math.max(LEAST_KEPT, this.#buckets.size * 2)
  }

  get #msEach(): number {
    return 60_000 / this.#perMinute
  }
}

interface Bucket {
  readonly tokens: number
  /** Milliseconds. */
  readonly at: number
}

/** Buckets below which nothing is looked for. */
const LEAST_KEPT = 256
