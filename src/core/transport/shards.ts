import type { SocketAddress } from './endpoint-api.ts'
import { PacketType } from './packet.ts'

/**
 * Large packets in pieces that any Ethernet carries, each a datagram of its own: what IP's fragmentation does, at a fraction of its cost where the
 * system cuts and joins datagrams. A shard is not authentic by itself; the packet that comes of it must be.
 *
 * | datagram | layout |
 * |---|---|
 * | 0x50 shard | type 1, length 2 (of the shard), packet's id 4, index 1, count 1, piece: 1,440 bytes of the packet, the last one fewer |
 */

/** Bytes that `length` bytes of packet take as shards, end to end. */
export const shardedLength = (length: number): number => length + HEADER_LENGTH * Math.ceil(length / PIECE_LENGTH)

/**
 * Writes `packet` as shards, end to end: all of {@link SHARD_LENGTH} but the last.
 *
 * @param id - tells one sender's packets apart; 32 bits.
 * @param target - exactly {@link shardedLength} bytes.
 */
export function writeShards(packet: Uint8Array, id: number, target: Uint8Array): void {
  const count = Math.ceil(packet.byteLength / PIECE_LENGTH)
  for (let index = 0, at = 0; index < count; index++) {
    const piece = packet.subarray(index * PIECE_LENGTH, (index + 1) * PIECE_LENGTH)
    const length = HEADER_LENGTH + piece.byteLength
    target[at] = PacketType.shard
    target[at + 1] = length >>> 8
    target[at + 2] = length
    target[at + 3] = id >>> 24
    target[at + 4] = id >>> 16
    target[at + 5] = id >>> 8
    target[at + 6] = id
    target[at + 7] = index
    target[at + 8] = count
    target.set(piece, at + HEADER_LENGTH)
    at += length
  }
}

/** Puts packets together again. Memory: at most {@link MAX_PENDING} packets; the oldest unfinished one makes room. */
export class ShardCollector {
  readonly #pending = new Map<string, Pending>()
  /** The one that the last shard was for: nearly always the next one's, too. */
  #recent: Pending | undefined

  /**
   * Takes a shard that is exactly as long as it says.
   *
   * @returns the packet that is whole now, the caller's from here on, or `undefined`.
   */
  handle(from: SocketAddress, shard: Uint8Array): Uint8Array | undefined {
    const length = shard.byteLength - HEADER_LENGTH
    const index = shard[7] ?? 0
    const count = shard[8] ?? 0
    const isLast = index === count - 1
    if (count > MAX_COUNT || index >= count || length < 1 || (isLast ? length > PIECE_LENGTH : length !== PIECE_LENGTH))
      return undefined
    const pending = this.#find(from, idOf(shard), count)
    if (pending.count !== count || pending.has[index]) return undefined
    pending.has[index] = 1
    pending.bytes.set(shard.subarray(HEADER_LENGTH), index * PIECE_LENGTH)
    if (isLast) pending.length = index * PIECE_LENGTH + length
    if (--pending.missing > 0) return undefined
    this.#pending.delete(pending.key)
    this.#recent = undefined
    return pending.bytes.subarray(0, pending.length)
  }

  #find(from: SocketAddress, id: number, count: number): Pending {
    const recent = this.#recent
    if (recent?.id === id && recent.from.port === from.port && recent.from.host === from.host) return recent
    const key = `${id} ${from.port} ${from.host}`
    let pending = this.#pending.get(key)
    if (pending === undefined) {
      const length = count * PIECE_LENGTH
      const spare = this.#evictOldest()
      const bytes = spare && spare.byteLength >= length ? spare : Buffer.allocUnsafeSlow(length)
      pending = { key, id, from, count, bytes, has: new Uint8Array(count), missing: count, length: 0 }
      this.#pending.set(key, pending)
    }
    this.#recent = pending
    return pending
  }

  /** Makes room for one more. @returns memory to use again: ten bytes must not cost whoever gets them a fresh buffer of the largest size. */
  #evictOldest(): Uint8Array | undefined {
    if (this.#pending.size < MAX_PENDING) return undefined
    const [key, { bytes }] = this.#pending.entries().next().value!
    this.#pending.delete(key)
    return bytes
  }
}

interface Pending {
  readonly key: string
  readonly id: number
  readonly from: SocketAddress
  readonly count: number
  readonly bytes: Uint8Array
  /** 1 for each piece that is there. */
  readonly has: Uint8Array
  missing: number
  length: number
}

const idOf = (shard: Uint8Array): number => ((shard[3]! << 24) | (shard[4]! << 16) | (shard[5]! << 8) | shard[6]!) >>> 0

const HEADER_LENGTH = 9
const PIECE_LENGTH = 1_440
/** Bytes of a shard, the last of a packet apart: within what an Ethernet path of 1,500 carries over IPv6. */
export const SHARD_LENGTH = HEADER_LENGTH + PIECE_LENGTH
/** Pieces of the largest packet. */
const MAX_COUNT = Math.ceil(65_527 / PIECE_LENGTH)
/** Unfinished packets of one endpoint; two megabytes. */
const MAX_PENDING = 32
