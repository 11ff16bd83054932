import type { Instant } from '../time/instant.ts'

/** Microseconds on this process's monotonic clock. */
export const monotonicNow = (): Instant => Math.floor(performance.now() * 1_000)
