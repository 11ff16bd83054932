import type { Entry } from './manifest.ts'

/** A piece of one file that lies in one block. */
export interface Segment {
  /** Index of the file in the manifest's entries. */
  readonly entry: number
  /** Where it begins in the file, in bytes. */
  readonly position: number
  /** In bytes; at least 1. */
  readonly length: number
}

/** What a {@link ByteSpace} is made of; a manifest is. */
export interface ByteSpaceOptions {
  readonly entries: readonly Entry[]
  /** In bytes. */
  readonly blockSize: number
  /** Bytes in all; -1 for a stream whose end nobody knows: it is the one file of `entries`. */
  readonly size: number
}

/**
 * The bytes of all files of a transfer one after the other, cut into blocks: tells which piece of which file lies where.
 *
 * Files without bytes and folders lie in no block. Keeps 12 bytes for each file.
 */
export class ByteSpace {
  readonly blockSize: number
  /** In bytes; infinite for a stream. */
  readonly size: number
  /** Number of blocks; infinite for a stream. */
  readonly blocks: number
  /** Entries that have bytes, and where each of them begins. */
  readonly #entries: Uint32Array
  readonly #starts: Float64Array

  constructor({ entries, blockSize, size }: ByteSpaceOptions) {
    const count = entries.reduce((sum, entry) => sum + Number(hasBytes(entry)), 0)
    const isStream = size < 0
    this.blockSize = blockSize
    this.#entries = new Uint32Array(isStream ? 1 : count)
    this.#starts = new Float64Array(isStream ? 1 : count)
    let at = 0
    let start = 0
    if (!isStream)
      entries.forEach((entry, index) => {
        if (!hasBytes(entry)) return
        this.#entries[at] = index
        this.#starts[at++] = start
        start += entry.size
      })
    this.size = isStream ? Infinity : start
    this.blocks = Math.ceil(this.size / blockSize)
  }

  /** Length of a block in bytes: the last one may be shorter. 0 outside. */
  length(index: number): number {
    if (!Number.isInteger(index) || index < 0) return 0
    return Math.max(0, Math.min(this.blockSize, this.size - index * this.blockSize))
  }

  /** The pieces of a block in their order; none outside. */
  segments(index: number): Segment[] {
    const from = index * this.blockSize
    const to = from + this.length(index)
    const segments: Segment[] = []
    for (let i = this.#fileAt(from), at = from; at < to; i++) {
      const end = Math.min(to, this.#starts[i + 1] ?? this.size)
      segments.push({ entry: this.#entries[i] ?? 0, position: at - (this.#starts[i] ?? 0), length: end - at })
      at = end
    }
    return segments
  }

  /** Which of the files with bytes holds the byte at `offset`. */
  #fileAt(offset: number): number {
    let low = 0
    let high = this.#starts.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low
  }
}

const hasBytes = ({ kind, size }: Entry): boolean => kind === 'file' && size > 0
