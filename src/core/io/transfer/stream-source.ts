import type { Readable } from 'node:stream'
import { MsgError } from '../../errors.ts'
import { DEFAULT_BLOCK_SIZE, type Manifest } from '../../transfer/manifest.ts'
import { BlockBuffers } from './block-buffers.ts'
import type { AbortOptions, Block, BlockSource } from './block-source.ts'
import type { DiskThread } from './disk-thread.ts'

/** What {@link StreamSource} takes. */
export interface StreamSourceOptions {
  /** Name of the file that the receiver gets. */
  readonly name: string
  /** Milliseconds since 1970. @default 0 */
  readonly mtime?: number | undefined
  /** Power of two, in bytes. @default 1 MiB */
  readonly blockSize?: number | undefined
}

/**
 * Bytes that come by once, such as standard input: blocks in order, each of them once.
 *
 * The stream is read only while a block is asked for, so that it waits for the link. Memory: one block beside those that are out,
 * and what the stream itself holds.
 */
export class StreamSource implements BlockSource {
  readonly isSeekable = false
  readonly #name: string
  readonly #mtime: number
  readonly #blockSize: number
  readonly #stream: Readable
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #disk: DiskThread
  readonly #buffers: BlockBuffers
  /** What was read beyond the last block. */
  #rest: Uint8Array = new Uint8Array()
  #next = 0
  #read = 0
  #isAtEnd = false
  #isReading = false

  constructor(
    stream: Readable,
    disk: DiskThread,
    { name, mtime = 0, blockSize = DEFAULT_BLOCK_SIZE }: StreamSourceOptions,
  ) {
    this.#stream = stream
    this.#chunks = stream[Symbol.asyncIterator]()
    this.#disk = disk
    this.#name = name
    this.#mtime = mtime
    this.#blockSize = blockSize
    this.#buffers = new BlockBuffers(blockSize)
  }

  get manifest(): Manifest {
    const size = this.#isAtEnd ? this.#read : -1
    const entry = { path: this.#name, kind: 'file', size: Math.max(0, size), mode: 0o644, mtime: this.#mtime } as const
    return { name: this.#name, kind: 'stream', entries: [entry], size, blockSize: this.#blockSize }
  }

  async read(index: number, { signal }: AbortOptions = {}): Promise<Block | undefined> {
    signal?.throwIfAborted()
    if (index !== this.#next || this.#isReading)
      throw new MsgError('MSG_ERR_USAGE', { detail: `block ${this.#next} of a stream is next, not ${index}` })
    this.#isReading = true
    const bytes = this.#buffers.take()
    try {
      const length = await this.#fill(bytes)
      if (length === 0) return undefined
      const hash = await this.#disk.run('hash', { bytes: bytes.subarray(0, length) }, signal)
      this.#next++
      return { index, bytes: bytes.subarray(0, length), hash, release: () => this.#buffers.give(bytes) }
    } finally {
      this.#isReading = false
    }
  }

  async confirm(): Promise<void> {}

  async close(): Promise<void> {
    this.#isAtEnd = true
    this.#stream.destroy()
  }

  /** @returns the number of bytes there were: fewer than asked at the end only. */
  async #fill(bytes: Uint8Array): Promise<number> {
    let filled = 0
    while (filled < bytes.length) {
      if (this.#rest.length === 0) {
        if (this.#isAtEnd) break
        const { value, done } = await this.#chunks.next()
        if (done === true) {
          this.#isAtEnd = true
          break
        }
        this.#rest = typeof value === 'string' ? Buffer.from(value) : value
      }
      const taken = this.#rest.subarray(0, bytes.length - filled)
      bytes.set(taken, filled)
      filled += taken.length
      this.#rest = this.#rest.subarray(taken.length)
    }
    this.#read += filled
    return filled
  }
}
