/**
 * Buffers for datagrams, cut one after the other from slabs that go round: fresh ones would keep the garbage collector busier
 * than the network, and datagrams that lie end to end can leave in one system call.
 *
 * Whoever takes a buffer owns it until the next one is taken, or, once it is held, until it is given back.
 */
export class DatagramPool {
  readonly #free: Slab[] = []
  readonly #slabs = new WeakMap<ArrayBufferLike, Slab>()
  #current: Slab | undefined

  /** `length` bytes, with whatever content. */
  take(length: number): Buffer {
    if (length > SLAB_LENGTH) return Buffer.allocUnsafeSlow(length)
    let slab = this.#current
    if (slab === undefined || slab.used + length > SLAB_LENGTH) slab = this.#next()
    const buffer = slab.bytes.subarray(slab.used, slab.used + length)
    slab.used += length
    return buffer
  }

  /** What was taken last is needed up to the end of `bytes` only; the next one follows there. Keeps it until it is given back. */
  hold(bytes: Uint8Array): void {
    const slab = this.#slabs.get(bytes.buffer)
    if (slab === undefined) return
    slab.held++
    if (slab === this.#current) slab.used = bytes.byteOffset + bytes.byteLength
  }

  /** Takes back what was held, `count` times; the caller does not touch it again. */
  give({ buffer }: Uint8Array, count = 1): void {
    const slab = this.#slabs.get(buffer)
    if (slab === undefined) return
    slab.held -= count
    if (slab !== this.#current) this.#recycle(slab)
  }

  #next(): Slab {
    const previous = this.#current
    const slab = this.#free.pop() ?? { bytes: Buffer.allocUnsafeSlow(SLAB_LENGTH), used: 0, held: 0 }
    slab.used = 0
    this.#current = slab
    this.#slabs.set(slab.bytes.buffer, slab)
    if (previous) this.#recycle(previous)
    return slab
  }

  #recycle(slab: Slab): void {
    if (slab.held === 0 && this.#free.length < MAX_FREE) this.#free.push(slab)
  }
}

interface Slab {
  readonly bytes: Buffer
  /** Bytes taken from the front. */
  used: number
  /** Buffers of it that somebody still needs. */
  held: number
}

/** Any datagram fits, and as many of a usual path's as the system takes at once. */
const SLAB_LENGTH = 65_536
/** Four megabytes: more than a socket's send buffer holds. */
const MAX_FREE = 64
