import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { ERRORS, MsgError } from '../errors.ts'
import { now } from '../io/clock.ts'
import type { BlockSource } from '../io/transfer/block-source.ts'
import { DiskStore } from '../io/transfer/disk-store.ts'
import { DiskThread } from '../io/transfer/disk-thread.ts'
import { FileSource } from '../io/transfer/file-source.ts'
import { StreamSource } from '../io/transfer/stream-source.ts'
import { millis, seconds, type Instant } from '../time/instant.ts'
import type { Link } from '../transport/endpoint-api.ts'
import { BLOCKS_PROTOCOL } from '../transfer/block-stream.ts'
import { TransferFrameDecoder } from '../transfer/frame-decoder.ts'
import { encodeFrame } from '../transfer/frame-writer.ts'
import { FILES_PROTOCOL, ID_SIZE, type Offer, type TransferFrame } from '../transfer/frames.ts'
import { equalHashes, manifestHash } from '../transfer/hash.ts'
import { encodeManifest } from '../transfer/manifest-codec.ts'
import { RateMeter } from '../transfer/rate-meter.ts'
import { createReceipt, timeLeft } from '../transfer/receipt.ts'
import type { LinkPeer } from '../streams/link-stream.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { TransferEvent, TransferJournal, TransferRecord, TransferStatus } from './api.ts'
import { BlockReceiver } from './block-receiver.ts'
import { BLOCKS_PRIORITY } from './block-sender.ts'
import { FILES_PRIORITY, FilesLink } from './files-link.ts'
import { Incoming } from './incoming.ts'
import { Outgoing } from './outgoing.ts'

/** What {@link Transfers} are built with. */
export interface TransfersDeps {
  readonly router: StreamRouter
  readonly emit: (event: TransferEvent) => void
  readonly journal: TransferJournal
}

/** One row of the list: a content on its way to or from one user. */
interface Entry {
  readonly id: string
  readonly direction: 'in' | 'out'
  readonly user: string
  readonly offer: Offer
  paths: readonly string[]
  state: TransferStatus['state']
  /** Verified here, or sent, bytes. */
  bytes: number
  startedAt: Instant | undefined
  toldAt: Instant
  /** Packets the link had lost when it began. */
  lostBefore: number
  meter: RateMeter
  outgoing?: Outgoing
  incoming?: Incoming
  files?: FilesLink
}

/** Everything that is sent to, and received from, other users: what is offered, on its way, paused; durable until it is over. */
export class Transfers {
  readonly #deps: TransfersDeps
  readonly #disk = new DiskThread()
  readonly #entries = new Map<string, Entry>()
  readonly #links = new Map<Link, FilesLink>()
  /** Download roots of what is accepted by itself, by entry. */
  readonly #expected = new Map<string, string>()
  readonly #unregister: Array<() => void>
  #isClosed = false

