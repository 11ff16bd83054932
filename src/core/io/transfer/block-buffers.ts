/**
 * Buffers in shared memory, used again: the disk thread fills and reads them without a copy, and fresh memory
 * costs as much as reading from the page cache does.
 */
export class BlockBuffers {
  /** In bytes. */
  readonly size: number
  readonly #free: Uint8Array[] = []

  /** @param size of each buffer, in bytes. */
  constructor(size: number) {
    this.size = size
  }

  /** The first `length` bytes of a buffer with anything in them; to be given back, or left to the garbage collector. */
  take(length: number = this.size): Uint8Array {
    const buffer = this.#free.pop() ?? new Uint8Array(new SharedArrayBuffer(this.size))
    return length === this.size ? buffer : buffer.subarray(0, length)
  }

  /** Takes a buffer back that nobody looks at any more. */
  give(bytes: Uint8Array): void {
    if (this.#free.length < MAX_FREE && bytes.buffer.byteLength === this.size)
      this.#free.push(new Uint8Array(bytes.buffer))
  }
}

/** True when the disk thread can see `bytes` without a copy. */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer
}

/** Implementation: blocks that are on their way between disk, thread and link of one transfer. */
const MAX_FREE = 8
