import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { MsgError } from '../errors.ts'
import { DiskThread } from '../io/transfer/disk-thread.ts'
import { FileSource, type FileSourceOptions } from '../io/transfer/file-source.ts'
import { StreamSource } from '../io/transfer/stream-source.ts'
import type { LinkPeer } from '../streams/link-stream.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { Link } from '../transport/endpoint-api.ts'
import { BLOCKS_PROTOCOL } from '../transfer/block-stream.ts'
import { FILES_PROTOCOL, type TransferFrame } from '../transfer/frames.ts'
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
import { BlockReceiver, type BlockSink } from './block-receiver.ts'
import { Content } from './content.ts'
import { errorOfWire, FILES_PRIORITY, FilesLink } from './files-link.ts'
import { Receiving } from './receiving.ts'
import { PRIORITIES, Sending, type TransferTarget } from './sending.ts'
import { FROM_RECEIVER, TransferBook } from './transfer-book.ts'
import type { TransferEntry } from './transfer-entry.ts'

/** What {@link Transfers} are built with. */
export interface TransfersDeps {
  readonly router: StreamRouter
  readonly emit: (event: TransferEvent) => void
  readonly journal: TransferJournal
  /** Whether somebody is in a room with this user. @default nobody is in any */
  readonly isMember?: (room: string, user: string) => boolean
  /** Whether a connection is known to be gone, though its link may not know yet. @default it is not */
  readonly isVanished?: (instance: string) => boolean
}

/** Everything that is sent to, and received from, others: what is offered, on its way, paused; durable until it is over. */
export class Transfers {
  readonly #router: StreamRouter
  readonly #disk = new DiskThread()
  readonly #dispatch: BlockDispatch
  readonly #book: TransferBook
  readonly #sending: Sending
  readonly #receiving: Receiving
  readonly #links = new Map<Link, FilesLink>()
  readonly #unregister: Array<() => void>
  #isClosed = false

