import { Assembly } from '../../src/core/transfer/assembly.ts'
import { MAX_PIECE, type Offer, type TransferFrame } from '../../src/core/transfer/frames.ts'
import { blockHash, HASH_SIZE, manifestHash, rootHash } from '../../src/core/transfer/hash.ts'
import { encodeManifest } from '../../src/core/transfer/manifest-codec.ts'
import { MIN_BLOCK_SIZE, type Manifest } from '../../src/core/transfer/manifest.ts'
import type { BlockStore, Landed } from '../../src/core/io/transfer/block-store.ts'
import type { FilesLink } from '../../src/core/transfers/files-link.ts'
import { MsgError } from '../../src/core/errors.ts'
import { fileManifest, transferId } from './transfers.ts'

/** A link's end as transfers see it, without a link: what is sent is kept, what comes is up to the test. */
export class FakeFiles {
  readonly key: string
  readonly peer: { readonly instance: string; readonly user: string }
  readonly sent: TransferFrame[] = []
  isOpen = true

  constructor(user: string) {
    this.key = user
    this.peer = { instance: user, user }
  }

  get files(): FilesLink {
    return this as unknown as FilesLink
  }

  send(frame: TransferFrame): void {
    this.sent.push(frame)
  }

  answer(_id: string, act: () => void): void {
    act()
  }

  sendError(id: string, { code }: MsgError): void {
    this.sent.push({ type: 'error', id, code: code.length })
  }

  /** Frames of one type, in order. */
  all<T extends TransferFrame['type']>(type: T): Array<Extract<TransferFrame, { type: T }>> {
    return this.sent.filter((frame): frame is Extract<TransferFrame, { type: T }> => frame.type === type)
  }

  /** Takes the blocks that were asked for since the last call. */
  takeWants(): number[] {
    const wants = this.all('want').flatMap(({ ranges }) =>
      ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)),
    )
    this.sent.splice(0, this.sent.length, ...this.sent.filter(({ type }) => type !== 'want'))
    return wants
  }
}

/** A file in memory with everything that is said of it. */
export class FakeFile {
  readonly bytes: Uint8Array
  readonly manifest: Manifest
  readonly encoded: Uint8Array
  readonly hashes: Uint8Array
  readonly root: Uint8Array

  /** @param size - in bytes; blocks have 256 KiB. */
  constructor(size: number) {
    this.bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 9)) & 0xff)
    this.manifest = fileManifest(size, MIN_BLOCK_SIZE)
    this.encoded = encodeManifest(this.manifest)
    this.hashes = Buffer.concat(Array.from({ length: this.blocks }, (_, i) => blockHash(this.block(i))))
    this.root = rootHash(this.encoded, this.hashes)
  }

  get blocks(): number {
    return Math.ceil(this.bytes.byteLength / MIN_BLOCK_SIZE)
  }

  block(index: number): Uint8Array {
    return this.bytes.subarray(index * MIN_BLOCK_SIZE, (index + 1) * MIN_BLOCK_SIZE)
  }

  hash(index: number): Uint8Array {
    return this.hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE)
  }

  /** @param isRooted - whether the offer names the root, as one to a room does. */
  offer(isRooted: boolean): Offer {
    return {
      id: transferId(1),
      kind: 'file',
      resumable: true,
      name: this.manifest.name,
      size: this.bytes.byteLength,
      entryCount: 1,
      blockSize: MIN_BLOCK_SIZE,
      manifestLength: this.encoded.byteLength,
      manifestHash: manifestHash(this.encoded),
      room: isRooted ? 'lab' : '',
      root: isRooted ? this.root : undefined,
    }
  }

  manifestFrame(id = transferId(1)): TransferFrame {
    return { type: 'manifest', id, offset: 0, bytes: this.encoded.subarray(0, MAX_PIECE) }
  }

  hashesFrame(id = transferId(1)): TransferFrame {
    return { type: 'hashes', id, first: 0, bytes: this.hashes }
  }
}

/** Keeps blocks in memory; refuses those with a wrong hash, as every store does. */
export class MemoryStore implements BlockStore {
  readonly blocks: number
  hasLanded = false
  isDiscarded = false
  readonly #kept = new Map<number, { bytes: Uint8Array; hash: Uint8Array }>()

  constructor(blocks: number) {
    this.blocks = blocks
  }

  get verified(): number {
    return this.#kept.size
  }

  has(index: number): boolean {
    return this.#kept.has(index)
  }

  hash(index: number): Uint8Array | undefined {
    return this.#kept.get(index)?.hash
  }

  async write(index: number, bytes: Uint8Array, hash: Uint8Array): Promise<void> {
    if (!blockHash(bytes).equals(hash)) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'a block' })
    this.#kept.set(index, { bytes: Uint8Array.from(bytes), hash: Uint8Array.from(hash) })
  }

  async read(index: number): Promise<Uint8Array | undefined> {
    return this.#kept.get(index)?.bytes
  }

  async land(): Promise<Landed> {
    this.hasLanded = true
    return { path: '/inbox/a.bin', name: 'a.bin', files: 1, size: 0 }
  }

  async keep(): Promise<void> {}

  async discard(): Promise<void> {
    this.isDiscarded = true
  }

  /** Everything that is there, in order. */
  get bytes(): Uint8Array {
    const assembly = new Assembly([...this.#kept.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0))
    for (const [, { bytes }] of [...this.#kept].sort(([a], [b]) => a - b))
      assembly.handlePiece(assembly.received, bytes)
    return assembly.bytes
  }
}
