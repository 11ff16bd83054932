import type { TLSSocket } from 'node:tls'
import type { ConnectionId } from '../control/state.ts'
import { now } from '../io/clock.ts'
import { LegWriter } from '../io/leg-writer.ts'
import { millis, type Instant } from '../time/instant.ts'
import { LegReader } from '../wire/relay-leg.ts'

/** What a {@link RelayLeg} is built with. */
export interface RelayLegDeps {
  /** Milliseconds that may pass until the token is there. */
  readonly timeoutMs: number
  /** Whose token that is; `undefined` when it is nobody's. */
  readonly connectionOf: (token: string) => ConnectionId | undefined
  /** The leg belongs to a signed-in connection from now on. */
  readonly onAttached: (leg: RelayLeg) => void
  /** @param datagram - relayed; not touched again by the leg. @returns false when it was dropped */
  readonly onDatagram: (leg: RelayLeg, datagram: Uint8Array) => boolean
  readonly onClosed: (leg: RelayLeg) => void
}

/** The server's side of a leg: a stranger until it has said its token, then a connection's way to the relay and back. */
export class RelayLeg {
  readonly address: string
  readonly #socket: TLSSocket
  readonly #deps: RelayLegDeps
  readonly #reader = new LegReader()
  readonly #writer: LegWriter
  readonly #deadline: Instant
  #connection: ConnectionId | undefined

  constructor(socket: TLSSocket, address: string, deps: RelayLegDeps) {
    this.address = address
    this.#socket = socket
    this.#writer = new LegWriter(socket)
    this.#deps = deps
    this.#deadline = now() + millis(deps.timeoutMs)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => this.#handleBytes(bytes))
    socket.once('close', () => deps.onClosed(this))
  }

  /** Whose it is; `undefined` while it is a stranger's. */
  get connection(): ConnectionId | undefined {
    return this.#connection
  }

  isOverdue(at: Instant): boolean {
    return this.#connection === undefined && at >= this.#deadline
  }

  /** @returns false when it was dropped: what was sent before has not left yet. */
  send(datagram: Uint8Array): boolean {
    return this.#writer.send(datagram)
  }

  close(): void {
    this.#socket.destroy()
  }

  stop(): void {
    this.close()
  }

  #handleBytes(bytes: Buffer): void {
    this.#reader.handleBytes(bytes)
    try {
      if (this.#connection === undefined && !this.#handleToken()) return
      let isOver = false
      for (let datagram = this.#reader.pollDatagram(); datagram; datagram = this.#reader.pollDatagram()) {
        isOver = !this.#deps.onDatagram(this, datagram) || isOver
      }
      if (isOver) this.#rest()
    } catch {
      this.close()
    }
  }

  /** Unlike UDP, TCP can be made to wait: reading what is dropped anyway would only cost time that others need. */
  #rest(): void {
    this.#socket.pause()
    setTimeout(() => this.#socket.resume(), REST_MS).unref()
  }

  /** @returns true when it is a connection's now. */
  #handleToken(): boolean {
    const token = this.#reader.pollToken()
    if (token === undefined) return false
    this.#connection = this.#deps.connectionOf(token)
    if (this.#connection === undefined) {
      this.close()
      return false
    }
    this.#deps.onAttached(this)
    return true
  }
}

/** Implementation: how long nothing is read after something was dropped, milliseconds; one read of 64 KiB in that time is more than the rate of a channel. */
const REST_MS = 10
