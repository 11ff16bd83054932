import type { TLSSocket } from 'node:tls'
import { encodeLegFrame } from '../wire/relay-leg.ts'

/** Writes datagrams to a leg, and drops them, as a network would, while it takes no more. */
export class LegWriter {
  readonly #socket: TLSSocket
  #isCorked = false

  constructor(socket: TLSSocket) {
    this.#socket = socket
  }

  /** @param datagram - copied. @returns false when it was dropped: what was written before has not left yet. */
  send(datagram: Uint8Array): boolean {
    const socket = this.#socket
    if (!socket.writable || socket.writableLength > MAX_UNSENT) return false
    if (!this.#isCorked) {
      // What is sent in one turn leaves in as few TLS records as it can.
      this.#isCorked = true
      socket.cork()
      setImmediate(() => {
        this.#isCorked = false
        socket.uncork()
      })
    }
    socket.write(encodeLegFrame(datagram))
    return true
  }
}

/** Specification: what a leg has not taken, bytes, beyond which datagrams are dropped. */
const MAX_UNSENT = 262_144
