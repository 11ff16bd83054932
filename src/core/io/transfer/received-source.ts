import { join } from 'node:path'
import { MsgError } from '../../errors.ts'
import { ByteSpace } from '../../transfer/byte-space.ts'
import { equalHashes } from '../../transfer/hash.ts'
import { landingTree } from '../../transfer/landing-names.ts'
import type { Manifest } from '../../transfer/manifest.ts'
import { BlockBuffers } from './block-buffers.ts'
import type { AbortOptions, Block, BlockSource } from './block-source.ts'
import type { BlockStore, Landed } from './block-store.ts'
import type { FileSegment } from './disk-jobs.ts'
import type { DiskThread } from './disk-thread.ts'

/** What a {@link ReceivedSource} is made of. */
export interface ReceivedSourceOptions {
  readonly manifest: Manifest
  readonly store: BlockStore
  /** The right hash of a block, 32 bytes. */
  readonly hashOf: (index: number) => Uint8Array
}

/**
 * A download as a source for others: what its store has so far, and once it has landed the files where they lie. Every block is hashed
 * again before it is handed out, as files that have landed are their owner's to change.
 */
export class ReceivedSource implements BlockSource {
  readonly isSeekable = true
  readonly manifest: Manifest
  readonly #disk: DiskThread
  readonly #store: BlockStore
  readonly #hashOf: (index: number) => Uint8Array
  readonly #space: ByteSpace
  readonly #buffers: BlockBuffers
  #landing: Promise<Landed> | undefined
  /** Of each entry, once landed. */
  #paths: ((entry: number) => string) | undefined

  constructor(disk: DiskThread, { manifest, store, hashOf }: ReceivedSourceOptions) {
    this.manifest = manifest
    this.#disk = disk
    this.#store = store
    this.#hashOf = hashOf
    this.#space = new ByteSpace(manifest)
    this.#buffers = new BlockBuffers(manifest.blockSize)
  }

  /** The store lands: blocks are read from there afterwards. */
  handleLanding(landing: Promise<Landed>): void {
    this.#landing = landing
    // Whoever lands it hears of a failure.
    landing.catch(() => {
      if (this.#landing === landing) this.#landing = undefined
    })
  }

  /** @throws MSG_ERR_TRANSFER_CHANGED when the block is not there, or not what it was */
  async read(index: number, { signal }: AbortOptions = {}): Promise<Block | undefined> {
    signal?.throwIfAborted()
    if (this.#space.length(index) === 0) return undefined
    const hash = this.#hashOf(index)
    const landed = await this.#landing
    const bytes = landed ? await this.#readLanded(index, hash, landed) : await this.#store.read(index, { signal })
    if (bytes === undefined) throw new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: this.manifest.name })
    return { index, bytes, hash, release: () => this.#buffers.give(bytes) }
  }

  async confirm(): Promise<void> {}

  async close(): Promise<void> {}

  async #readLanded(index: number, hash: Uint8Array, landed: Landed): Promise<Uint8Array | undefined> {
    const pathOf = (this.#paths ??= landedPaths(this.manifest, landed))
    const bytes = this.#buffers.take(this.#space.length(index))
    const segments = this.#space
      .segments(index)
      .map(({ entry, position, length }): FileSegment => ({ path: pathOf(entry), position, length }))
    const found = await this.#disk.run('readBack', { bytes, segments })
    if (found && equalHashes(found, hash)) return bytes
    this.#buffers.give(bytes)
    return undefined
  }
}

/** Where each entry of a manifest has landed. */
function landedPaths({ kind, entries }: Manifest, landed: Landed): (entry: number) => string {
  // What members of a room share lies on a disk.
  const path = landed.path!
  if (kind !== 'folder') return () => path
  const { folders, files } = landingTree(entries)
  const paths: string[] = []
  for (const { parent, name } of folders) paths.push(parent < 0 ? path : join(paths[parent]!, name))
  return (entry) => join(paths[files[entry]!.folder]!, files[entry]!.name)
}
