import type { Duration, Instant } from '../../time/instant.ts'
import type { RateSample } from '../recovery/delivery-rate.ts'

/**
 * Decides how many bytes may be in flight, and perhaps how fast they leave. One instance per path.
 *
 * The caller owns bytes in flight and the clock; an implementation owns only its model. Methods are synchronous and must
 * not throw. `test/contract/congestion-controller.ts` is the contract that every implementation runs.
 */
export interface CongestionController {
  /** Stable id used in flags, logs and traces, e.g. `cubic`. */
  readonly id: string
  /** Bytes that may be in flight; always at least two datagrams. */
  readonly window: number
  /** Bytes per microsecond at which datagrams should leave; `undefined` leaves it to the window and the round trip. */
  readonly pacingRate: number | undefined
  /** True before the first congestion event. */
  readonly isSlowStart: boolean
  /** Packets were acknowledged. The window must not grow when `appLimited` (RFC 9002 section 7.8). */
  onAck(ack: AckSample): void
  /** Packets were declared lost; called at most once per ACK or timeout. */
  onCongestion(loss: LossSample): void
  /** A loss turned out not to have been one: the packet was acknowledged after all. */
  onSpuriousLoss(): void
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
  /** Bytes in flight before and after. */
  readonly priorInFlight: number
  readonly inFlight: number
  readonly smoothedRtt: Duration
  /** This ACK's own sample, microseconds; `undefined` when it gave none. */
  readonly rtt: Duration | undefined
  readonly appLimited: boolean
  readonly rate: RateSample
}

/** What a loss tells a controller. */
export interface LossSample {
  readonly now: Instant
  /** Send time of the newest packet lost: a loss from before the current recovery period is the same event. */
  readonly sentAt: Instant
  readonly bytes: number
  /** Bytes in flight when the newest lost packet left, itself included. */
  readonly sentInFlight: number
  /** Bytes delivered and lost since that packet left. */
  readonly deliveredSince: number
  readonly lostSince: number
  /** True when the application, not the path, kept more from being in flight then. */
  readonly appLimited: boolean
  /** RFC 9002 section 7.6. */
  readonly persistent: boolean
}

/** Bytes that may be in flight on a path of which nothing is known. RFC 9002 section 7.2 */
export const initialWindow = (datagramSize: number): number =>
  Math.min(10 * datagramSize, Math.max(14_720, 2 * datagramSize))

/** Builds a controller for a new path. */
export type CongestionControllerFactory = (init: {
  readonly datagramSize: number
  /** Uniform in [0, 1), for periods that must not beat with other flows'. */
  readonly random: () => number
}) => CongestionController
