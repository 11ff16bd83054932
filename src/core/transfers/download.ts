import { MsgError } from '../errors.ts'
import { now } from '../io/clock.ts'
import { BlockBuffers } from '../io/transfer/block-buffers.ts'
import type { BlockStore, Landed } from '../io/transfer/block-store.ts'
import { BlockSet } from '../transfer/block-set.ts'
import type { Offer, TransferFrame } from '../transfer/frames.ts'
import { equalHashes, HASH_SIZE, rootHash } from '../transfer/hash.ts'
import { splitRanges } from '../transfer/frame-writer.ts'
import type { Manifest } from '../transfer/manifest.ts'
import { ReceivePlan, type ReceivePlanEvent } from '../transfer/receive-plan.ts'
import type { Range } from '../wire/range-set.ts'
import type { BlockSink, ReceivedBlock } from './block-receiver.ts'
import type { FilesLink } from './files-link.ts'
import { MetadataFetch, type Metadata } from './metadata.ts'

/** What is told of a {@link Download}, to whoever keeps the list. */
export interface DownloadListener {
  /** The store is open: what is missing is asked from here on. */
  onStarted(): void
  /** A block is verified and kept. */
  onBlock(index: number): void
  onCheckpoint(fraction: number): void
  /** A source sent a wrong block, or broke the protocol: it is asked nothing more. */
  onBlocked(files: FilesLink, error: MsgError): void
  onLanding(landing: Promise<Landed>): void
  onDone(landed: Landed, root: Uint8Array, lastByte: number | null): void
  onFailed(error: MsgError): void
}

/** What a {@link Download} is built with. */
export interface DownloadOptions {
  readonly offer: Offer
  readonly listener: DownloadListener
  /** Opens the store for a manifest that was checked; `key` names it. */
  readonly openStore: (manifest: Manifest, key: string, signal: AbortSignal) => Promise<BlockStore>
  /** Bytes each second at most. @default no limit */
  readonly limit?: number | undefined
  /** Fraction at which it pauses and tells so. @default none */
  readonly checkpoint?: number | undefined
  /** 0 to 1: where in the content it begins. Members of a room begin at different places, so that they can serve each other. */
  readonly startAt?: number
}

/**
 * One download: fetches the manifest, asks those who have the content for the blocks that are missing, as the {@link ReceivePlan} says, verifies and
 * keeps each, and lands them when the whole is what it should be. Links may go and come: it goes on with whoever is there.
 */
export class Download {
  readonly offer: Offer
  readonly #options: DownloadOptions
  readonly #buffers: BlockBuffers
  readonly #metadata: MetadataFetch
  /** Who has it, and how much of it: undefined means everything. */
  readonly #sides = new Map<string, Side>()
  /** Links that broke the protocol. */
  readonly #banned = new Set<FilesLink>()
  /** Connections that blocks came from. */
  readonly #givers = new Set<string>()
  #found: Metadata | undefined
  #opening: Promise<void> | undefined
  readonly #opened = new AbortController()
  #store: BlockStore | undefined
  #plan: ReceivePlan | undefined
  #end: Extract<TransferFrame, { type: 'root' }> | undefined
  /** Who was asked for the root. */
  #rootAsked: FilesLink | undefined
  #timer: NodeJS.Timeout | undefined
  #writing = 0
  #lastByte: { readonly index: number; readonly value: number } = { index: -1, value: 0 }
  #limit: number
  #isPaused = false
  #isLanding = false
  #isOver = false

