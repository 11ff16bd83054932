import type { AbortOptions } from './block-source.ts'

/** Where a download has landed. */
export interface Landed {
  /** Absolute path of the file or of the folder that holds everything; null when it went into a stream. */
  readonly path: string | null
  /** Its name: the offered one made safe, with a number when there was something of that name. */
  readonly name: string
  readonly files: number
  /** In bytes. */
  readonly size: number
}

/**
 * One download while it is coming in: takes blocks in any order, keeps them over the death of the process, and lands them as
 * files once all are there.
 *
 * Opened for one manifest in one download root. A store that was closed by {@link keep} or {@link discard} does nothing more.
 */
export interface BlockStore {
  /** Number of blocks; infinite for a stream whose end is not known. */
  readonly blocks: number
  /** Number of blocks that are there, each with its right hash. */
  readonly verified: number
  /**
   * True once it has landed, also when that was done by a former process which was killed before it could say so: no block is
   * needed then, and {@link land} tells where it is.
   */
  readonly hasLanded: boolean
  /** True when block `index` is there. */
  has(index: number): boolean
  /** Hash of a block that is there, 32 bytes. */
  hash(index: number): Uint8Array | undefined
  /**
   * Checks a block against its hash and keeps it. A block that is there already stays as it is. `bytes` must be left alone
   * until this resolves; views of shared memory (`BlockBuffers`) are not copied.
   *
   * @throws MSG_ERR_TRANSFER_INTEGRITY when it has another hash or length, or lies outside; MSG_ERR_TRANSFER_NO_SPACE, also when
   * it goes past the quota; MSG_ERR_DIRECTORY_ACCESS. Nothing counts as there afterwards that is not.
   */
  write(index: number, bytes: Uint8Array, hash: Uint8Array, options?: AbortOptions): Promise<void>
  /** A block that is there, with its hash checked again. @returns `undefined` when it is not there, or not right any more. */
  read(index: number, options?: AbortOptions): Promise<Uint8Array | undefined>
  /**
   * Makes files of it, under names that were free, and deletes what was kept beside. Safe to call again.
   *
   * @param size of a stream, in bytes; of anything else it is known.
   * @throws MSG_ERR_TRANSFER_INTEGRITY unless every block is there.
   */
  land(options?: LandOptions): Promise<Landed>
  /** Stops and keeps what is there for the next time. Safe to call again. */
  keep(): Promise<void>
  /** Stops and deletes what is there. Safe to call again. */
  discard(): Promise<void>
}

/** Where a download has landed on a disk. */
export interface LandedFiles extends Landed {
  readonly path: string
}

/** What {@link BlockStore.land} takes. */
export interface LandOptions extends AbortOptions {
  readonly size?: number | undefined
}
