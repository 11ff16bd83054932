/** A half-open range of integers: `start` <= n < `end`. */
export interface Range {
  start: number
  end: number
}

/** A sorted set of disjoint, non-touching ranges: packet numbers received, stream bytes acknowledged, or blocks asked for. */
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
    // In order, as nearly everything is.
    if (start === last.end) {
      last.end = end
      return end - start
    }
    const first = this.#indexOf(start)
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
    const range = this.#ranges[this.#indexOf(n + 1)]
    return range !== undefined && range.start <= n
  }

  /** The ranges that share something with [start, end), ascending; do not keep or change them. */
  overlapping(start: number, end: number): readonly Readonly<Range>[] {
    const first = this.#indexOf(start + 1)
    let last = first
    while (last < this.#ranges.length && this.#ranges[last]!.start < end) last++
    return this.#ranges.slice(first, last)
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
    if (start >= end) return
    const ranges = this.#ranges
    for (let i = this.#indexOf(start + 1); i < ranges.length; i++) {
      const range = ranges[i]!
      if (range.start >= end) return
      const pieces: Range[] = []
      if (range.start < start) pieces.push({ start: range.start, end: start })
      if (range.end > end) pieces.push({ start: end, end: range.end })
      ranges.splice(i, 1, ...pieces)
      i += pieces.length - 1
    }
  }

  /** Index of the first range that ends at `n` or later. */
  #indexOf(n: number): number {
    const ranges = this.#ranges
    // Most of what is asked for is at the end.
    const last = ranges.at(-1)
    if (last === undefined || last.end < n) return ranges.length
    if (last.start <= n) return ranges.length - 1
    let low = 0
    let high = ranges.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (ranges[middle]!.end < n) low = middle + 1
      else high = middle
    }
    return low
  }
}
