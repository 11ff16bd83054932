import { randomFillSync } from 'node:crypto'

/**
 * Makes message ids: 16 bytes in hex, 6 of time and 10 of chance (UUIDv7's idea), so that a database index grows at its end.
 *
 * Randomness is drawn for many ids at once: one call each would cost more than the id.
 */
export class MessageIds {
  readonly #pool = Buffer.allocUnsafe(POOL)
  #offset = POOL

  /** @param at - milliseconds since 1970. */
  next(at: number): string {
    if (this.#offset === POOL) {
      randomFillSync(this.#pool)
      this.#offset = 0
    }
    const random = this.#pool.toString('hex', this.#offset, this.#offset + RANDOM)
    this.#offset += RANDOM
    return (
      at
        .toString(16)
        .padStart(2 * TIME, '0')
        .slice(-2 * TIME) + random
    )
  }
}

/** Bytes of an id's two parts, and of the pool: a whole number of ids. */
const TIME = 6
const RANDOM = 10
const POOL = RANDOM * 512
