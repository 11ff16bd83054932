import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { MsgError } from '../errors.ts'
import type { BlockStore } from '../io/transfer/block-store.ts'
import { DiskStore } from '../io/transfer/disk-store.ts'
import { DiskThread } from '../io/transfer/disk-thread.ts'
import { FileSource, type FileSourceOptions } from '../io/transfer/file-source.ts'
import { ReceivedSource } from '../io/transfer/received-source.ts'
import { StreamSource } from '../io/transfer/stream-source.ts'
import { WritableStore } from '../io/transfer/writable-store.ts'
import type { LinkPeer } from '../streams/link-stream.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { Link } from '../transport/endpoint-api.ts'
import { BLOCKS_PROTOCOL } from '../transfer/block-stream.ts'
import { TransferFrameDecoder } from '../transfer/frame-decoder.ts'
import { encodeFrame } from '../transfer/frame-writer.ts'
import { FILES_PROTOCOL, ID_SIZE, type Offer, type TransferFrame } from '../transfer/frames.ts'
import { equalHashes, manifestHash } from '../transfer/hash.ts'
import type { Manifest } from '../transfer/manifest.ts'
import type {
  ReceiveOptions,
  SendOptions,
  TransferContents,
  TransferEvent,
  TransferJournal,
  TransferPriority,
  TransferRecord,
  TransferStatus,
} from './api.ts'
import { BlockDispatch } from './block-dispatch.ts'
import { BLOCKS_PRIORITY } from './block-lane.ts'
import { BlockReceiver } from './block-receiver.ts'
import { Content } from './content.ts'
import { Download } from './download.ts'
import { FILES_PRIORITY, FilesLink, wireCodeOf } from './files-link.ts'
import { HaveTeller } from './have-teller.ts'
import { MetadataFetch, type Metadata } from './metadata.ts'
import { TransferEntry } from './transfer-entry.ts'
import { Upload } from './upload.ts'

/** What {@link Transfers} are built with. */
export interface TransfersDeps {
  readonly router: StreamRouter
  readonly emit: (event: TransferEvent) => void
  readonly journal: TransferJournal
  /** Whether somebody is in a room with this user. @default nobody is in any */
  readonly isMember?: (room: string, user: string) => boolean
}

/** To whom something is sent. */
export type TransferTarget = { readonly user: string } | { readonly room: string }

/** Everything that is sent to, and received from, others: what is offered, on its way, paused; durable until it is over. */
export class Transfers {
  readonly #deps: TransfersDeps
  readonly #disk = new DiskThread()
  readonly #dispatch: BlockDispatch
  readonly #entries = new Map<string, TransferEntry>()
  readonly #links = new Map<Link, FilesLink>()
  /** Offers that are accepted by themselves when they come. */
  readonly #expected = new Map<string, ReceiveOptions>()
  readonly #reopening = new Map<TransferEntry, Promise<Upload>>()
  readonly #browsing = new Map<TransferEntry, MetadataFetch>()
  readonly #unregister: Array<() => void>
  #isClosed = false

