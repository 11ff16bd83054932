import { constants } from 'node:fs'

/**
 * Decides, for one disk, which writes go past the page cache (`O_DIRECT`), which takes a tenth of the CPU, leaves what others have there in peace, and has
 * nothing left to do for `fsync`. A slow disk is better off with the cache, which writes while the next block comes in.
 */
export class DirectWrites {
  readonly #now: () => number
  /** Smoothed, milliseconds for each MiB. */
  #pace = 0
  /** Until then the cache is used, in milliseconds. */
  #restUntil = -Infinity

  /** @param now - milliseconds that only grow. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Writes directly, if that is possible and worth it.
   *
   * @param position - in the file, in bytes.
   * @param write - writes with these more flags to open the file with; whatever it throws counts as not written.
   * @returns false when nothing was written, or perhaps not all: to be written through the cache
   */
  try(bytes: Uint8Array, position: number, write: (flags: number) => void): boolean {
    const isAligned = bytes.length > 0 && [bytes.byteOffset, bytes.length, position].every((n) => n % ALIGNMENT === 0)
    const start = this.#now()
    if (O_DIRECT === 0 || !isAligned || start < this.#restUntil) return false
    try {
      write(O_DIRECT)
    } catch {
      // A file system that has no such thing, or wants more alignment than a page. What is wrong otherwise is wrong with the cache, too.
      this.#restUntil = this.#now() + REST_MS
      return false
    }
    const pace = ((this.#now() - start) * MEBIBYTE) / bytes.length
    this.#pace += (pace - this.#pace) / SMOOTHING
    if (this.#pace <= SLOW) return true
    this.#pace = 0
    this.#restUntil = this.#now() + REST_MS
    return true
  }
}

/** Linux has it; elsewhere everything goes through the cache. */
const O_DIRECT = process.platform === 'linux' ? (constants.O_DIRECT ?? 0) : 0
/** Of memory, file and length, bytes: a page, which every disk is content with. */
const ALIGNMENT = 4_096
const MEBIBYTE = 1_048_576
/** Milliseconds for each MiB, that is 130 MB/s: below that the disk is what a transfer waits for, and not a busy processor. */
const SLOW = 8
/** A disk that halts for a quarter of a second, as disks do, is not slow. */
const SMOOTHING = 32
/** How long the cache is used before it is tried again, milliseconds. */
const REST_MS = 10_000
