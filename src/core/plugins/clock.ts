/** Where hosts of plugins have their time from; tests give one that they move. */
export interface PluginClock {
  /** Milliseconds since 1970. */
  now(): number
  /** @param ms - milliseconds. @returns cancels it */
  after(ms: number, fn: () => void): () => void
}

/** The machine's own. Its timers keep no process alive. */
export const SYSTEM_CLOCK: PluginClock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  },
}
