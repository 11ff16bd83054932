import type { Range } from '../wire/range-set.ts'

/** Blocks that somebody asked for: each once, in the order they were asked. Memory: what its ranges take. */
export class WantList {
  #ranges: Range[] = []
  #count = 0

  /** How many blocks. */
  get count(): number {
    return this.#count
  }

  /** How many ranges it is kept as. */
  get ranges(): number {
    return this.#ranges.length
  }

  /** Adds what of [start, end) is not in it yet, behind what is. @returns how many blocks. */
  add(start: number, end: number): number {
    let pieces: Range[] = start < end ? [{ start, end }] : []
    for (const range of this.#ranges) {
      // Most lie elsewhere: a receiver may send a thousand ranges at once.
      if (range.end <= start || end <= range.start) continue
      pieces = pieces.flatMap((piece) => cut(piece, range))
    }
    let count = 0
    for (const piece of pieces) {
      count += piece.end - piece.start
      const last = this.#ranges.at(-1)
      if (last?.end === piece.start) last.end = piece.end
      else this.#ranges.push(piece)
    }
    this.#count += count
    return count
  }

  /** @returns how many blocks of [start, end) were in it. */
  remove(start: number, end: number): number {
    if (start >= end) return 0
    const before = this.#count
    for (let i = this.#ranges.length - 1; i >= 0; i--) {
      const range = this.#ranges[i]!
      if (range.end <= start || end <= range.start) continue
      this.#count -= Math.min(range.end, end) - Math.max(range.start, start)
      this.#ranges.splice(i, 1, ...cut(range, { start, end }))
    }
    return before - this.#count
  }

  /** The block that was asked first, left in it. */
  peek(): number | undefined {
    return this.#ranges[0]?.start
  }

  /** Takes the block that was asked first. */
  take(): number | undefined {
    const first = this.#ranges[0]
    if (!first) return undefined
    const index = first.start++
    if (first.start === first.end) this.#ranges.shift()
    this.#count--
    return index
  }
}

/** What is left of `range` without `hole`. */
function cut(range: Range, hole: Readonly<Range>): Range[] {
  if (hole.end <= range.start || range.end <= hole.start) return [range]
  const pieces: Range[] = []
  if (range.start < hole.start) pieces.push({ start: range.start, end: hole.start })
  if (hole.end < range.end) pieces.push({ start: hole.end, end: range.end })
  return pieces
}
