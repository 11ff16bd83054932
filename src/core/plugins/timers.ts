import type { PluginClock } from './clock.ts'
import type { PluginTimers } from './scope-api.ts'

/** {@link PluginTimers} that can be ended all at once. */
export class ScopedTimers implements PluginTimers {
  readonly #clock: PluginClock
  readonly #run: (fn: () => void | Promise<void>) => Promise<void>
  readonly #cancels = new Set<() => void>()
  #isClosed = false

  /** @param run - calls a callback; never rejects. */
  constructor(clock: PluginClock, run: (fn: () => void | Promise<void>) => Promise<void>) {
    this.#clock = clock
    this.#run = run
  }

  now(): number {
    return this.#clock.now()
  }

  after(ms: number, fn: () => void | Promise<void>): () => void {
    check(ms, 0)
    return this.#schedule(ms, () => void this.#run(fn))
  }

  every(ms: number, fn: () => void | Promise<void>): () => void {
    check(ms, 1)
    let cancel = (): void => {}
    let isOver = false
    const again = (): void => {
      cancel = this.#schedule(ms, () => {
        void this.#run(fn).then(() => {
          if (!isOver) again()
        })
      })
    }
    again()
    return () => {
      isOver = true
      cancel()
    }
  }

  close(): void {
    this.#isClosed = true
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }

  #schedule(ms: number, fn: () => void): () => void {
    if (this.#isClosed) return () => {}
    const stop = this.#clock.after(ms, () => {
      this.#cancels.delete(cancel)
      fn()
    })
    const cancel = (): void => {
      this.#cancels.delete(cancel)
      stop()
    }
    this.#cancels.add(cancel)
    return cancel
  }
}

function check(ms: number, least: number): void {
  if (!(ms >= least && ms <= MAX_MS)) throw new TypeError(`a timer of ${ms} ms; ${least} to ${MAX_MS} can be`)
}

/** What timers of Node.js hold, milliseconds. */
const MAX_MS = 2 ** 31 - 1
