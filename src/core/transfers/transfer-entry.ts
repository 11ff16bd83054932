import type { Writable } from 'node:stream'
import type { MsgError } from '../errors.ts'
import { now } from '../io/clock.ts'
import { millis, seconds, type Instant } from '../time/instant.ts'
import type { Offer } from '../transfer/frames.ts'
import { RateMeter } from '../transfer/rate-meter.ts'
import { createReceipt, timeLeft } from '../transfer/receipt.ts'
import type { TransferEvent, TransferStatus } from './api.ts'
import type { Download } from './download.ts'
import type { FilesLink } from './files-link.ts'
import type { HaveTeller } from './have-teller.ts'
import type { Upload } from './upload.ts'

/** What a {@link TransferEntry} begins with. */
export interface TransferEntryFacts {
  readonly direction: 'in' | 'out'
  /** The other user; '' for what this side offers to a room. */
  readonly user: string
  readonly offer: Offer
  /** Outgoing: what is offered. Incoming: the download root. Absolute. */
  readonly paths: readonly string[]
  readonly state: TransferStatus['state']
}

/** One row of the list of transfers: where it stands, and what is told of it. */
export class TransferEntry {
  readonly id: string
  readonly direction: 'in' | 'out'
  readonly user: string
  readonly offer: Offer
  paths: readonly string[]
  /** Takes the bytes instead of a download root. */
  sink: Writable | undefined
  state: TransferStatus['state']
  /** Verified here, or sent, bytes. */
  bytes = 0
  /** Bytes each second at most, the receiver's own. */
  limit: number | undefined
  /** Fraction at which it is asked whether to go on. */
  checkpoint: number | undefined
  /** Lower goes first. */
  priority = 1
  /** Begun by a process that is gone, and not asked for in this one. */
  isAdopted = false
  /** Whether the next process goes on with it. */
  isKept = true
  download: Download | undefined
  upload: Upload | undefined
  /** Tells other members of a room what can be had here. */
  teller: HaveTeller | undefined
  /** The link to who offered it, or who accepted it last. */
  files: FilesLink | undefined
  /** Links that receive it now. */
  readonly receivers = new Set<FilesLink>()
  readonly #emit: (event: TransferEvent) => void
  #startedAt: Instant | undefined
  /** Bytes that were there when it began. */
  #before = 0
  #toldAt: Instant = -PROGRESS_GAP
  #meter = new RateMeter(now(), RATE_PERIOD)
  /** Packets that links had lost when they began to carry it. */
  readonly #lostBefore = new Map<FilesLink, number>()

  constructor({ direction, user, offer, paths, state }: TransferEntryFacts, emit: (event: TransferEvent) => void) {
    this.id = offer.id
    this.direction = direction
    this.user = user
    this.offer = offer
    this.paths = paths
    this.state = state
    this.#emit = emit
  }

  get isOver(): boolean {
    return OVER.has(this.state)
  }

  get room(): string | null {
    return this.offer.room || null
  }