  constructor(options: DownloadOptions) {
    this.offer = options.offer
    this.#options = options
    this.#limit = options.limit ?? Infinity
    this.#buffers = new BlockBuffers(options.offer.blockSize)
    this.#metadata = new MetadataFetch(options.offer, {
      onMetadata: (found) => void (this.#opening = this.#open(found)),
      onWrong: (files, error) => this.#ban(files, error),
    })
  }

  get metadata(): Metadata | undefined {
    return this.#found
  }

  get store(): BlockStore | undefined {
    return this.#store
  }

  /** Blocks that are there; undefined before the store is open. */
  get had(): BlockSet | undefined {
    return this.#plan?.had
  }

  /** Verified and kept, bytes. */
  get bytes(): number {
    return this.#store?.hasLanded ? this.size : (this.#plan?.progress(now()).bytes ?? 0)
  }

  /** In all, bytes; -1 while a stream goes on. */
  get size(): number {
    return this.#end?.size ?? this.offer.size
  }

  /** Sides that can be asked now. */
  get sources(): number {
    return this.#sides.size
  }

  /** Connections that blocks came from so far. */
  get givers(): number {
    return this.#givers.size
  }

  /** Right hash of a block that is there, or of any where the offer names a root. */
  hashOf(index: number): Uint8Array {
    const { hashes } = this.#found ?? {}
    return hashes ? hashes.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE) : this.#store!.hash(index)!
  }

  /** Somebody who has everything. */
  addSide(files: FilesLink): void {
    this.#add(files, undefined)
  }

  /** Somebody has these blocks, in addition to earlier ones. */
  handleHave(files: FilesLink, ranges: readonly Readonly<Range>[]): void {
    const side = this.#sides.get(files.key)
    if (!side) return this.#add(files, new BlockSet(ranges))
    for (const { start, end } of ranges) side.has?.addRange(start, end)
    this.#plan?.handleHave(files.key, ranges)
    this.#pump()
  }

  /** A link is gone; what was asked there is asked elsewhere. */
  handleClosed(files: FilesLink): void {
    if (this.#rootAsked === files) this.#rootAsked = undefined
    if (!this.#sides.delete(files.key)) return
    this.#metadata.removeSide(files)
    this.#plan?.removeSource(files.key)
    this.#pump()
  }

  handleFrame(files: FilesLink, frame: TransferFrame): void {
    if (this.#isOver || this.#banned.has(files)) return
    if (frame.type === 'manifest' || frame.type === 'hashes') this.#metadata.handleFrame(files, frame)
    else if (frame.type === 'root') this.#handleRoot(files, frame)
    else if (frame.type === 'pause' || frame.type === 'continue') this.#handlePause(files, frame.type === 'pause')
    this.#pump()
  }

  /** Takes the blocks that a link brings. */
  sinkFor(files: FilesLink): BlockSink {
    return {
      blockSize: this.offer.blockSize,
      buffers: this.#buffers,
      onPart: () => this.#plan?.handleSign(now(), files.key),
      onBlock: (block) => this.#handleBlock(files, block),
      onEnd: (error) => error && this.#ban(files, error),
    }
  }

  /** Nothing more is asked for; what is on its way still counts. */
  pause(): void {
    this.#isPaused = true
    this.#plan?.pause()
    for (const { files } of this.#sides.values()) files.send({ type: 'pause', id: this.offer.id })
  }

  continue(): void {
    this.#isPaused = false
    for (const { files } of this.#sides.values()) files.send({ type: 'continue', id: this.offer.id })
    this.#plan?.continue(now())
    this.#pump()
  }

  /** @param bytesPerSecond - Infinity for no limit. */
  setLimit(bytesPerSecond: number): void {
    this.#limit = bytesPerSecond
    this.#plan?.setLimit(now(), bytesPerSecond)
    this.#pump()
  }

  /** Ends it here; what is there is kept for the next time. */
  async stop(): Promise<void> {
    this.#close()
    this.#opened.abort()
    await this.#opening
    await this.#store?.keep()
  }

  #add(files: FilesLink, has: BlockSet | undefined): void {
    if (this.#isOver || this.#banned.has(files)) return
    this.#sides.set(files.key, { files, has, isPaused: false })
    this.#metadata.addSide(files)
    this.#plan?.addSource(files.key, has?.ranges())
    if (this.#isPaused) files.send({ type: 'pause', id: this.offer.id })
    this.#pump()
  }

  #handlePause({ key }: FilesLink, isPaused: boolean): void {
    const side = this.#sides.get(key)
    if (side) side.isPaused = isPaused
    if (isPaused) this.#plan?.handlePause(key)
    else this.#plan?.handleContinue(now(), key)
  }

  async #open(found: Metadata): Promise<void> {
    try {
      this.#found = found
      const { kind, id, manifestHash, blockSize, size } = this.offer
      const key = kind === 'stream' ? id : Buffer.from(manifestHash).toString('hex')
      const store = await this.#options.openStore(found.manifest, key, this.#opened.signal)
      this.#store = store
      if (this.#isOver) return await store.keep()
      const { checkpoint, startAt = 0 } = this.#options
      this.#plan = new ReceivePlan(now(), {
        blockSize,
        size: size < 0 ? undefined : size,
        verified: rangesOf(store),
        checkpoints: checkpoint === undefined ? [] : [checkpoint],
        startAt: Number.isFinite(store.blocks) ? Math.floor(startAt * store.blocks) : 0,
        limit: this.#limit,
      })
      if (this.#isPaused) this.#plan.pause()
      for (const [key, { has, isPaused }] of this.#sides) {
        this.#plan.addSource(key, has?.ranges())
        if (isPaused) this.#plan.handlePause(key)
      }
      this.#options.listener.onStarted()
      this.#pump()
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Does what the plan says, until it has nothing more to say. */
  #pump(): void {
    clearTimeout(this.#timer)
    const plan = this.#plan
    if (!plan || this.#isOver || this.#store?.hasLanded) return this.#landIfWhole()
    const { id } = this.offer
    for (const { source, ranges } of plan.pollWants(now()))
      for (const list of splitRanges(ranges))
        this.#sides.get(source)?.files.send({ type: 'want', id, priority: 0, ranges: list })
    for (const { source, ranges } of plan.pollCancels())
      for (const list of splitRanges(ranges)) this.#sides.get(source)?.files.send({ type: 'cancel', id, ranges: list })
    for (let event = plan.pollEvent(); event; event = plan.pollEvent()) this.#handleEvent(event)
    this.#landIfWhole()
    const at = plan.pollTimeout()
    if (at === undefined || this.#isOver) return
    this.#timer = setTimeout(() => this.#pump(), Math.ceil(Math.max(0, at - now()) / 1_000)).unref()
  }

  #handleEvent(event: ReceivePlanEvent): void {
    if (event.type === 'checkpoint') this.#options.listener.onCheckpoint(event.fraction)
    else if (event.type === 'blocked') {
      const side = this.#sides.get(event.source)
      const error = new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: `block ${event.index}` })
      if (side) this.#ban(side.files, error)
    }
  }

  /** A root is stated when the offer does not name one: asked for once everything is on its way, of a stream at once. */
  #askRoot(): void {
    if (this.offer.root || this.#end || this.#rootAsked) return
    const isTime = this.offer.size < 0 || this.#store?.hasLanded || this.#plan?.isWholeAsked
    const files = [...this.#sides.values()].find(({ has }) => has === undefined)?.files
    if (!isTime || !files) return
    this.#rootAsked = files
    files.send({ type: 'root-want', id: this.offer.id })
  }

  #handleRoot(files: FilesLink, frame: Extract<TransferFrame, { type: 'root' }>): void {
    if (this.#rootAsked !== files || this.#end) return
    this.#end = frame
    const isRight = this.offer.size < 0 ? this.#plan?.handleEnd(frame.size) : frame.size === this.offer.size
    if (!isRight) this.#fail(new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: this.offer.name }))
  }

  #handleBlock(files: FilesLink, block: ReceivedBlock): Promise<void> | undefined {
    const isAsked = this.#plan?.sources.get(files.key)?.asked.has(block.index) === true
    if (this.#isOver || !isAsked || !this.#plan?.isWanted(files.key, block.index)) {
      block.release()
      return undefined
    }
    this.#writing++
    const written = this.#keep(files, this.#plan, block)
    return this.#writing >= Math.max(MIN_WRITING, MAX_WRITING / this.offer.blockSize) ? written : undefined
  }

  async #keep(files: FilesLink, plan: ReceivePlan, { index, bytes, hash, release }: ReceivedBlock): Promise<void> {
    const { byteLength } = bytes
    const value = bytes.at(-1) ?? 0
    let isRight = true
    try {
      const isKnown = this.#found?.hashes !== undefined
      if (isKnown && !equalHashes(hash, this.hashOf(index))) isRight = false
      else await this.#store!.write(index, bytes, hash)
    } catch (error) {
      if (MsgError.is(error) && error.code === 'MSG_ERR_TRANSFER_INTEGRITY') isRight = false
      else this.#fail(error)
    } finally {
      release()
      this.#writing--
    }
    if (this.#isOver) return
    const outcome = plan.handleBlock(now(), files.key, index, byteLength, isRight)
    if (outcome === 'accepted') {
      if (index >= this.#lastByte.index) this.#lastByte = { index, value }
      this.#givers.add(files.peer.instance)
      this.#options.listener.onBlock(index)
    }
    this.#pump()
  }

  #landIfWhole(): void {
    if (this.#isOver || this.#isLanding || !this.#store) return
    this.#askRoot()
    const isWhole = this.#store.hasLanded || (this.#plan?.isDone && this.#writing === 0)
    if (!isWhole || (!this.offer.root && !this.#end)) return
    this.#isLanding = true
    clearTimeout(this.#timer)
    void this.#land(this.#store)
  }

  async #land(store: BlockStore): Promise<void> {
    try {
      const { size } = this
      const expected = this.offer.root ?? this.#end!.root
      const count = Math.ceil(size / this.offer.blockSize)
      const lastByte = await this.#findLastByte(store, count)
      if (!store.hasLanded && !equalHashes(this.#rootOf(store, count), expected)) {
        // What came is consistent only with itself: going on from it would fail again and again.
        await store.discard()
        throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: this.offer.name })
      }
      const landing = store.land({ size })
      this.#options.listener.onLanding(landing)
      const landed = await landing
      if (this.#isOver) return
      this.#close()
      this.#options.listener.onDone(landed, expected, lastByte)
    } catch (error) {
      this.#fail(error)
    }
  }

  #rootOf(store: BlockStore, count: number): Uint8Array {
    const hashes = Buffer.allocUnsafe(count * HASH_SIZE)
    for (let index = 0; index < count; index++) hashes.set(store.hash(index)!, index * HASH_SIZE)
    return rootHash(this.#found!.encoded, hashes)
  }

  async #findLastByte(store: BlockStore, count: number): Promise<number | null> {
    if (count === 0) return null
    if (this.#end) return this.#end.lastByte
    if (this.#lastByte.index === count - 1) return this.#lastByte.value
    const block = store.hasLanded ? undefined : await store.read(count - 1)
    return block?.at(-1) ?? null
  }

  /** A side is asked nothing more. Without anybody else who may have it, it is over. */
  #ban(files: FilesLink, error: MsgError): void {
    if (this.#isOver || this.#banned.has(files)) return
    this.#banned.add(files)
    this.#options.listener.onBlocked(files, error)
    this.handleClosed(files)
    if (!this.offer.root || this.#sides.size === 0) this.#fail(error)
  }

  #fail(error: unknown): void {
    if (this.#isOver) return
    this.#close()
    void this.#store?.keep().catch(() => {})
    this.#options.listener.onFailed(MsgError.of(error))
  }

  #close(): void {
    this.#isOver = true
    this.#metadata.close()
    clearTimeout(this.#timer)
  }
}

/** Somebody who has it. */
interface Side {
  readonly files: FilesLink
  /** How much of it; undefined means everything. */
  readonly has: BlockSet | undefined
  /** It said that it sends nothing for now. */
  isPaused: boolean
}

/** The blocks that a store has from an earlier process. */
function* rangesOf(store: BlockStore): Generator<Range> {
  if (store.verified === 0 || !Number.isFinite(store.blocks)) return
  for (let start = 0; start < store.blocks; start++) if (store.has(start)) yield { start, end: start + 1 }
}

/**
 * Bytes on their way to the disk from which on the stream waits, and the blocks that are never too many: a stream that waits piles up
 * small pieces, which cost more than the memory saved.
 */
const MAX_WRITING = 32 * 1_048_576
const MIN_WRITING = 4
