import { resolve } from 'node:path'
import { MsgError } from '../errors.ts'
import type { BlockStore } from '../io/transfer/block-store.ts'
import { DiskStore } from '../io/transfer/disk-store.ts'
import type { DiskThread } from '../io/transfer/disk-thread.ts'
import { ReceivedSource } from '../io/transfer/received-source.ts'
import { WritableStore } from '../io/transfer/writable-store.ts'
import type { Offer, TransferFrame } from '../transfer/frames.ts'
import { equalHashes } from '../transfer/hash.ts'
import type { Manifest } from '../transfer/manifest.ts'
import type { ReceiveOptions } from './api.ts'
import type { BlockDispatch } from './block-dispatch.ts'
import { Content } from './content.ts'
import { Download } from './download.ts'
import { errorOfWire, wireCodeOf, type FilesLink } from './files-link.ts'
import { HaveTeller } from './have-teller.ts'
import { MetadataFetch, type Metadata } from './metadata.ts'
import type { TransferBook } from './transfer-book.ts'
import type { TransferEntry } from './transfer-entry.ts'
import { Upload } from './upload.ts'

/** The side that receives: takes offers, downloads what is accepted, and in a room serves others with what it has. */
export class Receiving {
  readonly #book: TransferBook
  readonly #disk: DiskThread
  readonly #dispatch: BlockDispatch
  /** Offers that are accepted by themselves when they come: by id and user. */
  readonly #expected = new Map<string, ReceiveOptions>()
  readonly #browsing = new Map<TransferEntry, { fetch: MetadataFetch; found: Promise<Metadata> }>()

  constructor(book: TransferBook, disk: DiskThread, dispatch: BlockDispatch) {
    this.#book = book
    this.#disk = disk
    this.#dispatch = dispatch
  }

  /** Accepts an offer with this id from this user by itself, once it comes. @returns gives that up */
  expect(user: string, id: string, options: ReceiveOptions): () => void {
    const key = `${id} ${user}`
    this.#expected.set(key, options)
    return () => void this.#expected.delete(key)
  }