  constructor(deps: TransfersDeps) {
    this.#deps = deps
    const { router } = deps
    this.#dispatch = new BlockDispatch({
      router,
      onSent: (id, files, bytes) => this.#uploadOf(id)?.handleSent(files, bytes),
      onIdle: (id, files) => this.#uploadOf(id)?.handleIdle(files),
      onFailed: (id, error) => this.#uploadOf(id)?.handleFailed(error),
    })
    this.#unregister = [
      router.register({
        name: FILES_PROTOCOL,
        priority: FILES_PRIORITY,
        accept: ({ link }) => this.#links.get(link)?.handler(),
        onLinkOpen: (link, peer) => this.#handleLink(link, peer),
        onLinkClosed: (link) => this.#handleLinkClosed(link),
      }),
      router.register({
        name: BLOCKS_PROTOCOL,
        priority: BLOCKS_PRIORITY,
        accept: (stream) => new BlockReceiver(stream, (id) => this.#sinkOf(id, stream.link)),
      }),
    ]
  }

  /** Goes on with what another process had begun. */
  adopt(records: readonly TransferRecord[]): void {
    for (const { id, direction, user, offer: encoded, paths, state } of records) {
      const offer = decodeOffer(encoded)
      if (offer === undefined || this.#entries.has(keyOf(direction, id, user))) continue
      const entry = this.#add({ direction, user, offer, paths, state: state === 'accepted' ? 'waiting' : state })
      entry.isAdopted = true
      this.#keep(entry)
      for (const files of this.#links.values()) this.#resume(entry, files)
    }
  }

  /**
   * Offers files and folders; resolves when the offer is durable. It goes out as soon as there is a link. What is offered to a room is
   * read and hashed first, so that everybody can serve it to everybody.
   *
   * @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_LIMIT, MSG_ERR_TRANSFER_CHANGED
   */
  async offer(target: TransferTarget, paths: readonly string[], options: SendOptions = {}): Promise<TransferStatus> {
    const absolute = paths.map((path) => resolve(path))
    const source = await FileSource.open(absolute, this.#disk, { name: options.name })
    const content = new Content(source)
    const root = 'room' in target ? (await content.summary()).root : undefined
    return this.#offer(target, content, { ...options, root, paths: absolute }).status()
  }

  /** Offers what a stream brings, once and in order. */
  offerStream(user: string, stream: Readable, options: SendOptions & { readonly name: string }): TransferStatus {
    const source = new StreamSource(stream, this.#disk, { name: options.name, mtime: Date.now() })
    return this.#offer({ user }, new Content(source), options).status()
  }

  /** Makes a content of files and folders that many transfers can share. @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_LIMIT */
  async open(paths: readonly string[], options: FileSourceOptions = {}): Promise<Content> {
    return new Content(await FileSource.open(paths, this.#disk, options))
  }

  /**
   * Offers a content to a user who expects it under this id; forgotten with the process. The content stays the caller's to close.
   *
   * @param id - 32 hex digits.
   */
  offerExpected(user: string, id: string, content: Content): TransferStatus {
    return this.#offer({ user }, content, { id, isKept: false }).status()
  }

  /** Offers again what is on offer to a user under this id, unless it is on its way. @returns the content; `undefined` for nothing of that id */
  offerAgain(user: string, id: string): Content | undefined {
    const entry = this.#entries.get(keyOf('out', id, user))
    if (!entry?.upload || entry.isOver) return undefined
    if (entry.receivers.size === 0) for (const files of this.#links.values()) this.#resume(entry, files)
    return entry.upload.content
  }

  /** Forgets what was sent to, or offered by, a user under this id: it stops if it was not over. */
  async forget(user: string, id: string): Promise<void> {
    for (const direction of ['in', 'out'] as const) {
      const entry = this.#entries.get(keyOf(direction, id, user))
      if (!entry) continue
      if (!entry.isOver) {
        if (entry.state === 'offered' && direction === 'in') entry.files?.send({ type: 'decline', id, code: 0 })
        else this.#tellGone(entry, 0)
        if (entry.state !== 'offered') entry.tell('transfer.stopped', 'them')
        await this.#stopped(entry)
      }
      this.#entries.delete(keyOf(direction, id, user))
    }
  }

  /** Accepts an offer with this id from this user by itself, once it comes. @returns gives that up */
  expect(user: string, id: string, options: ReceiveOptions): () => void {
    const key = keyOf('in', id, user)
    this.#expected.set(key, options)
    return () => void this.#expected.delete(key)
  }

  /**
   * Receives what was offered, or goes on with what was stopped or failed.
   *
   * @throws MSG_ERR_TRANSFER_UNKNOWN; MSG_ERR_USAGE for a folder or a room's file into a stream.
   */
  accept(id: string, options: ReceiveOptions = {}): TransferStatus {
    const entry = this.#find(id, 'in', ['offered', 'stopped', 'failed'])
    this.#accept(entry, options)
    return entry.status()
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  decline(id: string): TransferStatus {
    const entry = this.#find(id, 'in', ['offered', 'stopped', 'failed'])
    entry.files?.send({ type: 'decline', id: entry.id, code: 0 })
    this.#end(entry, 'declined')
    return entry.status()
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  pause(id: string): TransferStatus {
    const entry = this.#find(id, undefined, ['waiting', 'active'])
    entry.state = 'paused'
    entry.download?.pause()
    if (entry.direction === 'out') this.#dispatch.pause(entry.id)
    for (const files of entry.receivers) files.send({ type: 'pause', id: entry.id })
    entry.tell('transfer.paused', 'you')
    return entry.status()
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  continue(id: string): TransferStatus {
    const entry = this.#find(id, undefined, ['paused'])
    entry.state = 'active'
    entry.download?.continue()
    if (entry.direction === 'out') this.#dispatch.continue(entry.id)
    for (const files of entry.receivers) files.send({ type: 'continue', id: entry.id })
    entry.tell('transfer.continued', 'you')
    return entry.status()
  }

  /** Ends a transfer; what was received is kept, and `accept` goes on with it. @throws MSG_ERR_TRANSFER_UNKNOWN */
  async stop(id: string): Promise<TransferStatus> {
    const entry = this.#find(id, undefined, ['offered', 'waiting', 'active', 'paused'])
    this.#tellGone(entry, 0)
    entry.tell('transfer.stopped', 'you')
    await this.#stopped(entry)
    return entry.status()
  }

  /** @param bytesPerSecond - null for no limit. @param id - without it, of everything that is sent. @throws MSG_ERR_TRANSFER_UNKNOWN */
  setLimit(bytesPerSecond: number | null, id?: string): void {
    const limit = bytesPerSecond ?? Infinity
    const entry = id === undefined ? undefined : this.#find(id, undefined, RUNNING)
    if (entry?.direction === 'in') {
      entry.limit = limit
      entry.download?.setLimit(limit)
    } else {
      if (entry) entry.limit = limit
      this.#dispatch.setRate(limit, entry?.id)
    }
  }

  /** Which of what is sent goes first. @throws MSG_ERR_TRANSFER_UNKNOWN */
  setPriority(id: string, priority: TransferPriority): void {
    const entry = this.#find(id, 'out', RUNNING)
    entry.priority = PRIORITIES[priority]
    this.#dispatch.setPriority(entry.id, entry.priority)
  }

  /** What is in an offer: fetched from whoever made it. @throws MSG_ERR_TRANSFER_UNKNOWN, MSG_ERR_TIMEOUT */
  async contents(id: string, signal?: AbortSignal): Promise<TransferContents> {
    const entry = this.#find(id, undefined, undefined)
    const known = entry.upload?.content.source.manifest ?? entry.download?.metadata?.manifest
    const manifest = known ?? (await this.#browse(entry, signal)).manifest
    return { entries: manifest.entries.map(({ path, kind, size }) => ({ path, kind, size })) }
  }

  /** Oldest first. */
  list(): TransferStatus[] {
    return [...this.#entries.values()].map((entry) => entry.status())
  }

  /** Somebody came into a room: is offered what is offered there, and asked for what this side lacks. */
  handleMember(room: string, user: string): void {
    for (const files of this.#links.values())
      if (files.peer.user === user)
        for (const entry of this.#entries.values()) if (entry.room === room) this.#resume(entry, files)
  }

  /** Somebody left a room: is neither asked nor served any more. */
  handleMemberLeft(room: string, user: string): void {
    for (const files of this.#links.values())
      if (files.peer.user === user)
        for (const entry of this.#entries.values()) if (entry.room === room) this.#part(entry, files)
  }

  /** This user is not in the room any more: what goes on there ends. */
  handleRoomClosed(room: string): void {
    for (const entry of [...this.#entries.values()]) {
      if (entry.room !== room) continue
      if (entry.state === 'offered' || entry.direction === 'out') void this.#stopped(entry)
      else this.#failed(entry, new MsgError('MSG_ERR_NOT_ROOM_MEMBER', { detail: room }))
      entry.upload?.close()
      entry.upload = undefined
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const end of this.#unregister) end()
    this.#dispatch.close()
    await Promise.all(
      [...this.#entries.values()].map(async ({ download, upload, teller }) => {
        teller?.close()
        upload?.close()
        await download?.stop()
        await upload?.content.close()
      }),
    )
    await this.#disk.close()
  }

  #offer(target: TransferTarget, content: Content, options: OfferOptions): TransferEntry {
    const { name, kind, size, entries, blockSize } = content.source.manifest
    const offer: Offer = {
      id: options.id ?? randomBytes(ID_SIZE).toString('hex'),
      kind,
      resumable: content.source.isSeekable,
      name,
      size,
      entryCount: entries.length,
      blockSize,
      manifestLength: content.encoded.byteLength,
      manifestHash: manifestHash(content.encoded),
      room: 'room' in target ? target.room : '',
      root: options.root,
    }
    const user = 'user' in target ? target.user : ''
    const begun = options.paths && this.#begunBefore(user, offer)
    if (begun) {
      begun.isAdopted = false
      begun.priority = PRIORITIES[options.priority ?? 'normal']
      begun.limit = options.limit
      if (begun.upload || this.#reopening.has(begun)) void content.close()
      else this.#upload(begun, content)
      return begun
    }
    const entry = this.#add({ direction: 'out', user, offer, paths: options.paths ?? [], state: 'offered' })
    entry.isKept = options.isKept ?? true
    entry.priority = PRIORITIES[options.priority ?? 'normal']
    entry.limit = options.limit
    this.#upload(entry, content)
    this.#keep(entry)
    for (const files of this.#links.values()) this.#resume(entry, files)
    return entry
  }

  /** The same content for the same user, which another process began to send and did not finish. */
  #begunBefore(user: string, { manifestHash: hash }: Offer): TransferEntry | undefined {
    if (user === '') return undefined
    return [...this.#entries.values()].find(
      (entry) =>
        entry.direction === 'out' &&
        entry.user === user &&
        entry.isAdopted &&
        !entry.isOver &&
        equalHashes(entry.offer.manifestHash, hash),
    )
  }

  #upload(entry: TransferEntry, content: Content): Upload {
    const { id, priority } = entry
    const upload = new Upload({
      id,
      content,
      dispatch: this.#dispatch,
      priority,
      listener: {
        onSent: (files, bytes) => {
          entry.handleCarrier(files)
          entry.handleStarted()
          entry.handleProgress(entry.bytes + bytes)
        },
        onDone: (files, { root, lastByte, size }) => {
          const receiver = files.peer.user
          entry.receivers.delete(files)
          if (!entry.room) entry.bytes = size
          entry.tellDone({ root, lastByte, size, path: null, sources: 1, receiver })
          if (!entry.room) this.#end(entry, 'done')
        },
        onFailed: (error) => {
          for (const files of entry.receivers) files.sendError(id, error)
          this.#failed(entry, error)
        },
      },
    })
    entry.upload = upload
    if (entry.limit !== undefined) this.#dispatch.setRate(entry.limit, id)
    if (entry.state === 'paused') this.#dispatch.pause(id)
    return upload
  }

  #accept(entry: TransferEntry, { to = '.', limit, checkpoint }: ReceiveOptions): void {
    const isStream = typeof to !== 'string'
    if (isStream && (entry.offer.kind === 'folder' || entry.room !== null))
      throw new MsgError('MSG_ERR_USAGE', { detail: "a folder or a room's file cannot go into one stream" })
    entry.paths = isStream ? [] : [resolve(to)]
    entry.sink = isStream ? to : undefined
    // A stream ends with its process.
    if (isStream) entry.isKept = false
    entry.limit = limit
    entry.checkpoint = checkpoint
    entry.state = 'waiting'
    this.#keep(entry)
    for (const files of this.#links.values()) this.#resume(entry, files)
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
    if (entry.state === 'waiting' && download.had) entry.state = 'active'
  }

  #download(entry: TransferEntry): Download {
    const { id, offer, limit, checkpoint } = entry
    let source: ReceivedSource | undefined
    const download = new Download({
      offer,
      limit,
      checkpoint,
      startAt: offer.room ? Math.random() : 0,
      openStore: (manifest, key) => this.#openStore(entry, manifest, key),
      listener: {
        onStarted: () => {
          entry.handleStarted()
          entry.bytes = download.bytes
          if (offer.room) source = this.#share(entry, download)
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
          for (const files of this.#links.values())
            if (files.peer.user === entry.user) files.send({ type: 'done', id, root })
          entry.tellDone({ root, lastByte, path, size: download.size, sources: Math.max(1, download.givers) })
          this.#end(entry, 'done')
        },
        onFailed: (error) => {
          this.#tellGone(entry, wireCodeOf(error))
          this.#failed(entry, error)
        },
      },
    })
    entry.download = download
    if (offer.room) entry.teller = new HaveTeller(id, () => download.had)
    return download
  }

  async #openStore({ paths, sink }: TransferEntry, manifest: Manifest, key: string): Promise<BlockStore> {
    if (sink) return WritableStore.open(this.#disk, { to: sink, manifest })
    return DiskStore.open(this.#disk, { root: paths[0]!, manifest, key })
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
          for (const files of this.#links.values())
            if (this.#isSharedWith(entry, files)) files.sendError(entry.id, error)
          upload.close()
        },
      },
    })
    entry.upload = upload
    return source
  }

  #handleLink(link: Link, peer: LinkPeer): void {
    const files = new FilesLink(link, peer, {
      router: this.#deps.router,
      onFrame: (from, frame) => this.#handleFrame(from, frame),
    })
    this.#links.set(link, files)
    // Whoever else begins: the stream can be opened in the next turn, when the link has been told to everybody.
    setImmediate(() => {
      if (this.#isClosed) return
      for (const entry of this.#entries.values()) this.#resume(entry, files)
    })
  }

  #handleLinkClosed(link: Link): void {
    const files = this.#links.get(link)
    this.#links.delete(link)
    if (files === undefined) return
    this.#dispatch.handleClosed(files)
    for (const [entry, browsing] of this.#browsing) if (entry.files === files) browsing.removeSide(files)
    for (const entry of this.#entries.values()) {
      this.#part(entry, files)
      if (entry.files === files) entry.files = undefined
    }
  }

  /** A link takes no part in a transfer any more. */
  #part(entry: TransferEntry, files: FilesLink): void {
    entry.upload?.handleGone(files)
    entry.download?.handleClosed(files)
    entry.teller?.removeReader(files)
    entry.receivers.delete(files)
    const isAlone = entry.direction === 'in' ? entry.download?.sources === 0 : entry.receivers.size === 0
    if (entry.state !== 'active' || !isAlone) return
    entry.state = entry.room !== null && entry.direction === 'out' ? 'offered' : 'waiting'
  }

  /** A link is there on which something that is not over can begin or go on. */
  #resume(entry: TransferEntry, files: FilesLink): void {
    const { direction, state, user, offer } = entry
    if (!files.isOpen || entry.isOver) return
    if (direction === 'out') {
      if (user === files.peer.user || this.#isSharedWith(entry, files)) files.send({ type: 'offer', offer })
    } else if (state !== 'offered' && (entry.files === files || this.#isSharedWith(entry, files))) {
      // Whoever offered it says so again on a new link; other members do not.
      if (entry.files === files || files.peer.user !== user) this.#receive(entry, files)
    }
  }

  /** Whether a link leads to another member of the room that a transfer belongs to. */
  #isSharedWith({ room }: TransferEntry, { peer }: FilesLink): boolean {
    return room !== null && this.#deps.isMember?.(room, peer.user) === true
  }

  #handleFrame(files: FilesLink, frame: TransferFrame): void {
    if (frame.type === 'offer') return this.#handleOffer(files, frame.offer)
    const entry = this.#entryFor(files, frame)
    if (entry === undefined) {
      // It was over here, and the other side has not heard of it.
      if (frame.type === 'accept') files.send({ type: 'withdraw', id: frame.id })
      return
    }
    if (frame.type === 'stop') this.#handleStop(entry, files)
    else if (frame.type === 'pause' || frame.type === 'continue') this.#handlePause(entry, files, frame)
    else if (FROM_RECEIVER.has(frame.type)) void this.#handleFromReceiver(entry, files, frame)
    else this.#handleFromSource(entry, files, frame)
  }

  /** The transfer that a frame is about: of its user, or of a room that both are in. */
  #entryFor(files: FilesLink, { type, id }: Exclude<TransferFrame, { type: 'offer' }>): TransferEntry | undefined {
    const { user } = files.peer
    const incoming = this.#entries.get(keyOf('in', id, user))
    const outgoing = this.#entries.get(keyOf('out', id, user)) ?? this.#entries.get(keyOf('out', id, ''))
    const own = FROM_RECEIVER.has(type) ? outgoing : FROM_SOURCE.has(type) ? incoming : (incoming ?? outgoing)
    if (own && (own.user === user || this.#isSharedWith(own, files))) return own
    for (const entry of this.#entries.values())
      if (entry.id === id && entry.direction === 'in' && this.#isSharedWith(entry, files)) return entry
    return undefined
  }

  #handleOffer(files: FilesLink, offer: Offer): void {
    const { user } = files.peer
    const key = keyOf('in', offer.id, user)
    const known = this.#entries.get(key)
    if (known) return this.#handleOfferAgain(known, files, offer)
    const isStrange = offer.room !== '' && this.#deps.isMember?.(offer.room, user) !== true
    const open = [...this.#entries.values()].filter((entry) => entry.user === user && entry.state === 'offered')
    const expected = this.#expected.get(key)
    if (isStrange || (open.length >= MAX_OFFERS && !expected))
      return files.send({ type: 'decline', id: offer.id, code: 0 })
    const entry = this.#add({ direction: 'in', user, offer, paths: [], state: 'offered' })
    entry.files = files
    if (!expected) return entry.handleOffered()
    entry.isKept = false
    this.#accept(entry, expected)
  }

  #handleOfferAgain(entry: TransferEntry, files: FilesLink, offer: Offer): void {
    if (!equalHashes(offer.manifestHash, entry.offer.manifestHash)) {
      if (!entry.isOver) this.#failed(entry, changed(offer.name))
    } else if (entry.state === 'offered' || entry.isOver) entry.files = files
    else {
      entry.files = files
      this.#receive(entry, files)
    }
  }

  #handleFromSource(entry: TransferEntry, files: FilesLink, frame: TransferFrame): void {
    const isOfferer = entry.user === files.peer.user
    const browsing = this.#browsing.get(entry)
    if (frame.type === 'have') entry.download?.handleHave(files, frame.ranges)
    else if (frame.type === 'withdraw') {
      if (!isOfferer || entry.isOver) return
      if (entry.state !== 'offered' && entry.room === null) entry.tell('transfer.stopped', 'them')
      if (entry.state === 'offered' || entry.room === null) void this.#stopped(entry)
    } else if (frame.type === 'error') {
      entry.download?.handleClosed(files)
      const isLast = entry.room === null || entry.download?.sources === 0
      if (!entry.isOver && isLast && (isOfferer || entry.state === 'active'))
        this.#failed(entry, changed(entry.offer.name))
    } else if (browsing) browsing.handleFrame(files, frame)
    else entry.download?.handleFrame(files, frame)
  }

  async #handleFromReceiver(entry: TransferEntry, files: FilesLink, frame: TransferFrame): Promise<void> {
    if (entry.direction === 'in') {
      if (frame.type === 'accept') entry.teller?.addReader(files)
      else entry.upload?.handleFrame(files, frame)
      return
    }
    if (frame.type === 'decline') {
      if (entry.isOver) return
      entry.tellDeclined(files.peer.user)
      if (entry.room === null) this.#end(entry, 'declined')
      return
    }
    if (entry.isOver) return files.send({ type: 'withdraw', id: frame.type === 'offer' ? '' : frame.id })
    try {
      // Another process offered it: it is offered again from where it lies.
      const upload = entry.upload ?? (await this.#reopen(entry))
      if (frame.type === 'accept') this.#handleAccept(entry, files)
      upload.handleFrame(files, frame)
    } catch (error) {
      files.sendError(entry.id, MsgError.of(error))
      this.#failed(entry, MsgError.of(error))
    }
  }

  #handleAccept(entry: TransferEntry, files: FilesLink): void {
    // One of a user's devices receives it: the others are told that it is gone.
    if (entry.room === null)
      for (const other of this.#links.values())
        if (other !== files && other.peer.user === entry.user) other.send({ type: 'withdraw', id: entry.id })
    entry.files = files
    entry.receivers.add(files)
    entry.handleCarrier(files)
    entry.handleStarted()
    if (entry.state === 'paused') files.send({ type: 'pause', id: entry.id })
    this.#keep(entry)
  }

  #handleStop(entry: TransferEntry, files: FilesLink): void {
    entry.upload?.handleGone(files)
    entry.receivers.delete(files)
    if (entry.isOver) return
    if (entry.room !== null) {
      entry.download?.handleClosed(files)
      return
    }
    entry.tell('transfer.stopped', 'them')
    // A receiver may want to go on later.
    if (entry.direction === 'out') entry.state = 'offered'
    else void this.#stopped(entry)
  }

  #handlePause(entry: TransferEntry, files: FilesLink, frame: TransferFrame): void {
    const isPaused = frame.type === 'pause'
    if (entry.direction === 'out' || entry.room !== null) entry.upload?.handleFrame(files, frame)
    entry.download?.handleFrame(files, frame)
    if (entry.room !== null || entry.isOver || entry.state === (isPaused ? 'paused' : 'active')) return
    entry.state = isPaused ? 'paused' : 'active'
    entry.tell(isPaused ? 'transfer.paused' : 'transfer.continued', 'them')
  }

  #reopen(entry: TransferEntry): Promise<Upload> {
    const known = this.#reopening.get(entry)
    if (known) return known
    const opening = (async () => {
      const { resumable, name, blockSize, root, manifestHash: expected } = entry.offer
      if (!resumable) throw changed(name)
      const content = new Content(await FileSource.open(entry.paths, this.#disk, { name, blockSize }))
      if (!equalHashes(manifestHash(content.encoded), expected)) throw changed(name)
      if (root && !equalHashes((await content.summary()).root, root)) throw changed(name)
      return this.#upload(entry, content)
    })()
    this.#reopening.set(entry, opening)
    void opening.catch(() => {}).finally(() => this.#reopening.delete(entry))
    return opening
  }

  #browse(entry: TransferEntry, signal?: AbortSignal): Promise<Metadata> {
    const { files } = entry
    if (!files?.isOpen) throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: `${entry.user} is not there` })
    return new Promise<Metadata>((resolve, reject) => {
      const late = AbortSignal.any([AbortSignal.timeout(BROWSE_MS), ...(signal ? [signal] : [])])
      late.addEventListener('abort', () => reject(new MsgError('MSG_ERR_TIMEOUT', { detail: entry.offer.name })))
      const fetch = new MetadataFetch(
        { ...entry.offer, root: undefined },
        { onMetadata: resolve, onWrong: (_, error) => reject(error) },
      )
      this.#browsing.set(entry, fetch)
      fetch.addSide(files)
    }).finally(() => this.#browsing.delete(entry))
  }

  #uploadOf(id: string): Upload | undefined {
    for (const { id: other, upload } of this.#entries.values()) if (other === id && upload) return upload
    return undefined
  }

  #sinkOf(id: string, link: Link): ReturnType<Download['sinkFor']> {
    const files = this.#links.get(link)
    const entry = files && this.#entryFor(files, { type: 'error', id, code: 0 })
    if (!files || !entry?.download) throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: id })
    return entry.download.sinkFor(files)
  }

  /** Tells those who take part that this side is out. @param code - 0 without a fault. */
  #tellGone(entry: TransferEntry, code: number): void {
    const { id, direction, user } = entry
    for (const files of this.#links.values()) {
      if (files.peer.user !== user && !this.#isSharedWith(entry, files)) continue
      if (direction === 'out' && !entry.receivers.has(files)) files.send({ type: 'withdraw', id })
      else files.send({ type: 'stop', id, code })
    }
  }

  #failed(entry: TransferEntry, error: MsgError): void {
    if (entry.isOver) return
    entry.tellFailed(error)
    void entry.download?.stop().catch(() => {})
    this.#end(entry, 'failed')
  }

  async #stopped(entry: TransferEntry): Promise<void> {
    const { download } = entry
    this.#end(entry, 'stopped')
    await download?.stop()
  }

  /** It is over; a download that was stopped or failed can be accepted again while the offer is known. */
  #end(entry: TransferEntry, state: TransferEntry['state']): void {
    entry.state = state
    entry.receivers.clear()
    this.#deps.journal.remove(entry.id, entry.direction, entry.user)
    // What has landed is there for the other members of the room.
    if (entry.room === null || entry.direction === 'out' || state !== 'done') {
      entry.teller?.close()
      entry.teller = undefined
      entry.upload?.close()
      if (entry.isKept) void entry.upload?.content.close()
      entry.upload = undefined
      if (state !== 'done') entry.download = undefined
    }
    this.#prune()
  }

  /** The list does not grow for ever: what has been over longest goes. */
  #prune(): void {
    const over = [...this.#entries].filter(([, { isOver, upload }]) => isOver && upload === undefined)
    for (const [key] of over.slice(0, Math.max(0, over.length - MAX_OVER))) this.#entries.delete(key)
  }

  #add(facts: ConstructorParameters<typeof TransferEntry>[0]): TransferEntry {
    const entry = new TransferEntry(facts, this.#deps.emit)
    this.#entries.set(keyOf(entry.direction, entry.id, entry.user), entry)
    return entry
  }

  /** Writes down what the next process needs to go on. A stream ends with its process. */
  #keep({ id, direction, user, offer, paths, state, isKept }: TransferEntry): void {
    if (!offer.resumable || !isKept) return
    const kept = state === 'offered' ? 'offered' : 'accepted'
    this.#deps.journal.put({ id, direction, user, offer: encodeFrame({ type: 'offer', offer }), paths, state: kept })
  }

  /** @param states - those it may be in. @default any */
  #find(
    id: string,
    direction: 'in' | 'out' | undefined,
    states: ReadonlyArray<TransferEntry['state']> | undefined,
  ): TransferEntry {
    const matches = [...this.#entries.values()].filter(
      (entry) =>
        id !== '' &&
        entry.id.startsWith(id.toLowerCase()) &&
        (direction ?? entry.direction) === entry.direction &&
        (states?.includes(entry.state) ?? true),
    )
    if (matches.length === 1) return matches[0]!
    throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: matches.length > 1 ? `${id} begins several` : id })
  }
}

/** What is offered, beside the content. */
interface OfferOptions extends SendOptions {
  readonly id?: string
  readonly root?: Uint8Array | undefined
  readonly paths?: readonly string[]
  readonly isKept?: boolean
}

function decodeOffer(encoded: Uint8Array): Offer | undefined {
  const decoder = new TransferFrameDecoder()
  try {
    decoder.handleBytes(encoded)
    const frame = decoder.pollFrame()
    return frame?.type === 'offer' ? frame.offer : undefined
  } catch {
    // Written by another version.
    return undefined
  }
}

const changed = (name: string): MsgError => new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: name })
const keyOf = (direction: 'in' | 'out', id: string, user: string): string => `${direction} ${id} ${user}`

const PRIORITIES: Readonly<Record<TransferPriority, number>> = { high: 0, normal: 1, low: 2 }
const RUNNING = ['offered', 'waiting', 'active', 'paused'] as const
/** Who says what. */
const FROM_SOURCE: ReadonlySet<string> = new Set(['withdraw', 'manifest', 'hashes', 'have', 'root', 'error'])
const FROM_RECEIVER: ReadonlySet<string> = new Set([
  'accept',
  'decline',
  'manifest-want',
  'hashes-want',
  'want',
  'cancel',
  'root-want',
  'done',
])
/** Offers of one user that wait for an answer. */
const MAX_OFFERS = 64
/** Transfers that are over and still listed. */
const MAX_OVER = 256
/** How long the list of an offer may take to come. */
const BROWSE_MS = 30_000
