/**
 * Buffers in shared memory, used again: the disk thread fills and reads them without a copy, and fresh memory
 * costs as much as reading from the page cache does. Everything in this process has the free ones of a size in common.
 */
export class BlockBuffers {
  /** In bytes. */
  readonly size: number
  readonly #free: FreeBuffers

  /** @param size of each buffer, in bytes. @param free - where those are that nobody uses. @default the process's */
  constructor(size: number, free = ofProcess) {
    this.size = size
    this.#free = free
  }

  /** The first `length` bytes of a buffer with anything in them; to be given back, or left to the garbage collector. */
  take(length: number = this.size): Uint8Array {
    const buffer = this.#free.take(this.size) ?? new Uint8Array(new SharedArrayBuffer(this.size))
    return length === this.size ? buffer : buffer.subarray(0, length)
  }

  /** Takes a buffer back that nobody looks at any more; once. */
  give(bytes: Uint8Array): void {
    if (bytes.buffer.byteLength === this.size) this.#free.give(new Uint8Array(bytes.buffer))
  }
}

/** Buffers that nobody uses: {@link MAX_FREE} of each size, until none of that size was used for {@link IDLE_MS}. */
export class FreeBuffers {
  /** By size, in bytes. */
  readonly #sizes = new Map<number, { readonly buffers: Uint8Array[]; isUsed: boolean }>()
  #timer: NodeJS.Timeout | undefined

  take(size: number): Uint8Array | undefined {
    const known = this.#sizes.get(size)
    if (known) known.isUsed = true
    return known?.buffers.pop()
  }

  give(buffer: Uint8Array): void {
    const known = this.#sizes.get(buffer.byteLength) ?? { buffers: [], isUsed: true }
    known.isUsed = true
    this.#sizes.set(buffer.byteLength, known)
    if (known.buffers.length < MAX_FREE) known.buffers.push(buffer)
    this.#timer ??= setTimeout(() => this.#dropUnused(), IDLE_MS).unref()
  }

  #dropUnused(): void {
    for (const [size, known] of this.#sizes) {
      if (!known.isUsed) this.#sizes.delete(size)
      known.isUsed = false
    }
    this.#timer = this.#sizes.size > 0 ? setTimeout(() => this.#dropUnused(), IDLE_MS).unref() : undefined
  }
}

/** True when the disk thread can see `bytes` without a copy. */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer
}

/** Implementation: blocks that are on their way between disk, thread and link of a few fast transfers. */
const MAX_FREE = 32
/** Implementation, in milliseconds: longer than a transfer waits for its next block as a rule. */
const IDLE_MS = 5_000

const ofProcess = new FreeBuffers()
