import { seconds, type Duration, type Instant } from '../time/instant.ts'

/**
 * Slows down guessing: after a number of failures each further attempt has to wait, twice as long each time, up to a minute.
 *
 * One failure is forgiven every {@link FORGIVEN_AFTER}. Holds at most {@link MAX_KEYS} keys: beyond that the one that failed longest
 * ago goes.
 */
export class Throttle {
  readonly #free: number
  /** In the order of their last failure. */
  readonly #failures = new Map<string, { count: number; at: Instant }>()

  /** @param free - failures before attempts have to wait. */
  constructor(free: number) {
    this.#free = free
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#failures.size
  }

  /** How long an attempt for `key` has to wait at `now`; 0 when it may begin. */
  delay(now: Instant, key: string): Duration {
    const { count, at } = this.#at(now, key)
    if (count < this.#free) return 0
    const wait = Math.min(MAX_DELAY, FIRST_DELAY * 2 ** (count - this.#free))
    return Math.max(0, at + wait - now)
  }

  /** An attempt failed. */
  fail(now: Instant, key: string): void {
    const { count } = this.#at(now, key)
    this.#failures.delete(key)
    this.#failures.set(key, { count: Math.min(count + 1, MAX_COUNT), at: now })
    if (this.#failures.size <= MAX_KEYS) return
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest)
      return
    }
  }

  /** Everything about `key` is forgiven. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  #at(now: Instant, key: string): { readonly count: number; readonly at: Instant } {
    const failures = this.#failures.get(key)
    if (!failures) return { count: 0, at: now }
    const forgiven = Math.floor(Math.max(0, now - failures.at) / FORGIVEN_AFTER)
    return { count: Math.max(0, failures.count - forgiven), at: failures.at }
  }
}

/** Implementation: the first wait, and the longest; a minute keeps guessing at 1,440 a day and a typing owner patient. */
const FIRST_DELAY = seconds(1)
const MAX_DELAY = seconds(60)
const FORGIVEN_AFTER = seconds(600)
/** Counting on would only make forgiving take longer than a day. */
const MAX_COUNT = 64
/** Some 10 MB at worst. */
const MAX_KEYS = 65_536
