import type { Instant } from '../../time/instant.ts'
import type { SocketAddress } from '../endpoint-api.ts'
import type { LostPacket, SentPacket } from '../recovery/loss-detector.ts'
import type { Trace } from '../trace.ts'
import type { ClosedEvent } from './events.ts'
import type { Path } from './path.ts'

/** Tells what happens on one link, under its name; costs next to nothing when nobody listens. */
export class LinkTrace {
  readonly #trace: Trace | undefined
  readonly #link: string

  constructor(trace: Trace | undefined, link: string) {
    this.#trace = trace
    this.#link = link
  }

  onStarted(time: Instant, { host, port }: SocketAddress, is_initiator: boolean): void {
    this.#trace?.({ time, link: this.#link, name: 'connection_started', address: host, port, is_initiator })
  }

  /** @param length - of the datagram, bytes. */
  onPacket(time: Instant, name: 'packet_sent' | 'packet_received', packet_number: number, length: number): void {
    this.#trace?.({ time, link: this.#link, name, packet_number, length })
  }

  onAcked(time: Instant, acked: readonly SentPacket[], path: Path): void {
    if (this.#trace === undefined) return
    const packet_numbers = acked.map(({ packetNumber }) => packetNumber)
    this.#trace({ time, link: this.#link, name: 'packets_acked', packet_numbers })
    this.onMetrics(time, path)
  }

  onLost(time: Instant, { packetNumber: packet_number, trigger }: LostPacket): void {
    this.#trace?.({ time, link: this.#link, name: 'packet_lost', packet_number, trigger })
  }

  onMetrics(time: Instant, path: Path): void {
    this.#trace?.({ time, link: this.#link, name: 'metrics_updated', ...path.metrics() })
  }

  onMoved(time: Instant, { host, port }: SocketAddress): void {
    this.#trace?.({ time, link: this.#link, name: 'path_changed', address: host, port })
  }

  onClosed(time: Instant, { kind: trigger, code, reason }: ClosedEvent): void {
    this.#trace?.({ time, link: this.#link, name: 'connection_closed', trigger, code, reason })
  }
}
