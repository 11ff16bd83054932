import { MsgError } from '../errors.ts'
import type { Block, BlockSource } from '../io/transfer/block-source.ts'
import { equalHashes, HASH_SIZE, rootHash } from '../transfer/hash.ts'
import { encodeManifest } from '../transfer/manifest-codec.ts'
import { blockCount } from '../transfer/manifest.ts'

/** What names a whole content, known once every block of it is hashed. */
export interface Summary {
  /** Bytes. */
  readonly size: number
  readonly root: Uint8Array
  /** 0 to 255; null when there is no byte. */
  readonly lastByte: number | null
}

/**
 * Something that can be sent, by any number of transfers: its source, its manifest as it goes over the wire, and the hashes of its
 * blocks as far as they are known. Memory: the encoded manifest and 32 bytes for each block that was read.
 */
export class Content {
  readonly source: BlockSource
  /** The manifest, encoded. Of a stream: as it was at the beginning. */
  readonly encoded: Uint8Array
  readonly #hashes = new Map<number, Uint8Array>()
  /** Of the highest block read so far. */
  #last: { readonly index: number; readonly byte: number } = { index: -1, byte: 0 }
  #summing: Summing | undefined
  /** A stream hands out one block at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  /**
   * @param encoded - the manifest as it was offered. @default the source's, encoded
   * @param hashes - of all blocks, 32 bytes each, where they are known.
   */
  constructor(source: BlockSource, { encoded, hashes }: { encoded?: Uint8Array; hashes?: Uint8Array } = {}) {
    this.source = source
    this.encoded = encoded ?? encodeManifest(source.manifest)
    for (let i = 0; hashes && i * HASH_SIZE < hashes.byteLength; i++)
      this.#hashes.set(i, hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE))
  }

  /** Number of blocks; of a stream that goes on, the most there can be. */
  get blocks(): number {
    return blockCount(this.source.manifest)
  }

  /** @returns `undefined` past the end. @throws MSG_ERR_TRANSFER_CHANGED and what {@link BlockSource.read} throws */
  async read(index: number): Promise<Block | undefined> {
    if (this.source.isSeekable) return this.#read(index)
    const reading = this.#turn.then(() => this.#read(index))
    this.#turn = reading.catch(() => {})
    return reading
  }

  /** Hashes of blocks back to back; `undefined` unless every block's is known. */
  hashes(first: number, count: number): Uint8Array | undefined {
    if (this.#hashes.size < this.blocks || first + count > this.blocks) return undefined
    const hashes = Buffer.allocUnsafe(count * HASH_SIZE)
    for (let i = 0; i < count; i++) hashes.set(this.#hashes.get(first + i)!, i * HASH_SIZE)
    return hashes
  }

  /**
   * Reads what was not read yet, and looks once more whether anything has changed meanwhile. It is known to everybody who asks, and given up
   * when the last who asked has.
   *
   * @param signal - gives up. @throws MSG_ERR_TRANSFER_CHANGED
   */
  summary(signal?: AbortSignal): Promise<Summary> {
    const summing = (this.#summing ??= this.#sum())
    summing.askers++
    const giveUp = (): void => {
      if (--summing.askers > 0 || summing.isDone) return
      if (this.#summing === summing) this.#summing = undefined
      summing.stop.abort()
    }
    signal?.addEventListener('abort', giveUp, { once: true })
    return summing.summary
  }

  close(): Promise<void> {
    return this.source.close()
  }

  async #read(index: number): Promise<Block | undefined> {
    const block = index < this.blocks ? await this.source.read(index) : undefined
    if (block === undefined) return undefined
    const known = this.#hashes.get(index)
    if (known === undefined) this.#hashes.set(index, Uint8Array.from(block.hash))
    else if (!equalHashes(known, block.hash)) {
      block.release()
      throw new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: this.source.manifest.name })
    }
    if (index >= this.#last.index) this.#last = { index, byte: block.bytes.at(-1) ?? 0 }
    return block
  }

  #sum(): Summing {
    const stop = new AbortController()
    const summing: Summing = { summary: this.#summarize(stop.signal), stop, askers: 0, isDone: false }
    summing.summary.then(
      () => (summing.isDone = true),
      () => {
        if (this.#summing === summing) this.#summing = undefined
      },
    )
    return summing
  }

  async #summarize(signal: AbortSignal): Promise<Summary> {
    const count = this.blocks
    for (let index = 0; index < count; index++) {
      signal.throwIfAborted()
      if (this.#hashes.has(index) && (index < count - 1 || this.#last.index === index)) continue
      await inTurn(() => this.#look(index))
    }
    await this.source.confirm({ signal })
    const root = rootHash(this.encoded, this.hashes(0, count)!)
    return { size: this.source.manifest.size, root, lastByte: count === 0 ? null : this.#last.byte }
  }

  async #look(index: number): Promise<void> {
    const block = await this.read(index)
    if (block === undefined) throw new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: this.source.manifest.name })
    block.release()
  }
}

/** A summary that is being made, or is. */
interface Summing {
  readonly summary: Promise<Summary>
  readonly stop: AbortController
  /** Who has not given up. */
  askers: number
  isDone: boolean
}

let turn: Promise<unknown> = Promise.resolve()

/** One block at a time is read for the summaries of this process: those that are asked for blocks go first. */
function inTurn<T>(act: () => Promise<T>): Promise<T> {
  const result = turn.then(act)
  turn = result.catch(() => {})
  return result
}
