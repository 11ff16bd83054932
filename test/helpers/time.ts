/** Milliseconds and seconds in microseconds, as plain numbers: a test's moment and its length of time are often the same. */
export const ms = (n: number): number => Math.round(n * 1_000)
export const s = (n: number): number => n * 1_000_000
