/**
 * Buffers for large datagrams, used again and again: fresh ones would keep the garbage collector busier than the network.
 *
 * Whoever takes a buffer owns it until it is given back; a buffer that never comes back is simply garbage.
 */
export class DatagramPool {
  readonly #free: Buffer[] = []

  /** At least `length` bytes, with whatever content. */
  take(length: number): Buffer {
    if (length < POOLED_FROM || length > BUFFER_LENGTH) return Buffer.allocUnsafe(length)
    return (this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_LENGTH)).subarray(0, length)
  }

  /** Takes back what {@link DatagramPool.take} gave, or a part of it; the caller does not touch it again. */
  give({ buffer, byteOffset }: Uint8Array): void {
    if (byteOffset === 0 && buffer.byteLength === BUFFER_LENGTH && this.#free.length < MAX_FREE)
      this.#free.push(Buffer.from(buffer as ArrayBuffer))
  }
}

/** Smaller ones come from Node's own slab, which is cheaper. */
const POOLED_FROM = 4_096
/** Any datagram fits. */
const BUFFER_LENGTH = 65_536
/** Four megabytes: more than a socket's send buffer holds. */
const MAX_FREE = 64
