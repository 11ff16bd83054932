import type { Range } from '../wire/range-set.ts'

/** Indexes in a {@link BlockSet} are below it: more than any transfer has blocks. */
export const CAPACITY = 2 ** 24

/**
 * A set of block indexes, one bit each.
 *
 * Memory: a bit for every block up to the highest that was added, at most doubled by growing: 8 to 16 KiB for 65,536 blocks,
 * 2 MiB for {@link CAPACITY}. Looking for an index costs a step for 32 blocks.
 */
export class BlockSet {
  #words = new Uint32Array(0)
  #count = 0

  /** @param ranges - what is in it at first. */
  constructor(ranges: Iterable<Readonly<Range>> = []) {
    for (const { start, end } of ranges) this.addRange(start, end)
  }

  /**
   * The lowest index in [`from`, `end`) that all sets of `within` have and none of `without`; undefined when there is none.
   * `end` may be Infinity when `within` is not empty.
   */
  static first(
    from: number,
    end: number,
    within: readonly BlockSet[],
    without: readonly BlockSet[],
  ): number | undefined {
    let stop = Math.min(end, CAPACITY)
    for (const set of within) stop = Math.min(stop, set.#words.length * 32)
    if (from >= stop) return undefined
    const lastWord = (stop - 1) >>> 5
    let mask = ~0 << (from & 31)
    for (let word = from >>> 5; word <= lastWord; word++, mask = ~0) {
      let bits = mask
      for (const set of within) bits &= set.#words[word]!
      for (const set of without) bits &= ~(set.#words[word] ?? 0)
      if (bits === 0) continue
      const index = word * 32 + 31 - Math.clz32(bits & -bits)
      return index < stop ? index : undefined
    }
    return undefined
  }

  /** How many blocks are in it. */
  get count(): number {
    return this.#count
  }

  has(index: number): boolean {
    return ((this.#words[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0
  }

  /** @returns whether it was new. @throws RangeError unless 0 <= index < {@link CAPACITY}. */
  add(index: number): boolean {
    return this.addRange(index, index + 1) > 0
  }

  /** Adds [start, end). @returns how many were new. @throws RangeError unless 0 <= start <= end <= {@link CAPACITY}. */
  addRange(start: number, end: number): number {
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > CAPACITY)
      throw new RangeError(`no such blocks: ${start} to ${end}`)
    if (start === end) return 0
    this.#grow(((end - 1) >>> 5) + 1)
    const before = this.#count
    for (let word = start >>> 5; word * 32 < end; word++) {
      let mask = ~0
      if (word * 32 < start) mask &= ~0 << (start & 31)
      if (word * 32 + 32 > end) mask &= ~(~0 << (end & 31))
      const old = this.#words[word]!
      this.#count += ones(mask & ~old)
      this.#words[word] = old | mask
    }
    return this.#count - before
  }

  /** @returns whether it was there. */
  delete(index: number): boolean {
    if (!this.has(index)) return false
    this.#words[index >>> 5]! &= ~(1 << (index & 31))
    this.#count--
    return true
  }

  /** The lowest index in [from, end) that is not in it; undefined when all are. */
  nextLacking(from: number, end: number): number | undefined {
    return BlockSet.first(from, end, [], [this])
  }

  /** What is in it, ascending, ranges that neither overlap nor touch. */
  *ranges(): Generator<Range> {
    let end = 0
    for (;;) {
      const start = BlockSet.first(end, Infinity, [this], [])
      if (start === undefined) return
      end = this.nextLacking(start, CAPACITY) ?? CAPACITY
      yield { start, end }
    }
  }

  #grow(words: number): void {
    if (words <= this.#words.length) return
    const old = this.#words
    this.#words = new Uint32Array(Math.min(CAPACITY / 32, Math.max(words, old.length * 2)))
    this.#words.set(old)
  }
}

/** How many bits of 32 are set (Warren, Hacker's Delight, 5-1). */
function ones(word: number): number {
  let n = word - ((word >>> 1) & 0x55555555)
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333)
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}
