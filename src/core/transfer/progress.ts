import { seconds, type Duration, type Instant } from '../time/instant.ts'
import { RateMeter } from './rate-meter.ts'

/** How far a download is. */
export interface ProgressReport {
  /** Bytes believed, those of an earlier run included. */
  readonly bytes: number
  /** Bytes in all; undefined while nobody knows. */
  readonly total: number | undefined
  /** Bytes each second, lately. */
  readonly rate: number
  /** Until the end at this rate, microseconds; undefined when the total is unknown or nothing comes. */
  readonly eta: Duration | undefined
}

/** Counts the bytes of a download, its rate, and the fractions of it that are crossed. */
export class Progress {
  readonly #checkpoints: number[]
  readonly #meter: RateMeter
  #bytes: number
  #total: number | undefined
  #fresh = 0

  /**
   * @param checkpoints - fractions between 0 and 1; those that are passed already are never crossed.
   * @param bytes - of an earlier run.
   */
  constructor(now: Instant, total: number | undefined, bytes: number, checkpoints: readonly number[]) {
    this.#meter = new RateMeter(now, PERIOD)
    this.#bytes = bytes
    this.#checkpoints = checkpoints.filter((x) => x > 0 && x < 1).sort((a, b) => a - b)
    this.setTotal(total)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The total is known now. What is passed at this moment is not crossed: there was no fraction before. */
  setTotal(total: number | undefined): void {
    this.#total = total
    this.#crossed()
  }

  /** @returns the fractions that these bytes crossed, ascending: each once in a download. */
  add(bytes: number): number[] {
    this.#bytes += bytes
    this.#fresh += bytes
    return this.#crossed()
  }

  report(now: Instant): ProgressReport {
    this.#meter.add(now, this.#fresh)
    this.#fresh = 0
    const rate = this.#meter.rate ?? 0
    const left = this.#total === undefined ? undefined : Math.max(0, this.#total - this.#bytes)
    const eta = left === 0 ? 0 : left === undefined || rate < 1 ? undefined : Math.ceil((left * seconds(1)) / rate)
    return { bytes: this.#bytes, total: this.#total, rate, eta }
  }

  #crossed(): number[] {
    const total = this.#total
    if (total === undefined) return []
    let count = 0
    while (count < this.#checkpoints.length && this.#bytes >= this.#checkpoints[count]! * total) count++
    return this.#checkpoints.splice(0, count)
  }
}

/** Steady enough to be read, quick enough to tell that a link is gone. */
const PERIOD = seconds(3)
