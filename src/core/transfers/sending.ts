import { randomBytes } from 'node:crypto'
import { MsgError } from '../errors.ts'
import type { DiskThread } from '../io/transfer/disk-thread.ts'
import { FileSource } from '../io/transfer/file-source.ts'
import { ID_SIZE, type Offer, type TransferFrame } from '../transfer/frames.ts'
import { equalHashes, manifestHash } from '../transfer/hash.ts'
import type { SendOptions, TransferPriority } from './api.ts'
import type { BlockDispatch } from './block-dispatch.ts'
import { Content } from './content.ts'
import type { FilesLink } from './files-link.ts'
import type { TransferBook } from './transfer-book.ts'
import type { TransferEntry } from './transfer-entry.ts'
import { Upload } from './upload.ts'

/** To whom something is sent. */
export type TransferTarget = { readonly user: string } | { readonly room: string }

/** What is offered, beside the content. */
export interface OfferOptions extends SendOptions {
  /** 32 hex digits. @default a random one */
  readonly id?: string
  /** Where it is known before the first byte goes. */
  readonly root?: Uint8Array | undefined
  /** Where the next process finds the content again; absolute. */
  readonly paths?: readonly string[]
  /** Whether the next process goes on with it. @default true */
  readonly isKept?: boolean
}

/** The side that offers: makes offers, answers those who accept, finds the content again that a former process had offered. */
export class Sending {
  readonly #book: TransferBook
  readonly #disk: DiskThread
  readonly #dispatch: BlockDispatch
  readonly #reopening = new Map<TransferEntry, Promise<Upload>>()

  constructor(book: TransferBook, disk: DiskThread, dispatch: BlockDispatch) {
    this.#book = book
    this.#disk = disk
    this.#dispatch = dispatch
  }

  /** Offers a content; once more when another process had begun to send the same. */
  offer(target: TransferTarget, content: Content, options: OfferOptions): TransferEntry {
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
    const entry = this.#book.add({ direction: 'out', user, offer, paths: options.paths ?? [], state: 'offered' })
    entry.isKept = options.isKept ?? true
    entry.priority = PRIORITIES[options.priority ?? 'normal']
    entry.limit = options.limit
    this.#upload(entry, content)
    this.#book.keep(entry)
    for (const files of this.#book.links) this.resume(entry, files)
    return entry
  }

  /** Offers it on a link to whom it is for. */
  resume(entry: TransferEntry, files: FilesLink): void {
    const { user, offer } = entry
    if (!files.isOpen || entry.isOver) return
    if (user === files.peer.user || this.#book.isSharedWith(entry, files)) files.send({ type: 'offer', offer })
  }

  /** What a receiver says. */
  async handleFrame(entry: TransferEntry, files: FilesLink, frame: ReceiverFrame): Promise<void> {
    if (frame.type === 'decline') {
      if (entry.isOver) return
      entry.tellDeclined(files.peer.user)
      if (entry.room === null) this.#book.end(entry, 'declined')
      return
    }
    if (entry.isOver) return files.send({ type: 'withdraw', id: frame.id })
    try {
      // Another process offered it: it is offered again from where it lies.
      const upload = entry.upload ?? (await this.#reopen(entry))
      if (frame.type === 'accept') this.#handleAccept(entry, files)
      upload.handleFrame(files, frame)
    } catch (error) {
      files.sendError(entry.id, MsgError.of(error))
      this.#book.failed(entry, MsgError.of(error))
    }
  }

  #handleAccept(entry: TransferEntry, files: FilesLink): void {
    // One of a user's devices receives it: the others are told that it is gone.
    if (entry.room === null)
      for (const other of this.#book.links)
        if (other !== files && other.peer.user === entry.user) other.send({ type: 'withdraw', id: entry.id })
    entry.files = files
    entry.receivers.add(files)
    entry.handleCarrier(files)
    entry.handleStarted()
    if (entry.state === 'paused') files.send({ type: 'pause', id: entry.id })
    this.#book.keep(entry)
  }

  /** The same content for the same user, which another process began to send and did not finish. */
  #begunBefore(user: string, { manifestHash: hash }: Offer): TransferEntry | undefined {
    if (user === '') return undefined
    return this.#book.entries.find(
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
          const moved = entry.room ? size : Math.min(size, entry.bytes)
          if (!entry.room) entry.bytes = size
          entry.tellDone({ root, lastByte, size, moved, path: null, sources: 1, receiver })
          if (!entry.room) this.#book.end(entry, 'done')
        },
        onFailed: (error) => {
          for (const files of entry.receivers) files.sendError(id, error)
          this.#book.failed(entry, error)
        },
      },
    })
    entry.upload = upload
    if (entry.limit !== undefined) this.#dispatch.setRate(entry.limit, id)
    if (entry.state === 'paused') this.#dispatch.pause(id)
    return upload
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
}

type ReceiverFrame = Exclude<TransferFrame, { readonly type: 'offer' }>

const changed = (name: string): MsgError => new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: name })

/** As the plan of what is sent counts: lower goes first. */
export const PRIORITIES: Readonly<Record<TransferPriority, number>> = { high: 0, normal: 1, low: 2 }
