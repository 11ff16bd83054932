import { MsgError } from '../errors.ts'
import { TransferFrameDecoder } from '../transfer/frame-decoder.ts'
import { encodeFrame } from '../transfer/frame-writer.ts'
import type { Offer, TransferFrame } from '../transfer/frames.ts'
import type { TransferEvent, TransferJournal, TransferRecord } from './api.ts'
import type { FilesLink } from './files-link.ts'
import { TransferEntry, type TransferEntryFacts } from './transfer-entry.ts'
import type { Upload } from './upload.ts'

/** What a {@link TransferBook} is built with. */
export interface TransferBookDeps {
  readonly emit: (event: TransferEvent) => void
  readonly journal: TransferJournal
  /** Whether somebody is in a room with this user. */
  readonly isMember: (room: string, user: string) => boolean
}

/** The list of transfers and the links they can go over: finds them, ends them, and has the journal remember those that are not over. */
export class TransferBook {
  /** Links that are open. */
  readonly links = new Set<FilesLink>()
  readonly #deps: TransferBookDeps
  readonly #entries = new Map<string, TransferEntry>()

  constructor(deps: TransferBookDeps) {
    this.#deps = deps
  }

  /** Oldest first. */
  get entries(): TransferEntry[] {
    return [...this.#entries.values()]
  }

  get(direction: 'in' | 'out', id: string, user: string): TransferEntry | undefined {
    return this.#entries.get(keyOf(direction, id, user))
  }

  add(facts: TransferEntryFacts): TransferEntry {
    const entry = new TransferEntry(facts, this.#deps.emit)
    this.#entries.set(keyOf(entry.direction, entry.id, entry.user), entry)
    return entry
  }

  /** Takes over what another process had begun. @returns `undefined` for what this one knows, or cannot read. */
  adopt({ id, direction, user, offer: encoded, paths, state }: TransferRecord): TransferEntry | undefined {
    const offer = decodeOffer(encoded)
    if (offer === undefined || this.get(direction, id, user)) return undefined
    const entry = this.add({ direction, user, offer, paths, state: state === 'accepted' ? 'waiting' : state })
    entry.isAdopted = true
    this.keep(entry)
    return entry
  }

  /** Whether somebody is in a room with this user. */
  isMember(room: string, user: string): boolean {
    return this.#deps.isMember(room, user)
  }

  /** It is not listed any more. */
  remove({ direction, id, user }: TransferEntry): void {
    this.#entries.delete(keyOf(direction, id, user))
  }

  /** @param states - those it may be in. @default any */
  find(
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

  /** The transfer that a frame is about: of its user, or of a room that both are in. */
  entryFor(files: FilesLink, { type, id }: Exclude<TransferFrame, { type: 'offer' }>): TransferEntry | undefined {
    const { user } = files.peer
    const incoming = this.get('in', id, user)
    const outgoing = this.get('out', id, user) ?? this.get('out', id, '')
    const own = FROM_RECEIVER.has(type) ? outgoing : FROM_SOURCE.has(type) ? incoming : (incoming ?? outgoing)
    if (own && (own.user === user || this.isSharedWith(own, files))) return own
    for (const entry of this.#entries.values())
      if (entry.id === id && entry.direction === 'in' && this.isSharedWith(entry, files)) return entry
    return undefined
  }

  /** What answers for a content under this id, if anything does. */
  uploadOf(id: string): Upload | undefined {
    for (const { id: other, upload } of this.#entries.values()) if (other === id && upload) return upload
    return undefined
  }

  /** Whether a link leads to another member of the room that a transfer belongs to. */
  isSharedWith({ room }: TransferEntry, { peer }: FilesLink): boolean {
    return room !== null && this.#deps.isMember(room, peer.user)
  }

  /** Writes down what the next process needs to go on. A stream ends with its process. */
  keep({ id, direction, user, offer, paths, state, isKept }: TransferEntry): void {
    if (!offer.resumable || !isKept) return
    const kept = state === 'offered' ? 'offered' : 'accepted'
    this.#deps.journal.put({ id, direction, user, offer: encodeFrame({ type: 'offer', offer }), paths, state: kept })
  }

  /** A link takes no part in a transfer any more. */
  part(entry: TransferEntry, files: FilesLink): void {
    entry.upload?.handleGone(files)
    entry.download?.handleClosed(files)
    entry.teller?.removeReader(files)
    entry.receivers.delete(files)
    const isAlone = entry.direction === 'in' ? entry.download?.sources === 0 : entry.receivers.size === 0
    if (entry.state !== 'active' || !isAlone) return
    entry.state = entry.room !== null && entry.direction === 'out' ? 'offered' : 'waiting'
  }

  /** Tells those who take part that this side is out. @param code - 0 without a fault. */
  tellGone(entry: TransferEntry, code: number): void {
    const { id, direction, user } = entry
    for (const files of this.links) {
      if (files.peer.user !== user && !this.isSharedWith(entry, files)) continue
      if (direction === 'out' && !entry.receivers.has(files)) files.send({ type: 'withdraw', id })
      else files.send({ type: 'stop', id, code })
    }
  }

  /** It ends with an error, which is told. */
  failed(entry: TransferEntry, error: MsgError): void {
    if (entry.isOver) return
    entry.tellFailed(error)
    void entry.download?.stop().catch(() => {})
    this.end(entry, 'failed')
  }

  /** It ends by somebody's wish. */
  async stopped(entry: TransferEntry): Promise<void> {
    const { download } = entry
    this.end(entry, 'stopped')
    await download?.stop()
  }

  /** It is over; a download that was stopped or failed can be accepted again while the offer is known. */
  end(entry: TransferEntry, state: TransferEntry['state']): void {
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

const keyOf = (direction: 'in' | 'out', id: string, user: string): string => `${direction} ${id} ${user}`

/** Who says what. */
const FROM_SOURCE: ReadonlySet<string> = new Set(['withdraw', 'manifest', 'hashes', 'have', 'root', 'error'])
export const FROM_RECEIVER: ReadonlySet<string> = new Set([
  'accept',
  'decline',
  'manifest-want',
  'hashes-want',
  'want',
  'cancel',
  'root-want',
  'done',
])
/** Transfers that are over and still listed. */
const MAX_OVER = 256
