import { MsgError } from '../errors.ts'
import type { BlockSource } from '../io/transfer/block-source.ts'
import { MAX_PIECE, type Offer, type TransferFrame } from '../transfer/frames.ts'
import { equalHashes, HASH_SIZE, rootHash } from '../transfer/hash.ts'
import { blockCount } from '../transfer/manifest.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import { BlockSender } from './block-sender.ts'
import type { FilesLink } from './files-link.ts'

/** What is told of an {@link Outgoing}, to whoever keeps the list. */
export interface OutgoingListener {
  onStarted(outgoing: Outgoing, files: FilesLink): void
  /** Bytes that went to one receiver since the last call. */
  onSent(outgoing: Outgoing, files: FilesLink, bytes: number): void
  /** The receiver has all of it, verified and landed. */
  onDone(outgoing: Outgoing, files: FilesLink): void
  onFailed(outgoing: Outgoing, error: MsgError): void
}

/** What an {@link Outgoing} is built with. */
export interface OutgoingDeps {
  readonly router: StreamRouter
  readonly listener: OutgoingListener
}

/** One content that this side offers: answers for its manifest, sends its blocks to whoever asks, and states the root once every block is hashed. */
export class Outgoing {
  readonly offer: Offer
  readonly source: BlockSource
  readonly #deps: OutgoingDeps
  readonly #manifest: Uint8Array
  readonly #senders = new Map<FilesLink, BlockSender>()
  readonly #hashes = new Map<number, Uint8Array>()
  #lastByte: number | null = null
  #root: Promise<Extract<TransferFrame, { type: 'root' }>> | undefined
  #isClosed = false

  /** @param manifest - encoded. */
  constructor(offer: Offer, source: BlockSource, manifest: Uint8Array, deps: OutgoingDeps) {
    this.offer = offer
    this.source = source
    this.#manifest = manifest
    this.#deps = deps
  }

  get id(): string {
    return this.offer.id
  }

  /** The name of the content, once every block is hashed. */
  get root(): Promise<Extract<TransferFrame, { type: 'root' }>> {
    return (this.#root ??= this.#findRoot())
  }

  handleFrame(files: FilesLink, frame: TransferFrame): void {
    if (this.#isClosed) return
    switch (frame.type) {
      case 'accept':
        return this.#deps.listener.onStarted(this, files)
      case 'manifest-want':
        return this.#sendManifest(files, frame.offset)
      case 'want':
        return this.#senderFor(files).want(frame.ranges)
      case 'cancel':
        return this.#senders.get(files)?.cancel(frame.ranges)
      case 'pause':
        return this.#senders.get(files)?.pause()
      case 'continue':
        return this.#senders.get(files)?.continue()
      case 'done':
        return void this.#finish(files, frame.root)
    }
  }

  /** What was on its way on that link is forgotten; the receiver asks again on the next. */
  handleClosed(files: FilesLink): void {
    this.#senders.get(files)?.close()
    this.#senders.delete(files)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const sender of this.#senders.values()) sender.close()
    this.#senders.clear()
    await this.source.close()
  }

  #sendManifest(files: FilesLink, from: number): void {
    let offset = from
    for (let i = 0; i < PIECES_AT_ONCE && offset < this.#manifest.byteLength; i++) {
      const bytes = this.#manifest.subarray(offset, offset + MAX_PIECE)
      files.send({ type: 'manifest', id: this.id, offset, bytes })
      offset += bytes.byteLength
    }
  }

  #senderFor(files: FilesLink): BlockSender {
    const known = this.#senders.get(files)
    if (known) return known
    const sender = new BlockSender(files, {
      router: this.#deps.router,
      source: this.source,
      id: this.id,
      onSent: (index, bytes, hash, lastByte) => {
        this.#note(index, hash, lastByte)
        this.#deps.listener.onSent(this, files, bytes)
      },
      onIdle: () => void this.#stateRoot(files),
      onFailed: (error) => this.#fail(error),
    })
    this.#senders.set(files, sender)
    return sender
  }

  #note(index: number, hash: Uint8Array, lastByte: number): void {
    if (!this.#hashes.has(index)) this.#hashes.set(index, Uint8Array.from(hash))
    // Of a stream the last block sent so far may be the last one there is.
    if (index >= this.#hashes.size - 1 || index === blockCount(this.source.manifest) - 1) this.#lastByte = lastByte
  }

  /** Everything asked for is on its way: the receiver may soon want to know whether it is all. */
  async #stateRoot(files: FilesLink): Promise<void> {
    try {
      if (this.source.manifest.size < 0) return
      files.send(await this.root)
    } catch (error) {
      this.#fail(error)
    }
  }

  async #findRoot(): Promise<Extract<TransferFrame, { type: 'root' }>> {
    const count = blockCount(this.source.manifest)
    const hashes = Buffer.allocUnsafe(count * HASH_SIZE)
    for (let index = 0; index < count; index++) {
      if (!this.#hashes.has(index)) await this.#hashAgain(index)
      hashes.set(this.#hashes.get(index)!, index * HASH_SIZE)
    }
    await this.source.confirm()
    const root = rootHash(this.#manifest, hashes)
    return {
      type: 'root',
      id: this.id,
      size: this.source.manifest.size,
      root,
      lastByte: count === 0 ? null : this.#lastByte,
    }
  }

  /** The receiver had this block from an earlier process, or from somebody else. */
  async #hashAgain(index: number): Promise<void> {
    const block = await this.source.read(index)
    if (block === undefined) throw new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: this.offer.name })
    this.#note(index, block.hash, block.bytes.at(-1) ?? 0)
    block.release()
  }

  async #finish(files: FilesLink, root: Uint8Array): Promise<void> {
    try {
      const own = await this.root
      if (!equalHashes(own.root, root)) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: this.offer.name })
      this.#deps.listener.onDone(this, files)
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return
    this.#deps.listener.onFailed(this, MsgError.of(error))
  }
}

/** Pieces of a manifest sent for one question: a megabyte. */
const PIECES_AT_ONCE = 16
