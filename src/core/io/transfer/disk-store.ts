import { open, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { MsgError } from '../../errors.ts'
import { ByteSpace } from '../../transfer/byte-space.ts'
import { equalHashes } from '../../transfer/hash.ts'
import { MAX_BLOCKS, type Manifest } from '../../transfer/manifest.ts'
import { isShared } from '../../wire/copy.ts'
import { BlockBuffers } from './block-buffers.ts'
import { decodeLog, encodeRecord, RECORD_SIZE } from './block-log.ts'
import type { AbortOptions } from './block-source.ts'
import type { BlockStore, LandedFiles, LandOptions } from './block-store.ts'
import type { WrittenSegment } from './disk-jobs.ts'
import type { DiskThread } from './disk-thread.ts'
import { dressOf, place, portions, topName } from './landing.ts'
import { PartialFolder } from './partial-folder.ts'

/** What {@link DiskStore.open} takes. */
export interface DiskStoreOptions extends AbortOptions {
  /** Download root; made when it does not exist. Nothing outside is ever touched. */
  readonly root: string
  readonly manifest: Manifest
  /** Names the content, hexadecimal: the hash of the manifest. What was kept under the same key goes on. */
  readonly key: string
  /** Most bytes this download may take, below what the disk has. @default no limit */
  readonly quota?: number | undefined
}

/**
 * A download on the disk, below `<root>/.msg-partial` until it lands.
 *
 * Whatever kills the process, at whatever moment: the next one believes only blocks whose bytes it has read and hashed again.
 * A stream starts anew. Memory: the manifest, 12 bytes for each file, some 100 for each block, and copies of blocks that are not in
 * shared memory while they are written.
 */
export class DiskStore implements BlockStore {
  readonly blocks: number
  readonly #manifest: Manifest
  readonly #key: string
  readonly #quota: number
  readonly #disk: DiskThread
  readonly #partial: PartialFolder
  readonly #space: ByteSpace
  readonly #buffers: BlockBuffers
  readonly #hashes = new Map<number, Uint8Array>()
  readonly #writing = new Map<number, Promise<void>>()
  /** Bytes that are there. */
  #size = 0
  /** Of the block that ends a stream: the only one that may be short. */
  #streamEnd: { readonly index: number; readonly length: number } | undefined
  /** Bytes written since something was last brought to the disk, and that while it runs. */
  #unsynced = 0
  #syncing: Promise<void> | undefined
  #landing: Promise<LandedFiles> | undefined
  #hasLanded = false
  #state: 'open' | 'landing' | 'closed' = 'open'

  private constructor(disk: DiskThread, partial: PartialFolder, { manifest, key, quota = Infinity }: DiskStoreOptions) {
    this.#disk = disk
    this.#partial = partial
    this.#manifest = manifest
    this.#key = key
    this.#quota = quota
    this.#space = new ByteSpace(manifest)
    this.#buffers = new BlockBuffers(manifest.blockSize)
    this.blocks = this.#space.blocks
  }

  /**
   * Makes room for a download, or takes up one that was kept: what is there of it is read and hashed before it counts.
   *
   * @throws MSG_ERR_TRANSFER_NO_SPACE when the disk or the quota is too small; MSG_ERR_TRANSFER_EXISTS when the same is being
   * received already; MSG_ERR_DIRECTORY_ACCESS.
   */
  static async open(disk: DiskThread, options: DiskStoreOptions): Promise<DiskStore> {
    const { root, manifest, key, quota = Infinity, signal } = options
    signal?.throwIfAborted()
    if (manifest.size > quota) throw noSpace(`${manifest.size} bytes are offered, ${quota} are allowed`)
    const partial = PartialFolder.open(root, key)
    try {
      const store = new DiskStore(disk, partial, options)
      store.#hasLanded = partial.landedName() !== undefined
      if (!store.#hasLanded) {
        await store.#recall(signal)
        await store.#checkRoom()
      }
      return store
    } catch (error) {
      partial.close()
      throw error
    }
  }

  get verified(): number {
    return this.#hashes.size
  }

  get hasLanded(): boolean {
    return this.#hasLanded
  }

  has(index: number): boolean {
    return this.#hashes.has(index)
  }

  hash(index: number): Uint8Array | undefined {
    return this.#hashes.get(index)
  }

  async write(index: number, bytes: Uint8Array, hash: Uint8Array, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    // The same block from two sources: the second waits, and is not needed when the first was right.
    while (this.#writing.has(index)) await this.#writing.get(index)?.catch(() => {})
    this.#checkOpen()
    if (this.#hasLanded || this.#hashes.has(index)) return
    const writing = this.#write(index, bytes, Uint8Array.from(hash))
    this.#writing.set(index, writing)
    try {
      await writing
    } finally {
      this.#writing.delete(index)
    }
  }

  async read(index: number, { signal }: AbortOptions = {}): Promise<Uint8Array | undefined> {
    this.#checkOpen()
    const hash = this.#hashes.get(index)
    return hash && this.#readBack(index, hash, signal)
  }

  land(options: LandOptions = {}): Promise<LandedFiles> {
    this.#landing ??= this.#land(options).catch((error: unknown) => {
      this.#landing = undefined
      if (this.#state === 'landing') this.#state = 'open'
      throw error
    })
    return this.#landing
  }

  async keep(): Promise<void> {
    if (!(await this.#stop())) return
    this.#partial.close()
  }

  async discard(): Promise<void> {
    if (!(await this.#stop())) return
    await this.#partial.remove(this.#disk)
  }

  async #write(index: number, given: Uint8Array, hash: Uint8Array): Promise<void> {
    if (!this.#isExpected(index, given.length))
      throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: `block ${index} is not what the manifest says` })
    if (index * this.#space.blockSize + given.length > this.#quota) throw noSpace(`${this.#quota} bytes are allowed`)
    const bytes = isShared(given) ? given : this.#buffers.take(given.length)
    try {
      if (bytes !== given) bytes.set(given)
      const record = { path: this.#partial.at('blocks'), bytes: encodeRecord(this.#key, index, hash) }
      let offset = 0
      // A block may be a million tiny files: others get their turn in between. The first portion checks the hash of the whole.
      for (const { portion, isFirst, isLast } of portions(this.#segments(index, given.length), SEGMENTS_AT_ONCE)) {
        await this.#disk.run('write', {
          bytes,
          offset,
          segments: portion,
          hash: isFirst ? hash : undefined,
          record: isLast ? record : undefined,
        })
        for (const { length } of portion) offset += length
      }
    } finally {
      if (bytes !== given) this.#buffers.give(bytes)
    }
    this.#believe(index, given.length, hash)
    this.#syncAhead(index, given.length)
  }

  /** Has large files brought to the disk while more of them comes in: the end need not wait for all of it. */
  #syncAhead(index: number, length: number): void {
    this.#unsynced += length
    const entry = this.#space.segments(index).at(-1)?.entry ?? 0
    const isLarge = this.#space.size === Infinity || (this.#manifest.entries[entry]?.size ?? 0) >= LARGE_FILE
    if (this.#unsynced < SYNC_AHEAD || !isLarge || this.#syncing) return
    this.#unsynced = 0
    // What fails here is told when it counts, before landing.
    this.#syncing = syncFile(this.#partial.file(entry), 'datasync')
      .catch(() => {})
      .finally(() => (this.#syncing = undefined))
  }

  #believe(index: number, length: number, hash: Uint8Array): void {
    this.#hashes.set(index, hash)
    this.#size += length
    if (this.#space.size === Infinity && length < this.#space.blockSize) this.#streamEnd = { index, length }
  }

  #isExpected(index: number, length: number): boolean {
    const most = this.#space.length(index)
    if (this.#space.size !== Infinity) return length > 0 && length === most
    return length > 0 && length <= most && index < Math.min(MAX_BLOCKS, this.#streamEnd?.index ?? Infinity)
  }

  #lengthOf(index: number): number {
    return this.#streamEnd?.index === index ? this.#streamEnd.length : this.#space.length(index)
  }

  #segments(index: number, bytes: number): WrittenSegment[] {
    return this.#space.segments(index).map(({ entry, position, length }) => ({
      path: this.#partial.file(entry),
      position,
      length: Math.min(length, bytes),
      isLarge: (this.#manifest.entries[entry]?.size ?? 0) >= HUGE_FILE,
    }))
  }

  async #readBack(index: number, hash: Uint8Array, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const length = this.#lengthOf(index)
    const bytes = this.#buffers.take(length)
    const found = await this.#disk.run('readBack', { bytes, segments: this.#segments(index, length) }, signal)
    if (found && equalHashes(found, hash)) return bytes
    this.#buffers.give(bytes)
    return undefined
  }

  /** Reads what a former process left, and believes what is right. */
  async #recall(signal: AbortSignal | undefined): Promise<void> {
    const isStream = this.#space.size === Infinity
    const log = isStream ? Buffer.alloc(0) : this.#partial.readBeside('blocks', (this.blocks + 1) * RECORD_SIZE)
    await this.#disk.run('restage', { folder: this.#partial.at('.') }, signal)
    for (const [index, hash] of decodeLog(this.#key, log, this.blocks)) {
      const bytes = await this.#readBack(index, hash, signal)
      if (!bytes) continue
      this.#buffers.give(bytes)
      this.#believe(index, bytes.length, hash)
    }
    // Anew, in one piece: appending goes on behind whole records, and nothing of a stream that ended too early is left.
    const records = [...this.#hashes].map(([index, hash]) => encodeRecord(this.#key, index, hash))
    await this.#disk.run('replace', { path: this.#partial.at('blocks'), bytes: Buffer.concat(records) }, signal)
    if (isStream) await this.#disk.run('remove', { path: this.#partial.file(0) }, signal)
  }

  async #checkRoom(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#partial.at('.'))
    const lacking = this.#manifest.size - this.#size
    if (lacking > bavail * bsize) throw noSpace(`${lacking} bytes are needed, ${bavail * bsize} are free`)
  }

  async #land({ size, signal }: LandOptions): Promise<LandedFiles> {
    const landed = this.#partial.landedName()
    if (landed !== undefined) return this.#finish(landed)
    this.#checkOpen()
    const isStream = this.#space.size === Infinity
    const total = isStream ? size : this.#space.size
    const isWhole = this.#size === total && this.#hashes.size === Math.ceil(total / this.#space.blockSize)
    if (total === undefined || !isWhole)
      throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'blocks are missing' })

    this.#state = 'landing'
    const { kind, name, entries } = this.#manifest
    await this.#sync(signal)
    let from = this.#partial.file(0)
    if (kind === 'folder') {
      await this.#disk.run('restage', { folder: this.#partial.at('.') }, signal)
      from = this.#partial.at('tree')
      await place(this.#disk, { entries, tree: from, staged: (entry) => this.#partial.file(entry), signal })
    } else await this.#disk.run('dress', { ...dressOf(entries[0]), from, name: '', size: total }, signal)
    const root = this.#partial.root.at('.')
    const marker = this.#partial.at('landing')
    return this.#finish(await this.#disk.run('publish', { from, root, name: topName(name), marker }, signal))
  }

  async #finish(name: string): Promise<LandedFiles> {
    this.#state = 'closed'
    this.#hasLanded = true
    const path = join(this.#partial.root.path, name)
    // The files are where they belong: what cannot be cleared away is no reason to say that they are not.
    await this.#partial.remove(this.#disk).catch(() => {})
    const { entries, size } = this.#manifest
    const files = entries.reduce((sum, { kind }) => sum + Number(kind === 'file'), 0)
    return { path, name, files, size: size < 0 ? this.#size : size }
  }

  /** On the disk, not in its cache: every large file, and small ones unless there are many (docs/adr/0011). */
  async #sync(signal: AbortSignal | undefined): Promise<void> {
    await this.#syncing
    const { entries } = this.#manifest
    const isFew = entries.length <= FEW_FILES
    for (const [entry, { size }] of entries.entries()) {
      const isStaged = size > 0 || this.#streamEnd !== undefined
      if (!isStaged || (size < LARGE_FILE && !isFew)) continue
      signal?.throwIfAborted()
      await syncFile(this.#partial.file(entry), 'sync')
    }
  }

  /** Takes nothing more, and waits for what is being written. @returns false when it had stopped before. */
  async #stop(): Promise<boolean> {
    await this.#landing?.catch(() => {})
    if (this.#state === 'closed') return false
    this.#state = 'closed'
    await Promise.allSettled(this.#writing.values())
    await this.#syncing
    return true
  }

  #checkOpen(): void {
    if (this.#state !== 'open') throw new MsgError('MSG_ERR_CANCELLED', { detail: 'this download has ended' })
  }
}

async function syncFile(path: string, how: 'sync' | 'datasync'): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file[how]()
  } finally {
    await file.close()
  }
}

const noSpace = (detail: string): MsgError => new MsgError('MSG_ERR_TRANSFER_NO_SPACE', { detail })

/** Implementation: some 30 ms of the disk thread. */
const SEGMENTS_AT_ONCE = 1_024
/** Implementation, in bytes: below it a file costs more to put on the disk than to write. */
const LARGE_FILE = 1_048_576
const FEW_FILES = 64
/** Implementation, in bytes: from here on a file is kept out of the page cache while it comes in. */
const HUGE_FILE = 67_108_864
/** Implementation, in bytes: some tenths of a second of a disk. */
const SYNC_AHEAD = 67_108_864
