import type { Duration, Instant } from '../../time/instant.ts'

/**
 * Decides how many bytes may be in flight. One instance per path.
 *
 * The caller owns bytes in flight and the clock; an implementation owns only its window. Methods are synchronous and must
 * not throw. `test/contract/congestion-controller.ts` is the contract that every implementation runs.
 */
export interface CongestionController {
  /** Stable id used in flags, logs and traces, e.g. `cubic`. */
  readonly id: string
  /** Bytes that may be in flight; always at least two datagrams. */
  readonly window: number
  /** True before the first congestion event. */
  readonly isSlowStart: boolean
  /** Packets were acknowledged. The window must not grow when `appLimited` (RFC 9002 section 7.8). */
  onAck(ack: AckSample): void
  /** Packets were declared lost; called at most once per ACK or timeout. */
  onCongestion(loss: LossSample): void
  /** The largest datagram of the path changed; bytes of UDP payload. */
  onDatagramSize(bytes: number): void
  /** A JSON-safe copy of the state, for traces and tests. */
  snapshot(): Readonly<Record<string, number | string>>
}

/** What an acknowledgement tells a controller. */
export interface AckSample {
  readonly now: Instant
  /** Send time of the newest packet acknowledged. */
  readonly sentAt: Instant
  /** Bytes newly acknowledged. */
  readonly bytes: number
  readonly smoothedRtt: Duration
  readonly appLimited: boolean
}

/** What a loss tells a controller. */
export interface LossSample {
  readonly now: Instant
  /** Send time of the newest packet lost: a loss from before the current recovery period is the same event. */
  readonly sentAt: Instant
  readonly bytes: number
  /** RFC 9002 section 7.6. */
  readonly persistent: boolean
}

/** Builds a controller for a new path. */
export type CongestionControllerFactory = (init: { readonly datagramSize: number }) => CongestionController
