import type { Duration, Instant } from '../../time/instant.ts'

/**
 * How far a sender may go: a window ahead of what was consumed, which doubles while the sender uses it up faster than word of more can
 * reach it, so that it follows the bandwidth-delay product.
 */
export class FlowWindow {
  readonly #max: number
  #size: number
  #limit: number
  #updatedAt: Instant | undefined

  /** @param initial - bytes, as promised in the handshake. @param max - bytes it may grow to. */
  constructor(initial: number, max: number) {
    this.#size = initial
    this.#limit = initial
    this.#max = max
  }

  /** How far ahead of what was consumed the limit is set, bytes. */
  get size(): number {
    return this.#size
  }

  /** Bytes, counted from the start, that the sender may reach. */
  get limit(): number {
    return this.#limit
  }

  /** Makes the window at least `size` bytes, as far as it may grow; told with the next {@link FlowWindow.update}. */
  ensure(size: number): void {
    this.#size = Math.max(this.#size, Math.min(size, this.#max))
  }

  /** @returns true when a new limit is worth telling: half of the window is used up. */
  update(now: Instant, consumed: number, srtt: Duration): boolean {
    if (this.#limit - consumed > this.#size / 2) return false
    const isFast = this.#updatedAt !== undefined && now - this.#updatedAt < ROUND_TRIPS * srtt
    if (isFast) this.#size = Math.min(this.#size * 2, this.#max)
    this.#updatedAt = now
    this.#limit = consumed + this.#size
    return true
  }
}

/** Half a window consumed within so many round trips: the window, not the path, holds the sender back. */
const ROUND_TRIPS = 4
