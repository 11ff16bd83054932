import type { Writable } from 'node:stream'
import { MsgError } from '../../errors.ts'
import { ByteSpace } from '../../transfer/byte-space.ts'
import { equalHashes } from '../../transfer/hash.ts'
import { MAX_BLOCKS, type Manifest } from '../../transfer/manifest.ts'
import { isShared } from '../../wire/copy.ts'
import { BlockBuffers } from './block-buffers.ts'
import type { AbortOptions } from './block-source.ts'
import type { BlockStore, Landed, LandOptions } from './block-store.ts'
import type { DiskThread } from './disk-thread.ts'

/** What {@link WritableStore.open} takes. */
export interface WritableStoreOptions {
  /** Gets the bytes; it is not ended, since it is the caller's. */
  readonly to: Writable
  /** Of one file or a stream: the bytes of a folder one after the other make no sense to anybody. */
  readonly manifest: Manifest
}

/**
 * A download that goes into a stream such as standard output: verified blocks, in order, as fast as the stream takes them.
 *
 * What was written is gone: {@link read} gives nothing back, {@link keep} keeps nothing. Nobody asks a second time where the first
 * went wrong: a stream that fails ends the download. {@link write} resolves when the stream has taken the block; a block that is ahead of the
 * next one is copied, and resolves at once while such blocks take no more than {@link AHEAD}. Memory: those, and a hash for each block.
 */
export class WritableStore implements BlockStore {
  readonly blocks: number
  readonly #to: Writable
  readonly #manifest: Manifest
  readonly #disk: DiskThread
  readonly #space: ByteSpace
  readonly #buffers: BlockBuffers
  readonly #hashes = new Map<number, Uint8Array>()
  /** Blocks that are verified and ahead of the next one to be handed on. */
  readonly #ahead = new Map<number, Ahead>()
  #aheadBytes = 0
  #next = 0
  #size = 0
  #streamEnd: number | undefined
  #handing: Promise<void> | undefined
  #failure: MsgError | undefined
  #abort: ((error: MsgError) => void) | undefined
  #landed: Landed | undefined