  /** @throws MSG_ERR_USAGE for a folder or a room's file into a stream. */
  accept(entry: TransferEntry, { to = '.', limit, checkpoint }: ReceiveOptions): void {
    const isStream = typeof to !== 'string'
    if (isStream && (entry.offer.kind === 'folder' || entry.room !== null))
      throw new MsgError('MSG_ERR_USAGE', { detail: "a folder or a room's file cannot go into one stream" })
    entry.paths = isStream ? [] : [resolve(to)]
    entry.sink = isStream ? to : undefined
    // A stream ends with its process.
    if (isStream) entry.isKept = false
    entry.limit = limit
    entry.checkpoint = checkpoint
    entry.setPhase('waiting')
    this.#book.keep(entry)
    for (const files of this.#book.links) this.resume(entry, files)
  }

  /** A link is there on which a download may go on: whoever offered it says so again there, other members of a room do not. */
  resume(entry: TransferEntry, files: FilesLink): void {
    if (!files.isOpen || entry.isOver || entry.state === 'offered') return
    const isOtherMember = files.peer.user !== entry.user && this.#book.isSharedWith(entry, files)
    if (entry.files === files || isOtherMember) this.#receive(entry, files)
  }

  /** A link is gone. */
  handleClosed(files: FilesLink): void {
    for (const [entry, browsing] of this.#browsing) if (entry.files === files) browsing.fetch.removeSide(files)
  }

  /** Somebody offers something, or says again that it is there. */
  handleOffer(files: FilesLink, offer: Offer): void {
    const { user } = files.peer
    const known = this.#book.get('in', offer.id, user)
    if (known) return this.#handleOfferAgain(known, files, offer)
    // Blocks go by the id alone: nobody takes another's.
    const isTaken = this.#book.entries.some(({ id }) => id === offer.id)
    const isStrange = offer.room !== '' && !this.#book.isMember(offer.room, user)
    const open = this.#book.entries.filter((entry) => entry.user === user && entry.state === 'offered')
    const expected = this.#expected.get(`${offer.id} ${user}`)
    if (isTaken || isStrange || (open.length >= MAX_OFFERS && !expected))
      return files.send({ type: 'decline', id: offer.id, code: 0 })
    const entry = this.#book.add({ direction: 'in', user, offer, paths: [], state: 'offered' })
    entry.files = files
    // It takes a moment, and somebody may say yes at once.
    this.#disk.start()
    if (!expected) return entry.handleOffered()
    entry.isKept = false
    this.accept(entry, expected)
  }

  /** What a source says. */
  handleFrame(entry: TransferEntry, files: FilesLink, frame: TransferFrame): void {
    const isOfferer = entry.user === files.peer.user
    const browsing = this.#browsing.get(entry)
    if (frame.type === 'have') entry.download?.handleHave(files, frame.ranges)
    else if (frame.type === 'withdraw') {
      if (!isOfferer || entry.isOver) return
      if (entry.state === 'offered') entry.tellWithdrawn()
      else if (entry.room === null) entry.tell('transfer.stopped', 'them')
      if (entry.state === 'offered' || entry.room === null) void this.#book.stopped(entry)
    } else if (frame.type === 'error') {
      entry.download?.handleClosed(files)
      const isLast = entry.room === null || entry.download?.sources === 0
      if (!entry.isOver && isLast && (isOfferer || entry.isRunning))
        this.#book.failed(entry, errorOfWire(frame.code, entry.offer.name))
    } else {
      browsing?.fetch.handleFrame(files, frame)
      entry.download?.handleFrame(files, frame)
    }
  }

  /** Fetches the list of an offer. @throws MSG_ERR_LINK_CLOSED, MSG_ERR_TIMEOUT, MSG_ERR_CANCELLED */
  async browse(entry: TransferEntry, signal?: AbortSignal): Promise<Metadata> {
    const { files } = entry
    if (!files?.isOpen) throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: `${entry.user} is not there` })
    let cancel = (): void => {}
    const cancelled = new Promise<never>((_, reject) => {
      cancel = () => reject(new MsgError('MSG_ERR_CANCELLED', { detail: entry.offer.name }))
    })
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await Promise.race([cancelled, this.#fetch(entry, files)])
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  /** Whoever asks for the same list meanwhile waits for the same answer. */
  #fetch(entry: TransferEntry, files: FilesLink): Promise<Metadata> {
    const known = this.#browsing.get(entry)
    if (known) return known.found
    const { name } = entry.offer
    let fetch!: MetadataFetch
    let timer: NodeJS.Timeout | undefined
    const found = new Promise<Metadata>((resolve, reject) => {
      const listener = { onMetadata: resolve, onWrong: (_files: FilesLink, error: MsgError) => reject(error) }
      fetch = new MetadataFetch({ ...entry.offer, root: undefined }, listener)
      timer = setTimeout(() => reject(new MsgError('MSG_ERR_TIMEOUT', { detail: name })), BROWSE_MS)
    }).finally(() => {
      clearTimeout(timer)
      fetch.close()
      this.#browsing.delete(entry)
    })
    // Nobody may be waiting any more.
    found.catch(() => {})
    this.#browsing.set(entry, { fetch, found })
    fetch.addSide(files)
    return found
  }

  /** Who tells others what of it can be had here. */
  tellerOf(entry: TransferEntry): HaveTeller {
    return (entry.teller ??= new HaveTeller(entry.id, () => entry.download?.had))
  }

  #handleOfferAgain(entry: TransferEntry, files: FilesLink, offer: Offer): void {
    if (!equalHashes(offer.manifestHash, entry.offer.manifestHash)) {
      if (!entry.isOver) this.#book.failed(entry, changed(offer.name))
    } else if (entry.state === 'offered' || entry.isOver) entry.files = files
    else {
      entry.files = files
      this.#receive(entry, files)
    }
  }

  /** Goes on with a download on a link to somebody who may have it. */
  #receive(entry: TransferEntry, files: FilesLink): void {
    const { download = this.#download(entry), id } = entry
    entry.handleCarrier(files)
    files.send({ type: 'accept', id })
    // Another member says by itself what it has.
    if (files.peer.user !== entry.user) return
    entry.files = files
    download.addSide(files)
    // Whoever wants it paused says so again.
    entry.setPaused('there', false)
    if (download.had) entry.setPhase('active')
  }

  #download(entry: TransferEntry): Download {
    const { id, offer, limit, checkpoint } = entry
    let source: ReceivedSource | undefined
    const download = new Download({
      offer,
      limit,
      checkpoint,
      startAt: offer.room ? Math.random() : 0,
      openStore: (manifest, key, signal) => this.#openStore(entry, manifest, key, signal),
      listener: {
        onStarted: () => {
          entry.handleStarted(download.bytes)
          if (!offer.room) return
          source = this.#share(entry, download)
          this.tellerOf(entry).tellAll()
        },
        onBlock: (index) => {
          entry.handleProgress(download.bytes)
          entry.teller?.handleBlock(index)
        },
        onCheckpoint: (fraction) => {
          entry.bytes = download.bytes
          download.pause()
          entry.handleCheckpoint(fraction)
        },
        onBlocked: (files, error) => entry.tellBlocked(files.peer.user, error),
        onLanding: (landing) => source?.handleLanding(landing),
        onDone: ({ path }, root, lastByte) => {
          entry.bytes = download.size
          entry.size = download.size
          for (const files of this.#book.links)
            if (files.peer.user === entry.user || this.#book.isSharedWith(entry, files))
              files.send({ type: 'done', id, root })
          entry.tellDone({ root, lastByte, path, size: download.size, sources: Math.max(1, download.givers) })
          this.#book.end(entry, 'done')
        },
        onFailed: (error) => {
          // Whoever reads a stream may want no more of it: that is a wish, and no fault.
          this.#book.tellGone(entry, error.code === 'MSG_ERR_CANCELLED' ? 0 : wireCodeOf(error))
          this.#book.failed(entry, error)
        },
      },
    })
    entry.download = download
    if (entry.isPausedHere) download.pause()
    return download
  }

  async #openStore(
    { paths, sink }: TransferEntry,
    manifest: Manifest,
    key: string,
    signal: AbortSignal,
  ): Promise<BlockStore> {
    if (sink) return WritableStore.open(this.#disk, { to: sink, manifest })
    return DiskStore.open(this.#disk, { root: paths[0]!, manifest, key, signal })
  }

  /** What comes in can be had here by other members of the room. */
  #share(entry: TransferEntry, download: Download): ReceivedSource {
    const { manifest, encoded, hashes } = download.metadata!
    const source = new ReceivedSource(this.#disk, {
      manifest,
      store: download.store!,
      hashOf: (index) => download.hashOf(index),
    })
    const upload = new Upload({
      id: entry.id,
      content: new Content(source, { encoded, ...(hashes ? { hashes } : {}) }),
      dispatch: this.#dispatch,
      priority: entry.priority,
      listener: {
        onSent: () => {},
        onDone: () => {},
        // What has landed was changed or moved away: others have it, too.
        onFailed: (error) => {
          for (const files of this.#book.links)
            if (this.#book.isSharedWith(entry, files)) files.sendError(entry.id, error)
          upload.close()
          entry.upload = undefined
          entry.teller?.close()
          entry.teller = undefined
        },
      },
    })
    entry.upload = upload
    return source
  }
}

const changed = (name: string): MsgError => new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: name })

/** Offers of one user that wait for an answer. */
const MAX_OFFERS = 64
/** How long the list of an offer may take to come. */
const BROWSE_MS = 30_000
