import { MsgError } from '../errors.ts'
import { BlockBuffers } from '../io/transfer/block-buffers.ts'
import type { BlockStore, Landed } from '../io/transfer/block-store.ts'
import { Assembly, checkManifest } from '../transfer/assembly.ts'
import type { Offer, TransferFrame } from '../transfer/frames.ts'
import { equalHashes, HASH_SIZE, rootHash } from '../transfer/hash.ts'
import { decodeManifest } from '../transfer/manifest-codec.ts'
import { blockCount, type Manifest } from '../transfer/manifest.ts'
import type { BlockSink, ReceivedBlock } from './block-receiver.ts'
import type { FilesLink } from './files-link.ts'

/** What is told of an {@link Incoming}, to whoever keeps the list. */
export interface IncomingListener {
  onStarted(incoming: Incoming): void
  onProgress(incoming: Incoming): void
  onDone(incoming: Incoming, landed: Landed, root: Uint8Array, lastByte: number | null): void
  onFailed(incoming: Incoming, error: MsgError): void
}

/** What an {@link Incoming} is built with. */
export interface IncomingDeps {
  readonly listener: IncomingListener
  /** Opens the store for a manifest that was checked; `key` names it. */
  readonly openStore: (manifest: Manifest, key: string) => Promise<OpenStore>
}

/** A store that knows what a former process has landed of it. */
export type OpenStore = BlockStore & { readonly hasLanded?: boolean }

/**
 * One download from the side that offered it: fetches the manifest, asks for the blocks that are missing, a window at a time and in order, verifies and
 * keeps each, and lands them when the whole is what the source says it is. Goes on by itself on the next link.
 */
export class Incoming implements BlockSink {
  readonly offer: Offer
  readonly buffers: BlockBuffers
  readonly #deps: IncomingDeps
  #files: FilesLink | undefined
  #assembly: Assembly | undefined
  #manifest: Manifest | undefined
  #store: OpenStore | undefined
  #opening: Promise<void> | undefined
  readonly #asked = new Set<number>()
  #writing = 0
  #next = 0
  #bytes = 0
  #end: Extract<TransferFrame, { type: 'root' }> | undefined
  #isPaused = false
  #isOver = false
  #isLanding = false

  constructor(offer: Offer, deps: IncomingDeps) {
    this.offer = offer
    this.buffers = new BlockBuffers(offer.blockSize)
    this.#deps = deps
  }

  get id(): string {
    return this.offer.id
  }

  get blockSize(): number {
    return this.offer.blockSize
  }

