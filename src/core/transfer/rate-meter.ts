import { seconds, type Duration, type Instant } from '../time/instant.ts'

/** How fast bytes came lately: those of a sliding window, over its length. Keeps a few numbers, whatever comes. */
export class RateMeter {
  readonly #slot: Duration
  readonly #bytes = new Float64Array(SLOTS)
  readonly #start: Instant
  /** Number of the newest slot, counted from `#start`. */
  #newest = 0

  /** @param window - what counts as lately. @default 5 s */
  constructor(now: Instant, window: Duration = seconds(5)) {
    this.#start = now
    this.#slot = window / SLOTS
  }

  add(now: Instant, bytes: number): void {
    this.#advance(now)
    this.#bytes[this.#newest % SLOTS]! += bytes
  }

  /** Bytes per second; 0 when nothing came. Of a meter younger than the window: over its age, but no less than one slot. */
  rate(now: Instant): number {
    this.#advance(now)
    const sum = this.#bytes.reduce((total, bytes) => total + bytes, 0)
    const from = Math.max(0, this.#newest - SLOTS + 1) * this.#slot + this.#start
    return (sum * seconds(1)) / Math.max(now - from, this.#slot)
  }

  #advance(now: Instant): void {
    const slot = Math.floor((now - this.#start) / this.#slot)
    const first = Math.max(this.#newest + 1, slot - SLOTS + 1)
    for (let n = first; n <= slot; n++) this.#bytes[n % SLOTS] = 0
    this.#newest = Math.max(this.#newest, slot)
  }
}

/** Parts of the window: it slides in steps of a twentieth. */
const SLOTS = 20
