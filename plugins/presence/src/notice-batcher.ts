/** What can happen to somebody, each with what undoes it. */
export type Change = 'joined' | 'left' | 'away' | 'back'

/** What is told at once: users by what happened to them, in its order. */
export type Batch = ReadonlyMap<Change, readonly string[]>

/**
 * Tells changes one by one as long as they are few, and all at once when they are many: of each window that begins with a change, so many are told as they
 * come, and the rest at its end. As long as every window has a rest, the next one begins with none: a crowd costs one notice per window. In any time
 * T there are at most (threshold + 1) * (T / window + 1) notices. Times are milliseconds.
 */
export class NoticeBatcher {
  readonly #windowMs: number
  readonly #threshold: number
  /** What is not told yet. */
  readonly #pending = new Map<string, Change>()
  #windowEnd: number | undefined
  /** How many more of this window are told as they come. */
  #left = 0

  constructor({ windowMs, threshold }: { readonly windowMs: number; readonly threshold: number }) {
    this.#windowMs = windowMs
    this.#threshold = threshold
  }

  /** What was not told and is undone was nothing. */
  handle(now: number, change: Change, user: string): void {
    // After a quiet window everything begins anew.
    if (this.#pending.size === 0 && this.#windowEnd !== undefined && now >= this.#windowEnd) this.#windowEnd = undefined
    if (this.#pending.get(user) === OPPOSITES[change]) this.#pending.delete(user)
    else this.#pending.set(user, change)
  }

  /** What is to be told now. Again, until there is nothing. */
  poll(now: number): Batch | undefined {
    if (this.#pending.size === 0) return undefined
    if (this.#windowEnd !== undefined && now >= this.#windowEnd) {
      this.#windowEnd = now + this.#windowMs
      this.#left = 0
      return this.#take(Infinity)
    }
    if (this.#windowEnd === undefined) {
      this.#windowEnd = now + this.#windowMs
      this.#left = this.#threshold
    }
    if (this.#left === 0) return undefined
    this.#left--
    return this.#take(1)
  }

  /** When `poll` has something; `undefined` for never. */
  pollTimeout(): number | undefined {
    return this.#pending.size === 0 ? undefined : this.#windowEnd
  }

  #take(most: number): Batch {
    const batch = new Map<Change, string[]>()
    for (const [user, change] of this.#pending) {
      if (most-- <= 0) break
      this.#pending.delete(user)
      const users = batch.get(change)
      if (users) users.push(user)
      else batch.set(change, [user])
    }
    return batch
  }
}

const OPPOSITES: Readonly<Record<Change, Change>> = { joined: 'left', left: 'joined', away: 'back', back: 'away' }
