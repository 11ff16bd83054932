import { copyInto } from '../../wire/copy.ts'

/**
 * The bytes of one stream between two offsets, in blocks of fixed size: written anywhere, read anywhere, freed from the front.
 *
 * The caller bounds how far apart the offsets may be (flow control), and so the memory.
 */
export class BlockBuffer {
  readonly #blocks = new Map<number, Buffer>()
  readonly #spare: Buffer[] = []
  readonly #maxSpare: number
  #freedBlocks = 0

  /** @param maxSpare - freed blocks kept for reuse while there are others, a few for later; 0 where views may outlive what they show. @default 0 */
  constructor(maxSpare = 0) {
    this.#maxSpare = maxSpare
  }

  /** Copies `bytes` to `offset`. */
  write(offset: number, bytes: Uint8Array): void {
    let done = 0
    while (done < bytes.byteLength) {
      const at = offset + done
      const index = Math.floor(at / BLOCK_SIZE)
      const inside = at - index * BLOCK_SIZE
      const length = Math.min(BLOCK_SIZE - inside, bytes.byteLength - done)
      copyInto(this.#block(index), bytes.subarray(done, done + length), inside)
      done += length
    }
  }

  /** Copies [start, end) into `target` at `targetOffset`; all of it must have been written and not freed. */
  copy(start: number, end: number, target: Uint8Array, targetOffset: number): void {
    let at = start
    while (at < end) {
      const piece = this.view(at, end)
      target.set(piece, targetOffset + at - start)
      at += piece.byteLength
    }
  }

  /** A view from `start` to `end` or to the end of its block, whichever comes first. */
  view(start: number, end: number): Uint8Array {
    const index = Math.floor(start / BLOCK_SIZE)
    const inside = start - index * BLOCK_SIZE
    return this.#block(index).subarray(inside, Math.min(BLOCK_SIZE, inside + end - start))
  }

  /** Forgets everything below `offset`; Infinity for everything there is, after which nothing is written any more. */
  free(offset: number): void {
    if (offset === Infinity) return this.#blocks.clear()
    const until = Math.floor(offset / BLOCK_SIZE)
    for (; this.#freedBlocks < until; this.#freedBlocks++) {
      const block = this.#blocks.get(this.#freedBlocks)
      if (block && this.#spare.length < this.#maxSpare) this.#spare.push(block)
      this.#blocks.delete(this.#freedBlocks)
    }
    if (this.#blocks.size <= 1 && this.#spare.length > FEW_SPARE) this.#spare.length = FEW_SPARE
  }

  #block(index: number): Buffer {
    let block = this.#blocks.get(index)
    if (block === undefined) {
      block = this.#spare.pop() ?? Buffer.allocUnsafe(BLOCK_SIZE)
      this.#blocks.set(index, block)
    }
    return block
  }
}

/** A message fits in one block; a stream that carries little holds one. */
const BLOCK_SIZE = 16_384
/** Kept by a buffer that has run empty: for a burst of messages, 1 MiB. */
const FEW_SPARE = 64
