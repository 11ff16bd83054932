import type { SocketAddress } from '../transport/endpoint-api.ts'
import { SHARD_LENGTH, shardedLength, writeShards } from '../transport/shards.ts'
import { isLoopback } from '../wire/address.ts'
import type { DatagramPool } from './datagram-pool.ts'
import type { UdpSocket } from './udp-socket.ts'

/**
 * Gathers datagrams that lie end to end, go to one place and are of one size, the last one perhaps shorter, and hands them to the
 * socket together.
 *
 * Owns what is added until the socket has sent it; then the pool gets it back.
 */
export class DatagramRun {
  readonly #socket: RunSocket
  readonly #pool: DatagramPool
  readonly #max: UdpSocket['maxRun']
  #to: SocketAddress | undefined
  #first: Uint8Array = EMPTY
  #bytes = 0
  #count = 0
  #isFull = false
  #nextShardId = 0
  /** Where the last large packet went, and whether that is another machine. */
  #host = ''
  #isElsewhere = false

  constructor(socket: RunSocket, pool: DatagramPool) {
    this.#socket = socket
    this.#pool = pool
    this.#max = socket.maxRun
  }

  /** Sends `payload` with those before it, or begins anew with it. */
  add(to: SocketAddress, payload: Uint8Array): void {
    this.#pool.hold(payload)
    if (payload.byteLength > MAX_WHOLE && this.#hasSmallPackets(to.host) && this.#socket.cuts(to.host)) {
      this.flush()
      this.#sendShards(to, payload)
      return
    }
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

  /** Cut by the system after us: a tenth of the cost of IP's fragments, which firewalls like to drop besides. */
  #sendShards(to: SocketAddress, packet: Uint8Array): void {
    const shards = this.#pool.take(shardedLength(packet.byteLength))
    this.#pool.hold(shards)
    writeShards(packet, (this.#nextShardId = (this.#nextShardId + 1) >>> 0), shards)
    this.#pool.give(packet)
    this.#socket.send(to, shards, () => this.#pool.give(shards), SHARD_LENGTH)
  }

  #hasSmallPackets(host: string): boolean {
    if (host !== this.#host) {
      this.#host = host
      this.#isElsewhere = !isLoopback(host)
    }
    return this.#isElsewhere
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

/** What {@link DatagramRun} needs of a socket. */
export type RunSocket = Pick<UdpSocket, 'send' | 'maxRun' | 'cuts'>

/** Bytes of UDP payload that an Ethernet carries in one packet, over IPv6 too. */
const MAX_WHOLE = 1_452
const EMPTY = new Uint8Array(0)
