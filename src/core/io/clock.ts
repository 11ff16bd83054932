import type { Instant } from '../time/instant.ts'

/** Microseconds on this process's monotonic clock. */
export const monotonicNow = (): Instant => Math.floor(performance.now() * 1_000)

/** Now: microseconds since the Unix epoch, on the monotonic clock, so that it never goes backwards. */
export function now(): Instant {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000)
}
