/** How long to wait between attempts: doubling, with half of it random so that clients of one server do not come back together. */
export interface Backoff {
  /** Milliseconds before the second attempt. */
  readonly baseMs: number
  /** Never longer than this, milliseconds. */
  readonly capMs: number
}

/**
 * @param attempt - failed attempts so far, from 1.
 * @param random - uniform in [0, 1).
 * @returns milliseconds, from half of the doubled base to all of it.
 */
export function backoffMs(attempt: number, random: number, { baseMs, capMs }: Backoff): number {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, MAX_EXPONENT))
  return Math.round(full * (0.5 + random / 2))
}

/** Back at the server: quick after a restart, and signed in within ten seconds after however long an outage. */
export const RECONNECT: Backoff = { baseMs: 500, capMs: 8_000 }
/** Back on a link: a handshake has already taken ten seconds to fail. */
export const RELINK: Backoff = { baseMs: 1_000, capMs: 30_000 }
/** Again to somebody who refused a message: their client has held it for five seconds already. */
export const RETRY_REFUSED: Backoff = { baseMs: 2_000, capMs: 60_000 }

/** Beyond this the cap has long been reached; larger powers would overflow. */
const MAX_EXPONENT = 30
