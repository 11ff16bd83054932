import { createSocket, type Socket } from 'node:dgram'
import type { SocketAddress } from '../transport/endpoint-api.ts'

/** Many UDP sockets beside an endpoint's own, each on a free IPv4 port, numbered from 1 on. Those that found nobody are closed after a while. */
export class SocketFan {
  readonly #onDatagram: (from: SocketAddress, bytes: Uint8Array) => void
  readonly #sockets = new Map<number, Socket>()
  #timer: NodeJS.Timeout | undefined

  /** @param onDatagram - `from` says by which socket. */
  constructor(onDatagram: (from: SocketAddress, bytes: Uint8Array) => void) {
    this.#onDatagram = onDatagram
  }

  /** How many are open. */
  get size(): number {
    return this.#sockets.size
  }

  /** Opens the sockets up to `count` that are not open; after a while, those for which `isUsed` is false are closed. */
  open(count: number, isUsed: (socket: number) => boolean): void {
    for (let number = 1; number <= count; number++) if (!this.#sockets.has(number)) this.#openOne(number)
    this.#pruneLater(isUsed)
  }

  /** To an IPv4 address. A socket that is closed drops it, as a network would. */
  send({ host, port, socket = 0 }: SocketAddress, bytes: Uint8Array, onSent: () => void): void {
    const found = this.#sockets.get(socket)
    if (found) found.send(bytes, port, host, onSent)
    else onSent()
  }

  close(): void {
    clearTimeout(this.#timer)
    for (const socket of this.#sockets.values()) socket.close()
    this.#sockets.clear()
  }

  #openOne(number: number): void {
    const socket = createSocket({ type: 'udp4', lookup: (host, _options, callback) => callback(null, host, 4) })
    // Out of files or ports: fewer guesses.
    socket.on('error', () => this.#drop(number))
    socket.on('message', (bytes, { address, port }) => this.#onDatagram({ host: address, port, socket: number }, bytes))
    this.#sockets.set(number, socket)
  }

  #pruneLater(isUsed: (socket: number) => boolean): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      for (const number of this.#sockets.keys()) if (!isUsed(number)) this.#drop(number)
      if (this.#sockets.size > 0) this.#pruneLater(isUsed)
    }, LIFE_MS).unref()
  }

  #drop(number: number): void {
    const socket = this.#sockets.get(number)
    this.#sockets.delete(number)
    socket?.close()
  }
}

/** How long a guess is waited for, and how often it is looked whether a socket is still used, milliseconds. */
const LIFE_MS = 10_000