  private constructor(disk: DiskThread, { to, manifest }: WritableStoreOptions) {
    this.#to = to
    this.#manifest = manifest
    this.#disk = disk
    this.#space = new ByteSpace(manifest)
    this.#buffers = new BlockBuffers(manifest.blockSize)
    this.blocks = this.#space.blocks
    to.on('error', this.#onError)
    to.on('close', this.#onClose)
  }

  /** @throws MSG_ERR_USAGE for a folder. */
  static async open(disk: DiskThread, options: WritableStoreOptions): Promise<WritableStore> {
    if (options.manifest.kind === 'folder')
      throw new MsgError('MSG_ERR_USAGE', { detail: 'a folder cannot go into one stream' })
    return new WritableStore(disk, options)
  }

  get verified(): number {
    return this.#hashes.size
  }

  get hasLanded(): boolean {
    return this.#landed !== undefined
  }

  has(index: number): boolean {
    return this.#hashes.has(index)
  }

  hash(index: number): Uint8Array | undefined {
    return this.#hashes.get(index)
  }

  async write(index: number, bytes: Uint8Array, hash: Uint8Array, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    this.#checkOpen()
    if (this.has(index)) return
    if (!this.#isExpected(index, bytes.length)) throw wrong(index)
    const found = await this.#hashOf(bytes, signal)
    this.#checkOpen()
    if (this.has(index)) return
    if (!equalHashes(found, hash)) throw wrong(index)
    this.#hashes.set(index, Uint8Array.from(hash))
    this.#size += bytes.length
    if (this.#space.size === Infinity && bytes.length < this.#space.blockSize) this.#streamEnd = index
    // The stream may keep what it was given longer than the caller keeps the block.
    const copy = Buffer.from(bytes)
    const handed = new Promise<void>((resolve, reject) => this.#ahead.set(index, { bytes: copy, resolve, reject }))
    this.#aheadBytes += copy.length
    const isAhead = !this.#hasNext() && this.#aheadBytes <= AHEAD
    if (isAhead) handed.catch(() => {})
    if (this.#hasNext()) this.#handing ??= this.#hand().finally(() => (this.#handing = undefined))
    if (!isAhead) await handed
  }

  /** It has gone. */
  async read(): Promise<undefined> {
    this.#checkOpen()
  }

  async land({ size = this.#space.size }: LandOptions = {}): Promise<Landed> {
    if (this.#landed) return this.#landed
    this.#checkOpen()
    if (this.#size !== size || this.verified !== Math.ceil(size / this.#space.blockSize))
      throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'blocks are missing' })
    await this.#handing
    if (this.#landed) return this.#landed
    this.#checkOpen()
    this.#landed = { path: null, name: this.#manifest.name, files: 1, size }
    this.#end(new MsgError('MSG_ERR_CANCELLED', { detail: 'this download has ended' }))
    return this.#landed
  }

  async keep(): Promise<void> {
    this.#end(new MsgError('MSG_ERR_CANCELLED', { detail: 'this download has ended' }))
  }

  async discard(): Promise<void> {
    await this.keep()
  }

  /** Hands on what is there, in order, until a block is missing. */
  async #hand(): Promise<void> {
    for (let block = this.#ahead.get(this.#next); block && !this.#failure; block = this.#ahead.get(this.#next)) {
      try {
        await this.#put(block.bytes)
      } catch {
        // Everybody who waits has been told.
        return
      }
      this.#ahead.delete(this.#next++)
      this.#aheadBytes -= block.bytes.length
      block.resolve()
    }
  }

  /** Resolves when the stream has taken the bytes. */
  async #put(bytes: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#abort = reject
      this.#to.write(bytes, (error) => {
        if (!error) resolve()
      })
    })
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => {
    this.#end(failureOf(error, this.#next * this.#space.blockSize))
  }

  readonly #onClose = (): void => {
    this.#onError(Object.assign(new Error('closed'), { code: 'EPIPE' }))
  }

  /** Once: the first reason counts. */
  #end(error: MsgError): void {
    if (this.#failure) return
    this.#failure = error
    this.#to.off('close', this.#onClose)
    // The stream may still fail with what it holds, and nobody else listens.
    if (this.#to.writableLength === 0) this.#to.off('error', this.#onError)
    this.#abort?.(error)
    for (const { reject } of this.#ahead.values()) reject(error)
    this.#ahead.clear()
    this.#aheadBytes = 0
  }

  #hasNext(): boolean {
    return this.#ahead.has(this.#next)
  }

  #isExpected(index: number, length: number): boolean {
    const most = this.#space.length(index)
    if (this.#space.size !== Infinity) return length > 0 && length === most
    return length > 0 && length <= most && index < Math.min(MAX_BLOCKS, this.#streamEnd ?? Infinity)
  }

  async #hashOf(given: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (isShared(given)) return this.#disk.run('hash', { bytes: given }, signal)
    const bytes = this.#buffers.take(given.length)
    bytes.set(given)
    try {
      return await this.#disk.run('hash', { bytes }, signal)
    } finally {
      this.#buffers.give(bytes)
    }
  }

  #checkOpen(): void {
    if (this.#failure) throw this.#failure
  }
}

interface Ahead {
  readonly bytes: Buffer
  resolve(): void
  reject(error: MsgError): void
}

function failureOf(error: NodeJS.ErrnoException, bytes: number): MsgError {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT')
    return new MsgError('MSG_ERR_TRANSFER_NO_SPACE', { detail: 'the output takes no more', cause: error })
  const why =
    error.code === 'EPIPE' ? 'whoever read the output has gone' : `the output failed (${error.code ?? error.message})`
  const when = bytes > 0 ? ` after ${bytes.toLocaleString('en')} bytes` : ''
  return new MsgError('MSG_ERR_CANCELLED', { detail: `${why}${when}`, cause: error })
}

const wrong = (index: number): MsgError =>
  new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: `block ${index} is not what the manifest says` })

/** Implementation, in bytes: twice what is asked for at once. More than that ahead of a missing block waits with it. */
const AHEAD = 32 * 1_048_576
