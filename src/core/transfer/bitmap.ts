import type { Range } from '../wire/range-set.ts'

/** A {@link Bitmap} to look at. */
export interface ReadonlyBitmap {
  /** How many integers it can hold: 0 to `size` - 1. */
  readonly size: number
  /** How many it holds. */
  readonly count: number
  has(n: number): boolean
  /** The first that it holds from `from` on; -1 when there is none. */
  next(from: number): number
  /** What it holds, as ascending ranges that do not touch. */
  ranges(): Range[]
}

/** A set of small integers, one bit each: blocks of a transfer. */
export class Bitmap implements ReadonlyBitmap {
  readonly size: number
  readonly #words: Uint32Array
  #count = 0

  /** @param size - one more than the largest integer. */
  constructor(size: number) {
    this.size = size
    this.#words = new Uint32Array(Math.ceil(size / 32))
  }

  /** A bitmap of the integers of `ranges`, as far as they fit. */
  static of(size: number, ranges: Iterable<Readonly<Range>>): Bitmap {
    const bitmap = new Bitmap(size)
    for (const range of ranges) bitmap.addRange(range)
    return bitmap
  }

  get count(): number {
    return this.#count
  }

  has(n: number): boolean {
    return ((this.#words[n >>> 5] ?? 0) & (1 << (n & 31))) !== 0
  }

  /** @returns true when it is new; false also outside. */
  add(n: number): boolean {
    if (n >= this.size || this.has(n)) return false
    this.#words[n >>> 5]! |= 1 << (n & 31)
    this.#count++
    return true
  }

  /** Adds as much of the range as fits. */
  addRange({ start, end }: Readonly<Range>): void {
    for (let n = start; n < Math.min(end, this.size); n++) this.add(n)
  }

  /** @returns true when it was there. */
  delete(n: number): boolean {
    if (!this.has(n)) return false
    this.#words[n >>> 5]! &= ~(1 << (n & 31))
    this.#count--
    return true
  }

  next(from: number): number {
    return this.nextIn(this, from)
  }

  /** The first from `from` on that both hold; -1 when there is none. */
  nextIn(other: Bitmap, from: number): number {
    const words = Math.min(this.#words.length, other.#words.length)
    let mask = -1 << (from & 31)
    for (let word = from >>> 5; word < words; word++, mask = -1) {
      const bits = this.#words[word]! & other.#words[word]! & mask
      if (bits !== 0) return (word << 5) + 31 - Math.clz32(bits & -bits)
    }
    return -1
  }

  ranges(): Range[] {
    const ranges: Range[] = []
    for (let n = this.next(0); n >= 0; n = this.next(n + 1)) {
      const last = ranges.at(-1)
      if (last?.end === n) last.end = n + 1
      else ranges.push({ start: n, end: n + 1 })
    }
    return ranges
  }
}
