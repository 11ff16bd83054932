import type { Instant } from '../time/instant.ts'
import type { SocketAddress } from './endpoint-api.ts'

/** A datagram the driver must send. */
export interface Transmit {
  readonly to: SocketAddress
  /** UDP payload; the machine never touches it again. */
  readonly payload: Uint8Array
  /** How many routers it may pass. A driver that cannot say so does not send it. @default as many as there are */
  readonly ttl?: number
}

/**
 * The shape of every machine that speaks datagrams: no sockets, no timers, no clock, no promises.
 *
 * - `handle*`: something arrived from the network or the clock.
 * - plain verbs (`connect`, `write`, `close`): the application wants something.
 * - `poll*`: what the driver must do next; drain after every call above, in this order: `pollTransmit`, `pollTimeout`, `pollEvent`.
 *
 * `now` never goes backwards between calls.
 */
export interface Machine<Event> {
  handleDatagram(now: Instant, from: SocketAddress, payload: Uint8Array): void
  /** Safe to call early or repeatedly; it then does nothing. */
  handleTimeout(now: Instant): void
  /** Next datagram to send, or `undefined` when there is none. Call until `undefined`. */
  pollTransmit(now: Instant): Transmit | undefined
  /** When `handleTimeout` wants to be called next, or `undefined` for never. */
  pollTimeout(): Instant | undefined
  /** Next event for the application, or `undefined`. Call until `undefined`. */
  pollEvent(): Event | undefined
}
