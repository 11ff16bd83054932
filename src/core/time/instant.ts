/**
 * Time as the pure rooms see it: integer microseconds handed in by the caller, never read from the
 * operating system.
 *
 * The two types are soft brands: a plain number fits both, but a Duration is not an Instant.
 *
 * @packageDocumentation
 */

/** A length of time. Unit: microseconds, integer, >= 0. */
export type Duration = number & { readonly __us?: 'duration' }

/** A point on the caller's monotonic clock. Unit: microseconds since that clock's own epoch. */
export type Instant = number & { readonly __us?: 'instant' }

/** `n` milliseconds as a {@link Duration}. */
export const millis = (n: number): Duration => Math.round(n * 1_000)

/** `n` seconds as a {@link Duration}. */
export const seconds = (n: number): Duration => Math.round(n * 1_000_000)