  status(): TransferStatus {
    const { id, direction, offer, state, bytes, download } = this
    const size = download?.size ?? offer.size
    const rate = state === 'active' ? (this.#meter.rate ?? 0) : 0
    return {
      id,
      direction,
      with: this.user || null,
      room: this.room,
      name: offer.name,
      kind: offer.kind,
      size: size < 0 ? null : size,
      files: offer.entryCount,
      bytes,
      rate,
      etaSeconds: timeLeft(bytes, size, rate),
      sources: direction === 'in' ? (download?.sources ?? 0) : this.receivers.size,
      state,
    }
  }

  /** A link carries it from here on. */
  handleCarrier(files: FilesLink): void {
    if (!this.#lostBefore.has(files)) this.#lostBefore.set(files, files.link.stats().packetsLost)
  }

  /** Bytes go over a link, now or again. @param bytes - that are there already. */
  handleStarted(bytes = this.bytes): void {
    this.bytes = bytes
    if (this.state !== 'paused') this.state = 'active'
    if (this.#startedAt !== undefined) return
    this.#startedAt = now()
    this.#before = bytes
    this.#meter = new RateMeter(this.#startedAt, RATE_PERIOD)
    const { size, name } = this.offer
    this.#emit({ type: 'transfer.started', ...this.#facts(), name, size: size < 0 ? null : size })
  }

  /** @param bytes - in all, so far. */
  handleProgress(bytes: number): void {
    const at = now()
    this.#meter.add(at, Math.max(0, bytes - this.bytes))
    this.bytes = bytes
    if (at - this.#toldAt < PROGRESS_GAP) return
    this.#toldAt = at
    const { rate, etaSeconds, size, sources } = this.status()
    const via = this.files?.isOpen ? this.files.link.stats().path : null
    this.#emit({ type: 'transfer.progress', ...this.#facts(), bytes, size, rate, etaSeconds, sources, via })
  }

  handleOffered(): void {
    const { id, name, kind, size, entryCount: files } = this.offer
    this.#emit({
      type: 'transfer.offered',
      id,
      from: this.user,
      room: this.room,
      name,
      kind,
      size: size < 0 ? null : size,
      files,
    })
  }

  handleCheckpoint(fraction: number): void {
    this.state = 'paused'
    const { size, bytes } = this.status()
    this.#emit({
      type: 'transfer.checkpoint',
      ...this.#facts(),
      name: this.offer.name,
      fraction,
      bytes,
      size: size ?? bytes,
    })
  }

  /** @param type - what became of it. @param by - whose wish it was. */
  tell(type: 'transfer.paused' | 'transfer.continued' | 'transfer.stopped', by: 'you' | 'them'): void {
    this.#emit({ type, ...this.#facts(), name: this.offer.name, by })
  }

  tellDeclined(by: string): void {
    this.#emit({ type: 'transfer.declined', id: this.id, with: by, name: this.offer.name, room: this.room })
  }

  /** A source is asked nothing more. @param source - whose. */
  tellBlocked(source: string, { code, message }: MsgError): void {
    this.#emit({ type: 'transfer.blocked', ...this.#facts(), name: this.offer.name, source, code, message })
  }

  /** @param receiver - at the side that sends, who has it. */
  tellDone({ root, lastByte, path, size, moved = size - this.#before, sources, receiver }: DoneFacts): void {
    const took = now() - (this.#startedAt ?? now())
    let retransmits = 0
    for (const [{ link }, before] of this.#lostBefore) retransmits += Math.max(0, link.stats().packetsLost - before)
    const receipt = createReceipt({ root, took, bytes: size, moved, lastByte, path, retransmits, sources })
    const via = this.files?.isOpen ? this.files.link.stats().path : null
    const facts = receiver === undefined ? this.#facts() : { ...this.#facts(), with: receiver }
    this.#emit({ type: 'transfer.done', ...facts, name: this.offer.name, ...receipt, via })
  }

  tellFailed({ code, message }: MsgError): void {
    this.#emit({ type: 'transfer.failed', ...this.#facts(), name: this.offer.name, code, message })
  }

  #facts(): { id: string; direction: 'in' | 'out'; with: string | null; room: string | null } {
    return { id: this.id, direction: this.direction, with: this.user || null, room: this.room }
  }
}

/** What is told when all of it is there. */
interface DoneFacts {
  readonly root: Uint8Array
  readonly lastByte: number | null
  readonly path: string | null
  /** Bytes. */
  readonly size: number
  /** Bytes that went over links now. @default what was not there when it began */
  readonly moved?: number
  readonly sources: number
  readonly receiver?: string
}

const OVER: ReadonlySet<string> = new Set(['done', 'failed', 'stopped', 'declined'])
/** What a rate is the mean of. */
const RATE_PERIOD = seconds(3)
/** At most ten progress events a second. */
const PROGRESS_GAP = millis(100)
