import type { PluginClock } from '../plugins/clock.ts'

/** A {@link PluginClock} that stands still until it is moved. */
export class ManualClock implements PluginClock {
  #now: number
  readonly #timers = new Set<{ readonly at: number; readonly fn: () => void }>()

  /** @param start - milliseconds since 1970. @default 0 */
  constructor(start = 0) {
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Timers that are to go off. */
  get pending(): number {
    return this.#timers.size
  }

  /** Moves it, timer by timer in their order; what each sets off in promises is done before the next. @param ms - milliseconds */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fn()
      await settled()
    }
    this.#now = end
    await settled()
  }
}

/** Lets promises that are ready go on, several deep. */
async function settled(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve))
}

const TURNS = 3
