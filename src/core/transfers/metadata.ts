import { MsgError } from '../errors.ts'
import { Assembly, checkHashes, checkManifest } from '../transfer/assembly.ts'
import type { Offer, TransferFrame } from '../transfer/frames.ts'
import { HASH_SIZE } from '../transfer/hash.ts'
import { decodeManifest } from '../transfer/manifest-codec.ts'
import { blockCount, type Manifest } from '../transfer/manifest.ts'
import type { FilesLink } from './files-link.ts'

/** What is known of a content before its first block comes. */
export interface Metadata {
  readonly manifest: Manifest
  /** As it came, bytes. */
  readonly encoded: Uint8Array
  /** Of all blocks, 32 bytes each, where the offer names a root. */
  readonly hashes: Uint8Array | undefined
}

/** What is told of a {@link MetadataFetch}. */
export interface MetadataListener {
  onMetadata(metadata: Metadata): void
  /** What this side sent is not what was offered: it is to be asked nothing more. */
  onWrong(files: FilesLink, error: MsgError): void
}

/**
 * Fetches the manifest of an offer, then the hashes of its blocks where the offer names a root, from one side at a time: when that is
 * gone, or silent for {@link PATIENCE_MS}, it goes on with the next one where it was. Nothing is believed before its hash is right. Memory: what has come, 288 MiB at most.
 */
export class MetadataFetch {
  readonly #offer: Offer
  readonly #listener: MetadataListener
  readonly #sides = new Set<FilesLink>()
  /** Who is asked. */
  #guide: FilesLink | undefined
  readonly #manifest: Assembly
  #decoded: Manifest | undefined
  #hashes: Assembly | undefined
  /** Where the answer to the last question ends, bytes. */
  #answered = 0
  #timer: NodeJS.Timeout | undefined
  #isDone = false

  constructor(offer: Offer, listener: MetadataListener) {
    this.#offer = offer
    this.#listener = listener
    this.#manifest = new Assembly(offer.manifestLength)
  }

  /** Somebody who has it. */
  addSide(files: FilesLink): void {
    this.#sides.add(files)
    this.#guide ??= files
    if (this.#guide === files) this.#ask()
  }

  removeSide(files: FilesLink): void {
    this.#sides.delete(files)
    if (this.#guide !== files) return
    this.#guide = [...this.#sides][0]
    if (this.#guide) this.#ask()
    else clearTimeout(this.#timer)
  }

  /** Nobody is asked any more. */
  close(): void {
    this.#isDone = true
    clearTimeout(this.#timer)
  }

  handleFrame(files: FilesLink, frame: TransferFrame): void {
    if (this.#isDone || files !== this.#guide) return
    try {
      if (frame.type === 'manifest' && !this.#decoded) this.#handleManifest(frame.offset, frame.bytes)
      else if (frame.type === 'hashes' && this.#hashes) this.#handleHashes(frame.first * HASH_SIZE, frame.bytes)
    } catch (error) {
      this.removeSide(files)
      this.#listener.onWrong(files, MsgError.of(error))
    }
  }

  #handleManifest(offset: number, bytes: Uint8Array): void {
    // What was asked of another side before it was gone.
    if (offset !== this.#manifest.received) return
    this.#manifest.handlePiece(offset, bytes)
    this.#wait()
    if (this.#manifest.isComplete) this.#decode()
    else if (this.#manifest.received >= this.#answered) this.#ask()
  }

  #decode(): void {
    const { manifestHash, size, blockSize, kind, entryCount, root } = this.#offer
    try {
      checkManifest(this.#manifest.bytes, manifestHash)
      const manifest = decodeManifest(this.#manifest.bytes)
      const isOffered = manifest.size === size && manifest.blockSize === blockSize && manifest.kind === kind
      if (!isOffered || manifest.entries.length !== entryCount)
        throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'the manifest is not what was offered' })
      this.#decoded = manifest
    } catch (error) {
      this.#manifest.clear()
      throw error
    }
    if (root) this.#hashes = new Assembly(blockCount(this.#decoded) * HASH_SIZE)
    if (this.#hashes?.isComplete === false) this.#ask()
    else this.#finish()
  }

  #handleHashes(offset: number, bytes: Uint8Array): void {
    const hashes = this.#hashes!
    if (offset !== hashes.received) return
    hashes.handlePiece(offset, bytes)
    this.#wait()
    if (hashes.isComplete) this.#finish()
    else if (hashes.received >= this.#answered) this.#ask()
  }

  #finish(): void {
    const { root } = this.#offer
    try {
      if (root) checkHashes(this.#manifest.bytes, this.#hashes!.bytes, root)
    } catch (error) {
      this.#hashes!.clear()
      throw error
    }
    this.close()
    const { bytes } = this.#manifest
    this.#listener.onMetadata({ manifest: this.#decoded!, encoded: bytes, hashes: this.#hashes?.bytes })
  }

  #ask(): void {
    if (this.#isDone) return
    this.#wait()
    const { id } = this.#offer
    this.#answered = (this.#decoded ? (this.#hashes?.received ?? 0) : this.#manifest.received) + ANSWER
    if (!this.#decoded) this.#guide?.send({ type: 'manifest-want', id, offset: this.#manifest.received })
    else if (this.#hashes) {
      const first = this.#hashes.received / HASH_SIZE
      this.#guide?.send({ type: 'hashes-want', id, first, count: blockCount(this.#decoded) - first })
    }
  }

  /** Whoever is asked has this long to say something. */
  #wait(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#askNext(), PATIENCE_MS).unref()
  }

  /** Somebody else is asked, the same again when there is nobody else. */
  #askNext(): void {
    const silent = this.#guide
    if (!silent) return
    this.#sides.delete(silent)
    this.#sides.add(silent)
    this.#guide = [...this.#sides][0]
    this.#ask()
  }
}

/** What one question is answered with at most, bytes. */
const ANSWER = 1_048_576
/** How long a side may say nothing before another is asked, milliseconds. */
const PATIENCE_MS = 10_000
