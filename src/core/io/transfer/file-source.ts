import { ByteSpace } from '../../transfer/byte-space.ts'
import { blockSizeFor, type Manifest } from '../../transfer/manifest.ts'
import { BlockBuffers } from './block-buffers.ts'
import type { AbortOptions, Block, BlockSource } from './block-source.ts'
import type { SourceSegment } from './disk-jobs.ts'
import type { DiskThread } from './disk-thread.ts'
import { collect, type Collection } from './collection.ts'

/** What {@link FileSource.open} takes. */
export interface FileSourceOptions extends AbortOptions {
  /** Name of the whole when there are several paths. @default 'files' */
  readonly name?: string | undefined
  /** Power of two, in bytes. @default 1 MiB, more where that would make more than 65,536 blocks */
  readonly blockSize?: number | undefined
  /** Leaves out what in a folder begins with a dot. @default false */
  readonly skipHidden?: boolean | undefined
}

/**
 * Files and folders as one transfer, read where they lie.
 *
 * Holds no file open: each block opens its files, compares them with what they were when the source was made and closes them again.
 * Memory: the manifest, 24 bytes for each entry, and the blocks that are out.
 */
export class FileSource implements BlockSource {
  readonly isSeekable = true
  readonly manifest: Manifest
  /** Paths below folders that are not sent: symlinks, sockets, devices, what cannot be read. The first thousand of them. */
  readonly skipped: readonly string[]
  readonly #disk: DiskThread
  readonly #collection: Collection
  readonly #space: ByteSpace
  readonly #buffers: BlockBuffers

  private constructor(disk: DiskThread, manifest: Manifest, collection: Collection) {
    this.manifest = manifest
    this.skipped = collection.skipped
    this.#disk = disk
    this.#collection = collection
    this.#space = new ByteSpace(manifest)
    this.#buffers = new BlockBuffers(manifest.blockSize)
  }

  /**
   * Looks at everything that is to be sent; reads no content.
   *
   * One path is the file or folder of that name; several are a folder that holds them. Folders are walked depth first, what is in
   * one in the order of its names' UTF-16 units. Symlinks are followed when they were named, and left out when found.
   *
   * @throws MSG_ERR_FILE_UNKNOWN when there is nothing at a path; MSG_ERR_LIMIT for more entries than a manifest takes.
   */
  static async open(paths: readonly string[], disk: DiskThread, options: FileSourceOptions = {}): Promise<FileSource> {
    disk.start()
    const collection = await collect(paths, disk, options)
    const { name, kind, entries } = collection
    const size = entries.reduce((sum, entry) => sum + entry.size, 0)
    const blockSize = options.blockSize ?? blockSizeFor(size)
    return new FileSource(disk, { name, kind, entries, size, blockSize }, collection)
  }

  async read(index: number, { signal }: AbortOptions = {}): Promise<Block | undefined> {
    signal?.throwIfAborted()
    const length = this.#space.length(index)
    if (length === 0) return undefined
    const segments = this.#space.segments(index).map(({ entry, position, length }): SourceSegment => ({
      path: this.#collection.path(entry),
      position,
      length,
      state: this.#collection.state(entry),
    }))
    const bytes = this.#buffers.take(length)
    const hash = await this.#disk.run('read', { bytes, segments }, signal)
    return { index, bytes, hash, release: once(() => this.#buffers.give(bytes)) }
  }

  async confirm({ signal }: AbortOptions = {}): Promise<void> {
    const { entries } = this.manifest
    for (let from = 0; from < entries.length; from += CONFIRMED_AT_ONCE) {
      const files = entries.slice(from, from + CONFIRMED_AT_ONCE).flatMap(({ kind }, i) => {
        const at = from + i
        return kind === 'file' ? [{ path: this.#collection.path(at), state: this.#collection.state(at) }] : []
      })
      await this.#disk.run('confirm', { files }, signal)
    }
  }

  async close(): Promise<void> {}
}

function once(act: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    act()
  }
}

/** Implementation: about 10 ms of the disk thread. */
const CONFIRMED_AT_ONCE = 2_048