  /** Verified and kept, bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** In all, bytes; -1 while a stream goes on. */
  get size(): number {
    return this.#end?.size ?? this.offer.size
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** The source is there, now or again: goes on where it was. */
  start(files: FilesLink): void {
    if (this.#isOver) return
    this.#files = files
    this.#asked.clear()
    this.#end = undefined
    this.#next = 0
    files.send({ type: 'accept', id: this.id })
    if (this.#store) this.#ask()
    else if (this.#opening === undefined) this.#askManifest()
  }

  /** The source is gone; blocks that were on their way are asked for again. */
  handleClosed(files: FilesLink): void {
    if (this.#files === files) this.#files = undefined
  }

  handleFrame(files: FilesLink, frame: TransferFrame): void {
    if (this.#isOver || files !== this.#files) return
    if (frame.type === 'manifest') this.#handleManifest(frame)
    else if (frame.type === 'root') {
      this.#end = frame
      this.#landIfWhole()
    } else if (frame.type === 'error') this.#fail(new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: this.offer.name }))
  }

  onBlock(block: ReceivedBlock): Promise<void> | undefined {
    const store = this.#store
    if (store === undefined || this.#isOver || !this.#asked.delete(block.index)) {
      block.release()
      return undefined
    }
    this.#writing++
    const written = this.#keep(store, block)
    this.#ask()
    return this.#writing >= MAX_WRITING ? written : undefined
  }

  onEnd(): void {}

  /** Nothing more is asked for; what is on its way still counts. */
  pause(): void {
    this.#isPaused = true
    this.#files?.send({ type: 'pause', id: this.id })
  }

  continue(): void {
    this.#isPaused = false
    this.#files?.send({ type: 'continue', id: this.id })
    this.#ask()
  }

  /** Ends it here; what is there is kept for the next time. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#opening
    await this.#store?.keep()
  }

  #askManifest(): void {
    this.#assembly ??= new Assembly(this.offer.manifestLength)
    this.#files?.send({ type: 'manifest-want', id: this.id, offset: this.#assembly.received })
  }

  #handleManifest({ offset, bytes }: Extract<TransferFrame, { type: 'manifest' }>): void {
    const assembly = this.#assembly
    if (assembly === undefined || assembly.isComplete || offset !== assembly.received) return
    assembly.handlePiece(offset, bytes)
    // A question is answered with a megabyte; the next one is asked when half of it is there.
    if (assembly.isComplete) this.#opening = this.#open(assembly.bytes)
    else if (assembly.received % MANIFEST_ANSWER === 0) this.#askManifest()
  }

  async #open(encoded: Uint8Array): Promise<void> {
    try {
      checkManifest(encoded, this.offer.manifestHash)
      const manifest = decodeManifest(encoded)
      const { size, blockSize, kind } = this.offer
      if (manifest.size !== size || manifest.blockSize !== blockSize || manifest.kind !== kind)
        throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'the manifest is not what was offered' })
      this.#manifest = manifest
      const key = kind === 'stream' ? this.id : Buffer.from(this.offer.manifestHash).toString('hex')
      this.#store = await this.#deps.openStore(manifest, key)
      const { blocks } = this.#store
      if (Number.isFinite(blocks))
        for (let index = 0; index < blocks; index++) if (this.#store.has(index)) this.#bytes += this.#lengthOf(index)
      this.#deps.listener.onStarted(this)
      this.#ask()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Asks for the next blocks that are missing, so that a window of them is on its way. An empty question asks for the root. */
  #ask(): void {
    const store = this.#store
    if (store === undefined || this.#isPaused || this.#isOver || !this.#files?.isOpen) return
    const count = this.#manifest ? blockCount(this.#manifest) : 0
    const window = Math.max(MIN_WINDOW_BLOCKS, Math.floor(WINDOW / this.blockSize))
    const fresh: Array<{ start: number; end: number }> = []
    while (this.#next < count && this.#asked.size < window && !this.#isPastEnd(this.#next)) {
      const index = this.#next++
      if (store.has(index) || this.#asked.has(index)) continue
      this.#asked.add(index)
      const last = fresh.at(-1)
      if (last?.end === index) last.end++
      else fresh.push({ start: index, end: index + 1 })
    }
    if (fresh.length > 0) this.#files.send({ type: 'want', id: this.id, priority: 0, ranges: fresh })
    else if (this.#asked.size === 0 && this.#end === undefined && this.#next >= count) this.#askRoot()
  }

  /** Everything is there: asking for the last block again makes the source state the root. */
  #askRoot(): void {
    const last = Math.max(0, this.#next - 1)
    this.#files?.send({ type: 'want', id: this.id, priority: 0, ranges: [{ start: last, end: last + 1 }] })
  }

  #isPastEnd(index: number): boolean {
    return this.#end !== undefined && index * this.blockSize >= this.#end.size
  }

  async #keep(store: OpenStore, { index, bytes, hash, release }: ReceivedBlock): Promise<void> {
    try {
      await store.write(index, bytes, hash)
      this.#bytes += bytes.byteLength
      this.#deps.listener.onProgress(this)
    } catch (error) {
      this.#fail(error)
    } finally {
      release()
      this.#writing--
    }
    this.#landIfWhole()
  }

  #landIfWhole(): void {
    const { size = -1 } = this.#end ?? {}
    if (size < 0 || this.#writing > 0 || this.#isLanding || this.#isOver || !this.#store) return
    if (this.#bytes !== size) return
    this.#isLanding = true
    void this.#land(this.#store, this.#end!)
  }

  async #land(store: OpenStore, end: Extract<TransferFrame, { type: 'root' }>): Promise<void> {
    try {
      const count = Math.ceil(end.size / this.blockSize)
      const hashes = Buffer.allocUnsafe(count * HASH_SIZE)
      for (let index = 0; index < count; index++) hashes.set(store.hash(index)!, index * HASH_SIZE)
      const root = rootHash(this.#assembly!.bytes, hashes)
      if (!equalHashes(root, end.root)) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: this.offer.name })
      const landed = await store.land({ size: end.size })
      this.#isOver = true
      this.#files?.send({ type: 'done', id: this.id, root })
      this.#deps.listener.onDone(this, landed, root, end.lastByte)
    } catch (error) {
      this.#fail(error)
    }
  }

  #lengthOf(index: number): number {
    return Math.min(this.blockSize, this.offer.size - index * this.blockSize)
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    void this.#store?.keep().catch(() => {})
    this.#deps.listener.onFailed(this, MsgError.of(error))
  }
}

/** Bytes asked for and not there yet: what a fast link carries while a disk writes. */
const WINDOW = 16 * 1_048_576
const MIN_WINDOW_BLOCKS = 4
/** Blocks on their way to the disk from which on the stream waits. */
const MAX_WRITING = 4
/** What one question for the manifest is answered with, bytes. */
const MANIFEST_ANSWER = 1_048_576
