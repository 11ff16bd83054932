import type { SocketAddress } from '../transport/endpoint-api.ts'
import type { DatagramPool } from './datagram-pool.ts'
import type { UdpSocket } from './udp-socket.ts'

/**
 * Gathers datagrams that lie end to end, go to one place and are of one size, the last one perhaps shorter, and hands them to the
 * socket together.
 *
 * Owns what is added until the socket has sent it; then the pool gets it back.
 */
export class DatagramRun {
  readonly #socket: Pick<UdpSocket, 'send' | 'maxRun'>
  readonly #pool: DatagramPool
  readonly #max: UdpSocket['maxRun']
  #to: SocketAddress | undefined
  #first: Uint8Array = EMPTY
  #bytes = 0
  #count = 0
  #isFull = false

  constructor(socket: Pick<UdpSocket, 'send' | 'maxRun'>, pool: DatagramPool) {
    this.#socket = socket
    this.#pool = pool
    this.#max = socket.maxRun
  }

  /** Sends `payload` with those before it, or begins anew with it. */
  add(to: SocketAddress, payload: Uint8Array): void {
    this.#pool.hold(payload)
    if (this.#count > 0 && !this.#continues(to, payload)) this.flush()
    if (this.#count === 0) {
      this.#to = to
      this.#first = payload
    }
    this.#count++
    this.#bytes += payload.byteLength
    this.#isFull = payload.byteLength < this.#first.byteLength || this.#count >= this.#max.datagrams
  }

  /** Sends what was gathered. */
  flush(): void {
    const to = this.#to
    if (to === undefined) return
    const count = this.#count
    const first = this.#first
    const bytes = count === 1 ? first : new Uint8Array(first.buffer, first.byteOffset, this.#bytes)
    this.#to = undefined
    this.#first = EMPTY
    this.#bytes = 0
    this.#count = 0
    this.#socket.send(to, bytes, () => this.#pool.give(bytes, count), first.byteLength)
  }

  #continues(to: SocketAddress, payload: Uint8Array): boolean {
    const first = this.#first
    return (
      !this.#isFull &&
      payload.byteLength <= first.byteLength &&
      this.#bytes + payload.byteLength <= this.#max.bytes &&
      payload.buffer === first.buffer &&
      payload.byteOffset === first.byteOffset + this.#bytes &&
      (to === this.#to || (to.port === this.#to?.port && to.host === this.#to.host))
    )
  }
}

const EMPTY = new Uint8Array(0)
