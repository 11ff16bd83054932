import type { Instant } from '../time/instant.ts'

/**
 * What a link tells of its inner life, in qlog's terms (draft-ietf-quic-qlog-quic-events). Sizes in bytes, times in milliseconds as
 * qlog has them; `time` is the machine's clock, microseconds.
 */
export type TraceEvent = { readonly time: Instant; readonly link: string } & (
  | { readonly name: 'packet_sent' | 'packet_received'; readonly packet_number: number; readonly length: number }
  | {
      readonly name: 'packet_lost'
      readonly packet_number: number
      readonly trigger: 'reordering_threshold' | 'time_threshold'
    }
  | {
      readonly name: 'metrics_updated'
      readonly congestion_window: number
      readonly bytes_in_flight: number
      readonly smoothed_rtt: number
      readonly min_rtt: number
      /** Bits per second; absent while unknown. */
      readonly pacing_rate?: number
      readonly datagram_size: number
      /** The controller's own state. */
      readonly controller: Readonly<Record<string, number | string>>
    }
  | { readonly name: 'path_changed'; readonly address: string }
)

/** Takes trace events; called while the machine works, so it must be quick and must not call back. */
export type Trace = (event: TraceEvent) => void
