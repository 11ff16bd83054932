import type { Manifest } from '../../transfer/manifest.ts'

/** A block as its source hands it out. */
export interface Block {
  /** From 0. */
  readonly index: number
  /** Valid until {@link release}. */
  readonly bytes: Uint8Array
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** Lets the memory be used again; not calling it costs time only. */
  release(): void
}

/** Options of everything here that takes long. */
export interface AbortOptions {
  readonly signal?: AbortSignal | undefined
}

/** Content that can be sent, block by block, each with its hash. */
export interface BlockSource {
  /** Of a stream: without size until its end was read, with it from then on. */
  readonly manifest: Manifest
  /** Whether blocks can be read in any order and again. */
  readonly isSeekable: boolean
  /**
   * Reads and hashes one block.
   *
   * @returns `undefined` past the end.
   * @throws MSG_ERR_TRANSFER_CHANGED when a file is not what the manifest says any more; MSG_ERR_DIRECTORY_ACCESS when it cannot
   * be read; MSG_ERR_USAGE when a source that is not seekable is asked out of order.
   */
  read(index: number, options?: AbortOptions): Promise<Block | undefined>
  /** Looks at all files once more, to be called when everything was sent. @throws MSG_ERR_TRANSFER_CHANGED */
  confirm(options?: AbortOptions): Promise<void>
  /** Lets everything go. Safe to call again. */
  close(): Promise<void>
}