  constructor(deps: TransfersDeps) {
    this.#deps = deps
    const { router } = deps
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
      const key = keyOf(direction, id, user)
      if (offer === undefined || this.#entries.has(key)) continue
      const entry = this.#add({ id, direction, user, offer, paths, state: state === 'accepted' ? 'waiting' : state })
      this.#keep(entry)
      for (const files of this.#filesOf(user)) this.#resume(entry, files)
    }
  }

  /**
   * Offers files and folders to a user; resolves when the offer is durable. It goes out as soon as there is a link.
   *
   * @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_LIMIT
   */
  async offer(user: string, paths: readonly string[], { name }: { name?: string } = {}): Promise<TransferStatus> {
    const absolute = paths.map((path) => resolve(path))
    const source = await FileSource.open(absolute, this.#disk, { name })
    return this.#offer(user, source, absolute)
  }

  /**
   * Offers under an id that the other side has chosen and expects. Asked for again, the offer is repeated.
   *
   * @param id - 32 hex digits
   * @throws MSG_ERR_FILE_UNKNOWN, MSG_ERR_LIMIT; MSG_ERR_TRANSFER_CHANGED when it is not what it was the first time: that transfer has failed
   */
  async offerTo(
    user: string,
    id: string,
    paths: readonly string[],
    { name, skipHidden }: { name?: string; skipHidden?: boolean } = {},
  ): Promise<TransferStatus> {
    const absolute = paths.map((path) => resolve(path))
    const source = await FileSource.open(absolute, this.#disk, { name, skipHidden })
    const known = this.#entries.get(keyOf('out', id, user))
    if (known === undefined || OVER.has(known.state)) return this.#offer(user, source, absolute, id)
    if (!manifestHash(encodeManifest(source.manifest)).equals(known.offer.manifestHash)) {
      const changed = new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: known.offer.name })
      this.#failed(known, changed)
      throw changed
    }
    for (const files of this.#filesOf(user)) files.send({ type: 'offer', offer: known.offer })
    return statusOf(known)
  }

  /** Accepts by itself what `user` is going to offer under `id`. @returns gives that up */
  expect(id: string, user: string, to: string): () => void {
    const key = keyOf('in', id, user)
    this.#expected.set(key, resolve(to))
    return () => void this.#expected.delete(key)
  }

  /** Forgets a transfer of `user`, telling them that it has stopped if it had not ended. */
  async drop(id: string, user: string): Promise<void> {
    for (const direction of ['in', 'out'] as const) {
      const entry = this.#entries.get(keyOf(direction, id, user))
      if (!entry) continue
      this.#entries.delete(keyOf(direction, id, user))
      if (OVER.has(entry.state)) continue
      if (entry.state === 'offered' && direction === 'in') entry.files?.send({ type: 'decline', id, code: 0 })
      else {
        entry.files?.send({ type: 'stop', id, code: 0 })
        this.#emit(entry, 'transfer.stopped', 'them')
      }
      await this.#stopped(entry)
    }
  }

  /** Offers what a stream brings, once and in order. */
  offerStream(user: string, stream: Readable, name: string): TransferStatus {
    return this.#offer(user, new StreamSource(stream, this.#disk, { name, mtime: Date.now() }), [])
  }

  /** Receives what was offered, or goes on with what was stopped or failed. @param to - download root. @throws MSG_ERR_TRANSFER_UNKNOWN */
  accept(id: string, to: string): TransferStatus {
    const entry = this.#find(id, 'in', ['offered', 'stopped', 'failed'])
    entry.paths = [resolve(to)]
    entry.state = 'waiting'
    this.#keep(entry)
    const files = entry.files ?? this.#filesOf(entry.user)[0]
    if (files) this.#receive(entry, files)
    return statusOf(entry)
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  decline(id: string): TransferStatus {
    const entry = this.#find(id, 'in', ['offered', 'stopped', 'failed'])
    entry.files?.send({ type: 'decline', id: entry.id, code: 0 })
    this.#end(entry, 'declined')
    return statusOf(entry)
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  pause(id: string): TransferStatus {
    const entry = this.#find(id, undefined, ['waiting', 'active'])
    entry.state = 'paused'
    if (entry.direction === 'in') entry.incoming?.pause()
    else this.#toReceiver(entry, 'pause')
    this.#emit(entry, 'transfer.paused', 'you')
    return statusOf(entry)
  }

  /** @throws MSG_ERR_TRANSFER_UNKNOWN */
  continue(id: string): TransferStatus {
    const entry = this.#find(id, undefined, ['paused'])
    entry.state = 'active'
    if (entry.direction === 'in') entry.incoming?.continue()
    else this.#toReceiver(entry, 'continue')
    this.#emit(entry, 'transfer.continued', 'you')
    return statusOf(entry)
  }

  /** Ends a transfer; what was received is kept, and `accept` goes on with it. @throws MSG_ERR_TRANSFER_UNKNOWN */
  async stop(id: string): Promise<TransferStatus> {
    const entry = this.#find(id, undefined, ['offered', 'waiting', 'active', 'paused'])
    entry.files?.send({ type: 'stop', id: entry.id, code: 0 })
    this.#emit(entry, 'transfer.stopped', 'you')
    await this.#stopped(entry)
    return statusOf(entry)
  }

  /** Oldest first. */
  list(): TransferStatus[] {
    return [...this.#entries.values()].map(statusOf)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const end of this.#unregister) end()
    await Promise.all(
      [...this.#entries.values()].map(async ({ incoming, outgoing }) => {
        await incoming?.stop()
        await outgoing?.close()
      }),
    )
    await this.#disk.close()
  }

  #offer(
    user: string,
    source: BlockSource,
    paths: readonly string[],
    id: string = randomBytes(ID_SIZE).toString('hex'),
  ): TransferStatus {
    const { manifest } = source
    const encoded = encodeManifest(manifest)
    const offer: Offer = {
      id,
      kind: manifest.kind,
      resumable: source.isSeekable,
      name: manifest.name,
      size: manifest.size,
      entryCount: manifest.entries.length,
      blockSize: manifest.blockSize,
      manifestLength: encoded.byteLength,
      manifestHash: manifestHash(encoded),
      room: '',
      root: undefined,
    }
    const entry = this.#add({ id: offer.id, direction: 'out', user, offer, paths, state: 'offered' })
    entry.outgoing = this.#outgoing(entry, source, encoded)
    this.#keep(entry)
    for (const files of this.#filesOf(user)) files.send({ type: 'offer', offer })
    return statusOf(entry)
  }

  #outgoing(entry: Entry, source: BlockSource, encoded: Uint8Array): Outgoing {
    return new Outgoing(entry.offer, source, encoded, {
      router: this.#deps.router,
      listener: {
        onStarted: (_outgoing, files) => this.#start(entry, files),
        onSent: (_outgoing, _files, bytes) => {
          entry.bytes += bytes
          entry.meter.add(now(), bytes)
          this.#progress(entry)
        },
        onDone: (outgoing, files) => this.#sent(entry, outgoing, files),
        onFailed: (_outgoing, error) => {
          entry.files?.send({ type: 'error', id: entry.id, code: codeOf(error) })
          this.#failed(entry, error)
        },
      },
    })
  }

  #receive(entry: Entry, files: FilesLink): void {
    entry.files = files
    entry.incoming ??= new Incoming(entry.offer, {
      openStore: (manifest, key) => DiskStore.open(this.#disk, { root: entry.paths[0]!, manifest, key }),
      listener: {
        onStarted: () => this.#start(entry, entry.files!),
        onProgress: ({ bytes }) => {
          entry.meter.add(now(), bytes - entry.bytes)
          entry.bytes = bytes
          this.#progress(entry)
        },
        onDone: (incoming, landed, root, lastByte) => {
          entry.bytes = incoming.bytes
          this.#done(entry, root, lastByte, landed.path)
        },
        onFailed: (_incoming, error) => {
          entry.files?.send({ type: 'stop', id: entry.id, code: codeOf(error) })
          this.#failed(entry, error)
        },
      },
    })
    entry.incoming.start(files)
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
      for (const entry of this.#entries.values()) if (entry.user === peer.user) this.#resume(entry, files)
    })
  }

  #handleLinkClosed(link: Link): void {
    const files = this.#links.get(link)
    this.#links.delete(link)
    if (files === undefined) return
    for (const entry of this.#entries.values()) {
      entry.outgoing?.handleClosed(files)
      entry.incoming?.handleClosed(files)
      if (entry.files !== files) continue
      delete entry.files
      if (entry.state === 'active') entry.state = 'waiting'
    }
  }

  /** A link to the other user is there: offers again what is not over, and the receiver goes on from what it has. */
  #resume(entry: Entry, files: FilesLink): void {
    if (entry.direction === 'out' && ['offered', 'waiting', 'paused'].includes(entry.state))
      files.send({ type: 'offer', offer: entry.offer })
  }

