interface Timer {
  at: number
  readonly act: () => void
}

/** `setTimeout` in a test's own time: nothing fires until `tick` says that time has passed. */
export interface FakeTimers {
  /** Lets milliseconds pass; what is due fires in order, and what that sets may fire too. */
  tick(ms: number): void
  /** Timers that wait. */
  readonly waiting: number
}

/** Replaces `setTimeout` and `clearTimeout` for each test of the calling `describe`. */
export function useFakeTimers(): FakeTimers {
  const real = { setTimeout, clearTimeout }
  const timers = new Set<Timer>()
  let now = 0
  const fake = (act: () => void, ms = 0): object => {
    const timer: Timer = { at: now + ms, act }
    timers.add(timer)
    return Object.assign(timer, { unref: () => timer, ref: () => timer })
  }
  beforeEach(() => {
    now = 0
    timers.clear()
    Object.assign(globalThis, { setTimeout: fake, clearTimeout: (timer: Timer) => void timers.delete(timer) })
  })
  afterEach(() => void Object.assign(globalThis, real))
  return {
    get waiting() {
      return timers.size
    },
    tick(ms) {
      const until = now + ms
      for (;;) {
        const [next] = [...timers].sort((a, b) => a.at - b.at)
        if (!next || next.at > until) break
        timers.delete(next)
        now = next.at
        next.act()
      }
      now = until
    },
  }
}