  constructor({ router, emit, journal, isMember = () => false, isVanished = () => false }: TransfersDeps) {
    this.#router = router
    this.#book = new TransferBook({ emit, journal, isMember, isVanished })
    this.#dispatch = new BlockDispatch({
      router,
      onSent: (id, files, bytes) => this.#book.uploadOf(id)?.handleSent(files, bytes),
      onIdle: (id, files) => this.#book.uploadOf(id)?.handleIdle(files),
      onFailed: (id, error) => this.#book.uploadOf(id)?.handleFailed(error),
    })
    this.#sending = new Sending(this.#book, this.#disk, this.#dispatch)
    this.#receiving = new Receiving(this.#book, this.#disk, this.#dispatch)
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
    for (const record of records) {
      const entry = this.#book.adopt(record)
      if (entry) for (const files of this.#book.links) this.#resume(entry, files)
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
    return this.#sending.offer(target, content, { ...options, root, paths: absolute }).status()
  }

  /** Offers what a stream brings, once and in order. */
  offerStream(user: string, stream: Readable, options: SendOptions & { readonly name: string }): TransferStatus {
    const source = new StreamSource(stream, this.#disk, { name: options.name, mtime: Date.now() })
    return this.#sending.offer({ user }, new Content(source), options).status()
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
    return this.#sending.offer({ user }, content, { id, isKept: false }).status()
  }

  /** Offers again what is on offer to a user under this id, unless it is on its way. @returns the content; `undefined` for nothing of that id */
  offerAgain(user: string, id: string): Content | undefined {
    const entry = this.#book.get('out', id, user)
    if (!entry?.upload || entry.isOver) return undefined
    if (entry.receivers.size === 0) for (const files of this.#book.links) this.#resume(entry, files)
    return entry.upload.content
  }

  /** Forgets what was sent to, or offered by, a user under this id: it stops if it was not over. */
  async forget(user: string, id: string): Promise<void> {
    for (const direction of ['in', 'out'] as const) {
      const entry = this.#book.get(direction, id, user)
      if (!entry) continue
      if (!entry.isOver) {
        if (entry.state === 'offered' && direction === 'in') entry.files?.send({ type: 'decline', id, code: 0 })
        else this.#book.tellGone(entry, 0)
        if (entry.state !== 'offered') entry.tell('transfer.stopped', 'them')
        await this.#book.stopped(entry)
      }
      this.#book.remove(entry)
    }
  }

  /** Accepts an offer with this id from this user by itself, once it comes. @returns gives that up */
  expect(user: string, id: string, options: ReceiveOptions): () => void {
    return this.#receiving.expect(user, id, options)
  }

  /**
   * Receives what was offered, or goes on with what was stopped or failed.
   *
   * @throws MSG_ERR_TRANSFER_UNKNOWN; MSG_ERR_USAGE for a folder or a room's file into a stream.
   */
  accept(id: string, options: ReceiveOptions = {}): TransferStatus {
    const entry = this.#book.find(id, 'in', ['offered', 'stopped', 'failed'])
    this.#receiving.accept(entry, options)
    return entry.status()
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  decline(id: string): TransferStatus {
    const entry = this.#book.find(id, 'in', ['offered', 'stopped', 'failed'])
    entry.files?.send({ type: 'decline', id: entry.id, code: 0 })
    this.#book.end(entry, 'declined')
    return entry.status()
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  pause(id: string): TransferStatus {
    const entry = this.#book.find(id, undefined, ['waiting', 'active', 'paused'])
    if (!entry.setPaused('here', true)) return entry.status()
    entry.download?.pause()
    if (entry.direction === 'out') this.#dispatch.pause(entry.id)
    for (const files of entry.receivers) files.send({ type: 'pause', id: entry.id })
    entry.tell('transfer.paused', 'you')
    return entry.status()
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN; MSG_ERR_USAGE when it is the other side that has paused it. */
  continue(id: string): TransferStatus {
    const entry = this.#book.find(id, undefined, ['paused'])
    if (!entry.setPaused('here', false))
      throw new MsgError('MSG_ERR_USAGE', { detail: `${entry.user} has paused it, and has to continue it` })
    entry.download?.continue()
    if (entry.direction === 'out') this.#dispatch.continue(entry.id)
    for (const files of entry.receivers) files.send({ type: 'continue', id: entry.id })
    entry.tell('transfer.continued', 'you')
    return entry.status()
  }

  /** Ends a transfer; what was received is kept, and `accept` goes on with it. @throws MSG_ERR_TRANSFER_UNKNOWN */
  async stop(id: string): Promise<TransferStatus> {
    const entry = this.#book.find(id, undefined, ['offered', 'waiting', 'active', 'paused'])
    this.#book.tellGone(entry, 0)
    entry.tell('transfer.stopped', 'you')
    await this.#book.stopped(entry)
    return entry.status()
  }

  /** @param bytesPerSecond - null for no limit. @param id - without it, of everything that is sent. @throws MSG_ERR_TRANSFER_UNKNOWN */
  setLimit(bytesPerSecond: number | null, id?: string): void {
    const limit = bytesPerSecond ?? Infinity
    const entry = id === undefined ? undefined : this.#book.find(id, undefined, RUNNING)
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
    const entry = this.#book.find(id, 'out', RUNNING)
    entry.priority = PRIORITIES[priority]
    this.#dispatch.setPriority(entry.id, entry.priority)
  }

  /** What is in an offer: fetched from whoever made it. @throws MSG_ERR_TRANSFER_UNKNOWN, MSG_ERR_TIMEOUT */
  async contents(id: string, signal?: AbortSignal): Promise<TransferContents> {
    const entry = this.#book.find(id, undefined, undefined)
    const known = entry.upload?.content.source.manifest ?? entry.download?.metadata?.manifest
    const manifest = known ?? (await this.#receiving.browse(entry, signal)).manifest
    return { entries: manifest.entries.map(({ path, kind, size }) => ({ path, kind, size })) }
  }

  /** Oldest first. */
  list(): TransferStatus[] {
    return this.#book.entries.map((entry) => entry.status())
  }

  /** Somebody came into a room: is offered what is offered there, and asked for what this side lacks. */
  handleMember(room: string, user: string): void {
    for (const files of this.#book.links)
      if (files.peer.user === user)
        for (const entry of this.#book.entries) if (entry.room === room) this.#resume(entry, files)
  }

  /** Somebody left a room: is neither asked nor served any more. */
  handleMemberLeft(room: string, user: string): void {
    for (const files of this.#book.links)
      if (files.peer.user === user)
        for (const entry of this.#book.entries) if (entry.room === room) this.#book.part(entry, files)
  }

  /** This user is not in the room any more: what goes on there ends. */
  handleRoomClosed(room: string): void {
    for (const entry of this.#book.entries) {
      if (entry.room !== room) continue
      if (entry.state === 'offered' || entry.direction === 'out') void this.#book.stopped(entry)
      else this.#book.failed(entry, new MsgError('MSG_ERR_NOT_ROOM_MEMBER', { detail: room }))
      entry.upload?.close()
      entry.upload = undefined
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const end of this.#unregister) end()
    this.#dispatch.close()
    await Promise.all(
      this.#book.entries.map(async ({ download, upload, teller }) => {
        teller?.close()
        upload?.close()
        await download?.stop()
        await upload?.content.close()
      }),
    )
    await this.#disk.close()
  }

  #handleLink(link: Link, peer: LinkPeer): void {
    const files = new FilesLink(link, peer, {
      router: this.#router,
      onFrame: (from, frame) => this.#handleFrame(from, frame),
    })
    this.#links.set(link, files)
    this.#book.links.add(files)
    // Whoever else begins: the stream can be opened in the next turn, when the link has been told to everybody.
    setImmediate(() => {
      if (this.#isClosed) return
      for (const entry of this.#book.entries) this.#resume(entry, files)
    })
  }

  #handleLinkClosed(link: Link): void {
    const files = this.#links.get(link)
    this.#links.delete(link)
    if (files === undefined) return
    this.#book.links.delete(files)
    this.#dispatch.handleClosed(files)
    this.#receiving.handleClosed(files)
    for (const entry of this.#book.entries) {
      const hasReceived = entry.receivers.has(files)
      this.#book.part(entry, files)
      if (entry.files === files) entry.files = undefined
      if (hasReceived) this.#sending.handleClosed(entry)
    }
  }

  /** A link is there on which something that is not over can begin or go on. */
  #resume(entry: TransferEntry, files: FilesLink): void {
    if (entry.direction === 'out') this.#sending.resume(entry, files)
    else this.#receiving.resume(entry, files)
  }

  #handleFrame(files: FilesLink, frame: TransferFrame): void {
    if (frame.type === 'offer') return this.#receiving.handleOffer(files, frame.offer)
    const entry = this.#book.entryFor(files, frame)
    if (entry === undefined) {
      // It was over here, and the other side has not heard of it.
      if (frame.type === 'accept') files.send({ type: 'withdraw', id: frame.id })
      return
    }
    if (frame.type === 'stop') this.#handleStop(entry, files, frame.code)
    else if (frame.type === 'pause' || frame.type === 'continue') this.#handlePause(entry, files, frame)
    else if (!FROM_RECEIVER.has(frame.type)) this.#receiving.handleFrame(entry, files, frame)
    else if (entry.direction === 'out') void this.#sending.handleFrame(entry, files, frame)
    // Another member of a room has what it can from here.
    else if (frame.type === 'accept') this.#receiving.tellerOf(entry).addReader(files)
    else entry.upload?.handleFrame(files, frame)
  }

  /** @param code - of the error that made the other side stop; 0 for its wish. */
  #handleStop(entry: TransferEntry, files: FilesLink, code: number): void {
    entry.upload?.handleGone(files)
    entry.receivers.delete(files)
    if (entry.isOver) return
    if (entry.room !== null) {
      entry.download?.handleClosed(files)
      return
    }
    if (code === 0) entry.tell('transfer.stopped', 'them')
    else entry.tellFailed(errorOfWire(code, `${entry.offer.name}, at ${files.peer.user}`))
    // A receiver may want to go on later.
    if (entry.direction === 'out') {
      entry.setPaused('there', false)
      entry.setPhase('offered')
    } else void this.#book.stopped(entry)
  }

  #handlePause(entry: TransferEntry, files: FilesLink, frame: TransferFrame): void {
    // What nobody has accepted cannot be paused.
    if (!entry.isRunning && entry.room === null) return
    const isPaused = frame.type === 'pause'
    if (entry.direction === 'out' || entry.room !== null) entry.upload?.handleFrame(files, frame)
    entry.download?.handleFrame(files, frame)
    if (entry.room !== null || !entry.setPaused('there', isPaused)) return
    entry.tell(isPaused ? 'transfer.paused' : 'transfer.continued', 'them')
  }

  #sinkOf(id: string, link: Link): BlockSink {
    const files = this.#links.get(link)
    const entry = files && this.#book.entryFor(files, { type: 'error', id, code: 0 })
    if (!files || !entry?.download) throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: id })
    return entry.download.sinkFor(files)
  }
}

const RUNNING = ['offered', 'waiting', 'active', 'paused'] as const
