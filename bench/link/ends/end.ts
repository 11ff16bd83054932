import type { LinkStats, SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import type { Meter } from './meter.ts'

/** What speaks: this project's link, udx-native, or the kernel's TCP. */
export type Protocol = 'msg' | 'udx' | 'tcp'

/** Where an end is made and how. */
export interface EndOptions {
  /** Own address, an IPv4 literal. */
  readonly host: string
  /** msg only: both ends' identities, made by whoever starts them. */
  readonly seeds: { readonly dialer: Uint8Array; readonly answerer: Uint8Array }
  /** msg only. @default the link's own choice */
  readonly congestion?: 'bbr' | 'cubic' | 'fast'
  /** msg only: largest datagram, bytes of UDP payload. @default as far as the ladder goes */
  readonly maxDatagramSize?: number
}

/** What to send: a file's worth of bytes, or as much as goes within a time; perhaps with chat beside it. */
export interface Load {
  readonly bytes?: number
  readonly seconds?: number
  /** A message of 100 bytes every 100 ms on a stream of the highest priority. */
  readonly chat?: boolean
}

/** The end that receives. */
export interface Receiver {
  readonly address: SocketAddress
  readonly meter: Meter
  /** One-way delay of each chat message, microseconds. */
  readonly latencies: readonly number[]
  close(): Promise<void> | void
}

/** The end that sends, connected. */
export interface Sender {
  /** Resolves when the load was handed over, which is before it has arrived. */
  send(load: Load): Promise<void>
  /** What the link says of itself, when it does. */
  stats(): LinkStats | undefined
  close(): Promise<void> | void
}

/** Bytes of one write: large, so that the application costs little. */
export const CHUNK = Buffer.alloc(262_144)