  #handleFrame(files: FilesLink, frame: TransferFrame): void {
    const { user } = files.peer
    if (frame.type === 'offer') return this.#handleOffer(files, frame.offer)
    const { id } = frame
    const incoming = this.#entries.get(keyOf('in', id, user))
    const outgoing = this.#entries.get(keyOf('out', id, user))
    if (incoming && FROM_SOURCE.has(frame.type)) this.#handleFromSource(incoming, files, frame)
    else if (outgoing && FROM_RECEIVER.has(frame.type)) void this.#handleFromReceiver(outgoing, files, frame)
    if (frame.type === 'stop') {
      const entry = incoming ?? outgoing
      if (!entry || OVER.has(entry.state)) return
      this.#emit(entry, 'transfer.stopped', 'them')
      void this.#stopped(entry)
    } else if (frame.type === 'pause' || frame.type === 'continue') {
      const entry = incoming ?? outgoing
      const isPaused = frame.type === 'pause'
      if (!entry || entry.state === (isPaused ? 'paused' : 'active') || OVER.has(entry.state)) return
      entry.state = isPaused ? 'paused' : 'active'
      this.#emit(entry, isPaused ? 'transfer.paused' : 'transfer.continued', 'them')
    }
  }

  #handleOffer(files: FilesLink, offer: Offer): void {
    const { user } = files.peer
    const key = keyOf('in', offer.id, user)
    const known = this.#entries.get(key)
    const root = this.#expected.get(key)
    if (known === undefined && root !== undefined)
      return this.#receive(
        this.#add({ id: offer.id, direction: 'in', user, offer, paths: [root], state: 'waiting' }),
        files,
      )
    if (known && !equalHashes(known.offer.manifestHash, offer.manifestHash)) {
      files.send({ type: 'stop', id: offer.id, code: ERRORS.MSG_ERR_TRANSFER_CHANGED.wire })
      const { incoming } = known
      this.#failed(known, new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: offer.name }))
      return void incoming?.stop()
    }
    if (known) {
      if (known.state === 'waiting' || known.state === 'paused') this.#receive(known, files)
      else if (known.state === 'offered') known.files = files
      return
    }
    const isFull = [...this.#entries.values()].filter(
      (entry) => entry.user === user && entry.state === 'offered',
    ).length
    if (isFull >= MAX_OFFERS) return files.send({ type: 'decline', id: offer.id, code: 0 })
    const entry = this.#add({ id: offer.id, direction: 'in', user, offer, paths: [], state: 'offered' })
    entry.files = files
    const { name, kind, size, entryCount: files_ } = offer
    this.#deps.emit({
      type: 'transfer.offered',
      id: offer.id,
      from: user,
      room: null,
      name,
      kind,
      size: size < 0 ? null : size,
      files: files_,
    })
  }

  #handleFromSource(entry: Entry, files: FilesLink, frame: TransferFrame): void {
    if (frame.type === 'withdraw') {
      if (entry.state === 'offered') this.#end(entry, 'stopped')
      return
    }
    entry.incoming?.handleFrame(files, frame)
  }

  async #handleFromReceiver(entry: Entry, files: FilesLink, frame: TransferFrame): Promise<void> {
    entry.files = files
    if (frame.type === 'decline') {
      this.#deps.emit({ type: 'transfer.declined', id: entry.id, with: entry.user, name: entry.offer.name })
      this.#end(entry, 'declined')
      return
    }
    if (OVER.has(entry.state)) return
    try {
      // Another process offered it: it is offered again from where it lies.
      entry.outgoing ??= await this.#reopen(entry)
    } catch (error) {
      if (!MsgError.is(error)) throw error
      files.send({ type: 'error', id: entry.id, code: codeOf(error) })
      this.#failed(entry, error)
      return
    }
    entry.outgoing.handleFrame(files, frame)
  }

  #reopening = new Map<Entry, Promise<Outgoing>>()

  #reopen(entry: Entry): Promise<Outgoing> {
    const known = this.#reopening.get(entry)
    if (known) return known
    const opening = (async () => {
      const changed = new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: entry.offer.name })
      if (!entry.offer.resumable) throw changed
      const { name, blockSize } = entry.offer
      const source = await FileSource.open(entry.paths, this.#disk, { name, blockSize })
      const encoded = encodeManifest(source.manifest)
      if (!manifestHash(encoded).equals(entry.offer.manifestHash)) throw changed
      return this.#outgoing(entry, source, encoded)
    })()
    this.#reopening.set(entry, opening)
    void opening.catch(() => {}).finally(() => this.#reopening.delete(entry))
    return opening
  }

  #sinkOf(id: string, link: Link): Incoming {
    const files = this.#links.get(link)
    const entry = files && this.#entries.get(keyOf('in', id, files.peer.user))
    if (!entry?.incoming) throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: id })
    return entry.incoming
  }

  #start(entry: Entry, files: FilesLink): void {
    entry.files = files
    if (entry.state === 'active') return
    if (entry.state !== 'paused') entry.state = 'active'
    if (entry.direction === 'out') this.#keep(entry)
    if (entry.startedAt !== undefined) return
    entry.startedAt = now()
    entry.meter = new RateMeter(entry.startedAt, RATE_PERIOD)
    entry.lostBefore = files.link.stats().packetsLost
    const { id, direction, user, offer } = entry
    const size = offer.size < 0 ? null : offer.size
    this.#deps.emit({ type: 'transfer.started', id, direction, with: user, name: offer.name, size })
  }

  #progress(entry: Entry): void {
    const at = now()
    if (at - entry.toldAt < PROGRESS_GAP) return
    entry.toldAt = at
    const { id, direction, bytes, rate, etaSeconds, size } = statusOf(entry)
    this.#deps.emit({
      type: 'transfer.progress',
      id,
      direction,
      with: entry.user,
      bytes,
      size,
      rate,
      etaSeconds,
    })
  }

  #sent(entry: Entry, outgoing: Outgoing, files: FilesLink): void {
    entry.files = files
    void outgoing.root.then(({ root, lastByte, size }) => {
      entry.bytes = size
      this.#done(entry, root, lastByte, null)
    })
  }

  #done(entry: Entry, root: Uint8Array, lastByte: number | null, path: string | null): void {
    const stats = entry.files?.isOpen ? entry.files.link.stats() : undefined
    const retransmits = Math.max(0, (stats?.packetsLost ?? 0) - entry.lostBefore)
    const took = now() - (entry.startedAt ?? now())
    const receipt = createReceipt({ root, took, bytes: entry.bytes, lastByte, path, retransmits, sources: 1 })
    const { id, direction, user, offer } = entry
    this.#deps.emit({
      type: 'transfer.done',
      id,
      direction,
      with: user,
      name: offer.name,
      ...receipt,
      via: stats?.path ?? null,
    })
    this.#end(entry, 'done')
  }

  #failed(entry: Entry, error: MsgError): void {
    if (OVER.has(entry.state)) return
    const { id, direction, user, offer } = entry
    const { code, message } = error
    this.#deps.emit({ type: 'transfer.failed', id, direction, with: user, name: offer.name, code, message })
    this.#end(entry, 'failed')
  }

  async #stopped(entry: Entry): Promise<void> {
    const { incoming } = entry
    this.#end(entry, 'stopped')
    await incoming?.stop()
  }

  /** It is over; a download that was stopped or failed can be accepted again while the offer is known. */
  #end(entry: Entry, state: Entry['state']): void {
    entry.state = state
    delete entry.incoming
    void entry.outgoing?.close()
    delete entry.outgoing
    this.#deps.journal.remove(entry.id, entry.direction, entry.user)
  }

  #toReceiver(entry: Entry, type: 'pause' | 'continue'): void {
    if (!entry.files) return
    entry.outgoing?.handleFrame(entry.files, { type, id: entry.id })
    entry.files.send({ type, id: entry.id })
  }

  #emit(entry: Entry, type: 'transfer.paused' | 'transfer.continued' | 'transfer.stopped', by: 'you' | 'them'): void {
    const { id, direction, user, offer } = entry
    this.#deps.emit({ type, id, direction, with: user, name: offer.name, by })
  }

  #add(facts: Pick<Entry, 'id' | 'direction' | 'user' | 'offer' | 'paths' | 'state'>): Entry {
    const at = now()
    const entry: Entry = {
      ...facts,
      bytes: 0,
      startedAt: undefined,
      toldAt: 0,
      lostBefore: 0,
      meter: new RateMeter(at, RATE_PERIOD),
    }
    this.#entries.set(keyOf(entry.direction, entry.id, entry.user), entry)
    return entry
  }

  /** Writes down what the next process needs to go on. A stream ends with its process. */
  #keep({ id, direction, user, offer, paths, state }: Entry): void {
    if (!offer.resumable) return
    const encoded = encodeFrame({ type: 'offer', offer })
    const kept = state === 'offered' ? 'offered' : 'accepted'
    this.#deps.journal.put({ id, direction, user, offer: encoded, paths, state: kept })
  }

  #filesOf(user: string): FilesLink[] {
    return [...this.#links.values()].filter(({ peer }) => peer.user === user)
  }

  #find(id: string, direction: 'in' | 'out' | undefined, states: ReadonlyArray<Entry['state']>): Entry {
    const matches = [...this.#entries.values()].filter(
      (entry) =>
        id !== '' && entry.id.startsWith(id.toLowerCase()) && (direction ?? entry.direction) === entry.direction,
    )
    const found = matches.filter(({ state }) => states.includes(state))
    if (found.length !== 1)
      throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: found.length > 1 ? `${id} begins several` : id })
    return found[0]!
  }
}

