import type { Instant } from '../time/instant.ts'

/** Now: microseconds since the Unix epoch, on the monotonic clock, so that it never goes backwards. */
export function now(): Instant {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000)
}
