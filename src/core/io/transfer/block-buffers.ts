import { readFileSync } from 'node:fs'

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
  take(length: number = this.size): Buffer {
    const buffer = this.#free.take(this.size)
    return length === this.size ? buffer : buffer.subarray(0, length)
  }

  /** Takes a buffer back that nobody looks at any more; once. */
  give(bytes: Uint8Array): void {
    this.#free.give(this.size, bytes)
  }
}

/** Buffers that nobody uses: some {@link MAX_FREE} of each size, until none of that size was used for {@link IDLE_MS}. */
export class FreeBuffers {
  /** By size, in bytes. */
  readonly #sizes = new Map<number, { readonly buffers: Buffer[]; isUsed: boolean }>()
  /** Sizes of the buffers that were cut from a piece of memory, in bytes. */
  readonly #cut = new WeakMap<ArrayBufferLike, number>()
  #timer: NodeJS.Timeout | undefined

  /** A free buffer of that size, or a new one. */
  take(size: number): Buffer {
    const known = this.#of(size)
    const buffer = known.buffers.pop()
    if (buffer) return buffer
    const memory = allocate(size)
    this.#cut.set(memory, size)
    for (let at = memory.byteLength - size; at > 0; at -= size) known.buffers.push(Buffer.from(memory, at, size))
    return Buffer.from(memory, 0, size)
  }

  /** @param bytes - a buffer of that size that was taken here, or a part of one; all else is left alone. */
  give(size: number, { buffer, byteOffset, byteLength }: Uint8Array): void {
    if (byteLength === 0 || this.#cut.get(buffer) !== size) return
    const { buffers } = this.#of(size)
    if (buffers.length < MAX_FREE) buffers.push(Buffer.from(buffer, byteOffset - (byteOffset % size), size))
  }

  #of(size: number): { readonly buffers: Buffer[]; isUsed: boolean } {
    const known = this.#sizes.get(size) ?? { buffers: [], isUsed: true }
    known.isUsed = true
    this.#sizes.set(size, known)
    this.#timer ??= setTimeout(() => this.#dropUnused(), IDLE_MS).unref()
    return known
  }

  #dropUnused(): void {
    for (const [size, known] of this.#sizes) {
      if (!known.isUsed) this.#sizes.delete(size)
      known.isUsed = false
    }
    this.#timer = this.#sizes.size > 0 ? setTimeout(() => this.#dropUnused(), IDLE_MS).unref() : undefined
  }
}

/**
 * Shared memory for one buffer of `size` bytes, or several. Buffers of whole pages begin where a page does, as disks want it that are to read
 * them themselves; only WebAssembly hands out such memory, 64 KiB at a time.
 */
function allocate(size: number): SharedArrayBuffer {
  if (size % WASM_PAGE !== 0 || !runtime.WebAssembly || !(hasAddresses ??= findAddresses()))
    return new SharedArrayBuffer(size)
  const count = Math.min(Math.max(Math.floor(AT_ONCE / size), 1), MAX_AT_ONCE)
  const pages = (size * count) / WASM_PAGE
  try {
    return new runtime.WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer
  } catch {
    hasAddresses = false
    return new SharedArrayBuffer(size)
  }
}

/** Such memory reserves gigabytes of addresses for each piece, which a process that is limited needs for other things. */
let hasAddresses: boolean | undefined

/** Only Linux can make use of it. */
function findAddresses(): boolean {
  if (process.platform !== 'linux') return false
  try {
    return /^Max address space +unlimited/m.test(readFileSync('/proc/self/limits', 'utf8'))
  } catch {
    return false
  }
}

/** Node's types have nothing of it, and some run without. */
const runtime = globalThis as {
  readonly WebAssembly?: {
    readonly Memory: new (of: { readonly initial: number; readonly maximum: number; readonly shared: true }) => {
      readonly buffer: SharedArrayBuffer
    }
  }
}

/** Bytes. */
const WASM_PAGE = 65_536
/** Implementation, in bytes and buffers: a piece stays as long as one of its buffers is used. */
const AT_ONCE = 4 * 1_048_576
const MAX_AT_ONCE = 4
/** Implementation: blocks that are on their way between disk, thread and link of a few fast transfers. */
const MAX_FREE = 32
/** Implementation, in milliseconds: longer than a transfer waits for its next block as a rule. */
const IDLE_MS = 5_000

const ofProcess = new FreeBuffers()
