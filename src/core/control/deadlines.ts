import type { Instant } from '../time/instant.ts'

/** One thing due at one time. Cancelling twice, or after it came due, does nothing. */
export interface Deadline {
  readonly at: Instant
  cancel(): void
}

/** What is due when, soonest first: a binary heap in which cancelled entries stay until they are half of it. */
export class Deadlines<T> {
  #heap: Array<Entry<T>> = []
  #cancelled = 0

  add(at: Instant, what: T): Deadline {
    const entry: Entry<T> = {
      at,
      what,
      cancel: () => {
        if (entry.what === undefined) return
        entry.what = undefined
        this.#cancelled++
        this.#compact()
      },
    }
    this.#heap.push(entry)
    this.#rise(this.#heap.length - 1)
    return entry
  }

  /** How many entries are held, cancelled ones included. */
  get size(): number {
    return this.#heap.length
  }

  /** When the next is due, or `undefined` when nothing is. */
  next(): Instant | undefined {
    this.#dropCancelled()
    return this.#heap[0]?.at
  }

  /** Takes the next that is due at `now` or was before. */
  take(now: Instant): T | undefined {
    this.#dropCancelled()
    const first = this.#heap[0]
    if (!first || first.at > now) return undefined
    const { what } = first
    first.what = undefined
    this.#removeFirst()
    return what
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.what === undefined) {
      this.#removeFirst()
      this.#cancelled--
    }
  }

  #compact(): void {
    if (this.#cancelled < MIN_COMPACT || 2 * this.#cancelled < this.#heap.length) return
    this.#heap = this.#heap.filter(({ what }) => what !== undefined).sort((a, b) => a.at - b.at)
    this.#cancelled = 0
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (!last || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(i: number): void {
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (this.#at(parent) <= this.#at(i)) return
      this.#swap(i, parent)
      i = parent
    }
  }

  #sink(i: number): void {
    for (;;) {
      const left = 2 * i + 1
      const least = this.#at(left + 1) < this.#at(left) ? left + 1 : left
      if (this.#at(i) <= this.#at(least)) return
      this.#swap(i, least)
      i = least
    }
  }

  #at(i: number): Instant {
    return this.#heap[i]?.at ?? Infinity
  }

  #swap(i: number, j: number): void {
    const [a, b] = [this.#heap[i], this.#heap[j]]
    if (!a || !b) return
    this.#heap[i] = b
    this.#heap[j] = a
  }
}

interface Entry<T> extends Deadline {
  /** `undefined` once cancelled or taken. */
  what: T | undefined
}

/** Below this many cancelled entries, tidying up costs more than it frees. */
const MIN_COMPACT = 64
