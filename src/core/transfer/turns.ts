/**
 * Fair turns between those who want something of different sizes: who had least is next.
 *
 * One that wanted nothing for a while starts where the others are, and does not catch up (start-time fair queueing, Goyal et al. 1996).
 */
export class Turns<T> {
  readonly #served = new Map<T, number>()
  /** What the one who was served last had before. */
  #clock = 0

  /** It wants something again. */
  join(who: T): void {
    this.#served.set(who, Math.max(this.#clock, this.#served.get(who) ?? 0))
  }

  /** It is forgotten. */
  remove(who: T): void {
    this.#served.delete(who)
  }

  /** What it counts as having had: the least is next. */
  served(who: T): number {
    return this.#served.get(who) ?? this.#clock
  }

  handleServed(who: T, size: number): void {
    const served = this.served(who)
    this.#clock = Math.max(this.#clock, served)
    this.#served.set(who, served + size)
  }
}
