import { millis, seconds, type Duration, type Instant } from '../../time/instant.ts'

/**
 * When a path is challenged: a first series of 100 ms x 5, 200 ms x 10 and 1 s x 10, then five more at 100 ms after pauses of 5 s, 30 s, and 60 s again and
 * again. In that time both routers have been opened from inside, if they let themselves be opened at all.
 */
export class Attempts {
  #count = 0
  /** When the next one is due; Infinity before {@link Attempts.start}. */
  at: Instant = Infinity

  /** Begins anew at `at`. */
  start(at: Instant): void {
    this.#count = 0
    this.at = at
  }

  /** No more, until started again. */
  stop(): void {
    this.at = Infinity
  }

  /** One was made now. */
  onMade(now: Instant): void {
    this.#count++
    this.at = now + delayAfter(this.#count)
  }

  /** How many were made since the start. */
  get count(): number {
    return this.#count
  }

  /** True while the first series lasts. */
  get isFirstSeries(): boolean {
    return this.at !== Infinity && this.#count < FIRST_SERIES
  }
}

/** @param count - attempts made so far, from 1 on. */
function delayAfter(count: number): Duration {
  if (count <= 5) return millis(100)
  if (count <= 15) return millis(200)
  if (count < FIRST_SERIES) return seconds(1)
  const later = count - FIRST_SERIES
  return later % LATER_SERIES === 0 ? (PAUSES[later / LATER_SERIES] ?? PAUSES.at(-1)!) : millis(100)
}

const FIRST_SERIES = 25
const LATER_SERIES = 5
const PAUSES: readonly Duration[] = [seconds(5), seconds(30), seconds(60)]
