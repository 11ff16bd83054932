import { MsgError } from '../errors.ts'
import { equalHashes, HASH_SIZE, manifestHash, rootHash } from './hash.ts'
import { MAX_MANIFEST } from './manifest.ts'

/**
 * Collects something long that comes in pieces, in order: an encoded manifest, or a list of hashes.
 *
 * Memory grows with what has come (at most twice that), never with what was announced.
 */
export class Assembly {
  readonly #length: number
  #bytes: Buffer = Buffer.alloc(0)
  #received = 0

  /** @param length - of the whole, bytes. @throws MSG_ERR_LIMIT above 256 MiB. */
  constructor(length: number) {
    if (length > MAX_MANIFEST) throw new MsgError('MSG_ERR_LIMIT', { detail: `${length} bytes to assemble` })
    this.#length = length
  }

  /** Bytes that are there; the next piece is to be asked from here. */
  get received(): number {
    return this.#received
  }

  get isComplete(): boolean {
    return this.#received === this.#length
  }

  /** Everything that is there; a view. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#received)
  }

  /** The next piece. @throws MSG_ERR_PROTOCOL when it is not the next, or goes past the end. */
  handlePiece(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.byteLength
    if (offset !== this.#received || end > this.#length)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a piece that nobody asked for' })
    if (end > this.#bytes.byteLength) {
      const larger = Buffer.allocUnsafe(Math.min(this.#length, Math.max(2 * this.#bytes.byteLength, end)))
      larger.set(this.bytes)
      this.#bytes = larger
    }
    this.#bytes.set(bytes, offset)
    this.#received = end
  }

  /** Starts again: what came was wrong. */
  clear(): void {
    this.#bytes = Buffer.alloc(0)
    this.#received = 0
  }
}

/** @throws MSG_ERR_TRANSFER_INTEGRITY unless `encoded` is the manifest that was offered. */
export function checkManifest(encoded: Uint8Array, expected: Uint8Array): void {
  if (!equalHashes(manifestHash(encoded), expected)) throw wrong('the manifest')
}

/** @throws MSG_ERR_TRANSFER_INTEGRITY unless these are the block hashes of the content that `root` names. */
export function checkHashes(encoded: Uint8Array, hashes: Uint8Array, root: Uint8Array): void {
  if (hashes.byteLength % HASH_SIZE > 0 || !equalHashes(rootHash(encoded, hashes), root))
    throw wrong('the list of hashes')
}

const wrong = (what: string): MsgError => new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: what })
