/** Microseconds since 1970; comparable between processes of one machine. */
export const wallMicros = (): number => Math.round((performance.timeOrigin + performance.now()) * 1_000)

/** Bytes that have arrived by an instant. */
export interface MeterPoint {
  readonly at: number
  readonly bytes: number
}

/** Counts what a receiver's application gets, with a point of the sum every {@link STEP} at most. */
export class Meter {
  readonly points: MeterPoint[] = []
  #bytes = 0
  #lastAt = 0
  #awaited: { bytes: number; done: () => void } | undefined

  add(bytes: number): void {
    const at = wallMicros()
    // The first bytes start the clock and count for nothing: they were sent before it ran.
    if (this.points.length === 0) this.points.push({ at, bytes })
    this.#bytes += bytes
    this.#lastAt = at
    if (at - this.points.at(-1)!.at >= STEP) this.points.push({ at, bytes: this.#bytes })
    if (this.#awaited && this.#bytes >= this.#awaited.bytes) this.#awaited.done()
  }

  /** Resolves when so many have come. */
  async reached(bytes: number): Promise<void> {
    if (this.#bytes < bytes) await new Promise<void>((done) => (this.#awaited = { bytes, done }))
  }

  /** Every point so far, the last byte's included. */
  report(): MeterPoint[] {
    return this.#bytes === 0 ? [] : [...this.points, { at: this.#lastAt, bytes: this.#bytes }]
  }
}

/** Mean rate between two instants, bytes per microsecond, which is MB/s. Without instants: from the first bytes to the last. */
export function rateOf(points: readonly MeterPoint[], from = -Infinity, to = Infinity): number {
  const inside = points.filter(({ at }) => at >= from && at <= to)
  const [first, last] = [inside[0], inside.at(-1)]
  if (first === undefined || last === undefined || last.at === first.at) return 0
  // In a window that outlasts the data, silence counts.
  const span = (to === Infinity ? last.at : to) - (from === -Infinity ? first.at : from)
  return (last.bytes - first.bytes) / span
}

/** Time between two points, microseconds. */
const STEP = 20_000
