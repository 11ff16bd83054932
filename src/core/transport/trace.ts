import type { Instant } from '../time/instant.ts'
import type { ClosedEvent } from './connection/events.ts'

/** How a path is used. Sizes in bytes, times in milliseconds, rates in bits per second and absent while unknown. */
export interface PathMetrics {
  /** Bytes that may be in flight. */
  readonly congestion_window: number
  readonly bytes_in_flight: number
  readonly smoothed_rtt: number
  readonly min_rtt: number
  /** How fast the path delivered when it was last kept busy. */
  readonly delivery_rate?: number
  /** How fast datagrams may leave. */
  readonly pacing_rate?: number
  readonly datagram_size: number
  /** The controller's own state, in its own units; `id` is its name. */
  readonly controller: Readonly<Record<string, number | string>>
}

/**
 * What a link tells of its inner life, in qlog's terms (draft-ietf-quic-qlog-quic-events). Sizes in bytes, times in milliseconds as
 * qlog has them; `time` is the machine's clock, microseconds (since 1970 on a real one). `docs/TRACES.md` is checked against this type by a test.
 */
export type TraceEvent = { readonly time: Instant; readonly link: string } &
  /** Both sides are confirmed; `address` is the peer's. */
  (
    | {
        readonly name: 'connection_started'
        readonly address: string
        readonly port: number
        readonly is_initiator: boolean
      }
    | {
        readonly name: 'connection_closed'
        readonly trigger: ClosedEvent['kind']
        readonly code: number
        readonly reason: string
      }
    | { readonly name: 'packet_sent' | 'packet_received'; readonly packet_number: number; readonly length: number }
    /** Packets of this side that the peer newly acknowledged. */
    | { readonly name: 'packets_acked'; readonly packet_numbers: readonly number[] }
    | {
        readonly name: 'packet_lost'
        readonly packet_number: number
        readonly trigger: 'reordering_threshold' | 'time_threshold'
      }
    /** After every acknowledgement, and after losses that a timer found. */
    | ({ readonly name: 'metrics_updated' } & PathMetrics)
    /** The peer is at another address now. */
    | { readonly name: 'path_changed'; readonly address: string; readonly port: number }
  )

/** Takes trace events; called while the machine works, so it must be quick and must not call back. */
export type Trace = (event: TraceEvent) => void
