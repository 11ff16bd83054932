/**
 * Notices that bandwidth has stopped growing: the path, or a bound, is full.
 *
 * Source: draft-ietf-ccwg-bbr, section 5.3.1.2. Bandwidths in bytes per microsecond.
 */
export class Plateau {
  #best = 0
  #rounds = 0

  /** True after three round trips in which bandwidth grew by less than a quarter. */
  get isReached(): boolean {
    return this.#rounds >= ROUNDS
  }

  /** A round trip that the application did not limit has ended. */
  onRound(rate: number): void {
    if (rate >= this.#best * GROWTH) this.reset(rate)
    else this.#rounds++
  }

  /** Looks anew, for more than `rate`. */
  reset(rate = 0): void {
    this.#best = rate
    this.#rounds = 0
  }
}

const GROWTH = 1.25
const ROUNDS = 3
