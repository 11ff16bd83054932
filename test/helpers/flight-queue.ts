import type { Instant } from '../../src/core/time/instant.ts'

/** Things that are due at instants, the earliest first; equal ones in the order they came. A binary heap: nothing is rounded. */
export class FlightQueue<T> {
  readonly #heap: Array<Flight<T>> = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  /** When the next is due; `undefined` when nothing flies. */
  get nextAt(): Instant | undefined {
    return this.#heap[0]?.at
  }

  push(at: Instant, value: T): void {
    const heap = this.#heap
    const flight = { at, order: this.#order++, value }
    let i = heap.length
    for (; i > 0;) {
      const parent = (i - 1) >> 1
      if (!isBefore(flight, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = flight
  }

  /** Takes the earliest out, due or not. */
  pop(): T | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first?.value
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
    return first.value
  }
}

interface Flight<T> {
  readonly at: Instant
  readonly order: number
  readonly value: T
}

const isBefore = <T>(a: Flight<T>, b: Flight<T>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
