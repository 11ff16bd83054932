/** A half-open range of integers: `start` <= n < `end`. */
export interface Range {
  start: number
  end: number
}

/** A sorted set of disjoint, non-touching ranges: packet numbers received, or stream bytes acknowledged. */
export class RangeSet {
  readonly #ranges: Range[] = []

  /** Ranges in ascending order; do not keep or change them. */
  get ranges(): readonly Readonly<Range>[] {
    return this.#ranges
  }

  get isEmpty(): boolean {
    return this.#ranges.length === 0
  }

  /** Adds [start, end). @returns how many integers were new. */
  add(start: number, end: number): number {
    if (start >= end) return 0
    const ranges = this.#ranges
    const last = ranges.at(-1)
    if (last === undefined || start > last.end) {
      ranges.push({ start, end })
      return end - start
    }
    let first = ranges.length
    while (first > 0 && ranges[first - 1]!.end >= start) first--
    let covered = 0
    let merged = first
    let low = start
    let high = end
    for (; merged < ranges.length && ranges[merged]!.start <= end; merged++) {
      const range = ranges[merged]!
      covered += Math.max(0, Math.min(range.end, end) - Math.max(range.start, start))
      low = Math.min(low, range.start)
      high = Math.max(high, range.end)
    }
    ranges.splice(first, merged - first, { start: low, end: high })
    return end - start - covered
  }

  has(n: number): boolean {
    const ranges = this.#ranges
    for (let i = ranges.length - 1; i >= 0; i--) {
      const { start, end } = ranges[i]!
      if (n >= end) return false
      if (n >= start) return true
    }
    return false
  }

  /** Removes everything below `n`. */
  dropBelow(n: number): void {
    const ranges = this.#ranges
    let gone = 0
    while (gone < ranges.length && ranges[gone]!.end <= n) gone++
    if (gone > 0) ranges.splice(0, gone)
    const first = ranges[0]
    if (first && first.start < n) first.start = n
  }

  /** Removes and returns the first range, at most `length` long. */
  takeFirst(length = Infinity): Range | undefined {
    const first = this.#ranges[0]
    if (first === undefined) return undefined
    const end = Math.min(first.end, first.start + length)
    const taken = { start: first.start, end }
    if (end === first.end) this.#ranges.shift()
    else first.start = end
    return taken
  }

  /** Removes [start, end). */
  remove(start: number, end: number): void {
    const ranges = this.#ranges
    for (let i = 0; i < ranges.length; i++) {
      const range = ranges[i]!
      if (range.end <= start) continue
      if (range.start >= end) return
      const pieces: Range[] = []
      if (range.start < start) pieces.push({ start: range.start, end: start })
      if (range.end > end) pieces.push({ start: end, end: range.end })
      ranges.splice(i, 1, ...pieces)
      i += pieces.length - 1
    }
  }
}