function statusOf({ id, direction, user, offer, state, bytes, meter, incoming }: Entry): TransferStatus {
  const size = incoming?.size ?? offer.size
  const rate = state === 'active' ? (meter.rate ?? 0) : 0
  return {
    id,
    direction,
    with: user,
    name: offer.name,
    kind: offer.kind,
    size: size < 0 ? null : size,
    files: offer.entryCount,
    bytes,
    rate,
    etaSeconds: timeLeft(bytes, size, rate),
    state,
  }
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

/** What the other side is told of an error. */
const codeOf = ({ spec }: MsgError): number => spec.wire ?? ERRORS.MSG_ERR_INTERNAL.wire

const keyOf = (direction: 'in' | 'out', id: string, user: string): string => `${direction} ${id} ${user}`

const OVER: ReadonlySet<string> = new Set(['done', 'failed', 'stopped', 'declined'])
/** Who says what. */
const FROM_SOURCE: ReadonlySet<string> = new Set(['withdraw', 'manifest', 'hashes', 'root', 'error'])
const FROM_RECEIVER: ReadonlySet<string> = new Set([
  'accept',
  'decline',
  'manifest-want',
  'want',
  'cancel',
  'pause',
  'continue',
  'done',
])
/** Offers of one user that wait for an answer. */
const MAX_OFFERS = 64
/** What a rate is the mean of. */
const RATE_PERIOD = seconds(3)
/** At most ten progress events a second. */
const PROGRESS_GAP = millis(100)
