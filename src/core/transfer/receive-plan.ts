import { MsgError } from '../errors.ts'
import { seconds, type Duration, type Instant } from '../time/instant.ts'
import { RangeSet, type Range } from '../wire/range-set.ts'
import { Bitmap, type ReadonlyBitmap } from './bitmap.ts'
import { blockCount, blockLength } from './manifest.ts'
import { RateMeter } from './rate-meter.ts'
import { Checkpoints, timeLeft, type TransferProgress } from './receipt.ts'
import { ReceiveSource } from './receive-source.ts'

/** What a {@link ReceivePlan} is made with. */
export interface ReceivePlanOptions {
  /** Bytes in all; -1 for a stream, whose end `handleEnd` tells. */
  readonly size: number
  /** In bytes. */
  readonly blockSize: number
  /** Blocks that an earlier run verified. @default none */
  readonly verified?: ReadonlyBitmap
  /** Bytes that may be outstanding at each source; never less than four blocks. @default 8 MiB */
  readonly window?: number
  /** Fractions of the content, above 0 and below 1, whose crossing is an event. @default [0.5] */
  readonly checkpoints?: readonly number[]
  /**
   * Block to begin with. Who fetch the same content from one another begin at different ones, so that they soon have something to
   * give; the first who need a block are then those who ask for rare ones. @default 0
   */
  readonly startAt?: number
}

/** Blocks to ask of a source, or to ask it not to send; ranges ascend and do not touch. */
export interface SourceRanges {
  readonly source: string
  readonly ranges: readonly Readonly<Range>[]
}

/** Something a {@link ReceivePlan} tells once. */
export type ReceiveEvent =
  | { readonly type: 'checkpoint'; readonly fraction: number }
  /** `source` sent a wrong block: nothing more is asked of it, and nothing it sends is taken. */
  | { readonly type: 'blocked'; readonly source: string; readonly index: number }
  /** Every block is verified. */
  | { readonly type: 'done' }

/**
 * Decides for one download which blocks to ask of which source.
 *
 * ```
 *            addSource / handleHave            handleVerified
 *   lacking ─────────────────────────▶ asked ─────────────────▶ verified
 *      ▲         pollWant                │ │ ▲
 *      │  removeSource, handleBad        │ └─┘ asked a second time elsewhere, when it is late (the loser: pollCancel)
 *      └─────────────────────────────────┘
 * ```
 *
 * After every call: send what `pollWant` and `pollCancel` return until `undefined`, then `pollEvent`; call again at
 * `pollDeadline`. A block's bytes count as outstanding from the ask until they are verified, so a slow disk slows the sources. Rare
 * blocks first, as far as sources have not everything; fast sources first. When nothing is left to ask, what a slow or silent source owes
 * is asked of another one, too. Memory: about 10 bits for each block, and what is outstanding.
 */
export class ReceivePlan {
  readonly blockSize: number
  readonly #window: number
  #size: number
  #blocks: number
  readonly #verified: Bitmap
  /** Neither verified nor asked. */
  readonly #lacking: Bitmap
  readonly #sources = new Map<string, ReceiveSource>()
  readonly #blocked = new Set<string>()
  /** How many sources that have not everything have a block; made when there is the first. */
  #rarity: Uint16Array | undefined
  /** Who was asked for a block, in their order. */
  readonly #askers = new Map<number, ReceiveSource[]>()
  readonly #cancels = new Map<string, RangeSet>()
  readonly #events: ReceiveEvent[] = []
  readonly #checkpoints: Checkpoints
  readonly #meter: RateMeter
  #bytes: number
  #cursor: number
  #isPaused = false
  #isDone = false
  #activeSince: Instant
  #active: Duration = 0
  #polledAt: Instant

  constructor(now: Instant, options: ReceivePlanOptions) {
    const { size, blockSize, verified, window = WINDOW, checkpoints = [0.5], startAt = 0 } = options
    this.blockSize = blockSize
    this.#size = size
    this.#blocks = blockCount(options)
    this.#window = Math.max(window, MIN_WINDOW_BLOCKS * blockSize)
    this.#verified = Bitmap.of(this.#blocks, verified?.ranges() ?? [])
    this.#lacking = Bitmap.of(this.#blocks, [{ start: 0, end: this.#blocks }])
    this.#bytes = 0
    for (let n = this.#verified.next(0); n >= 0; n = this.#verified.next(n + 1)) {
      this.#lacking.delete(n)
      this.#bytes += this.#lengthOf(n)
    }
    this.#checkpoints = new Checkpoints(checkpoints, this.#bytes, size)
    this.#meter = new RateMeter(now)
    this.#cursor = startAt
    this.#activeSince = this.#polledAt = now
    this.#finish(now)
  }

  /** Blocks that are verified. */
  get verified(): ReadonlyBitmap {
    return this.#verified
  }

  get isDone(): boolean {
    return this.#isDone
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Ids of the sources that brought verified blocks and are still here. */
  get sources(): string[] {
    return [...this.#sources.values()].filter(({ bytes }) => bytes > 0).map(({ id }) => id)
  }

  /** Bytes asked of a source and not verified yet. */
  outstanding(source: string): number {
    return this.#sources.get(source)?.outstanding ?? 0
  }

  isBlocked(source: string): boolean {
    return this.#blocked.has(source)
  }

  /**
   * Somebody can serve the content. A source that is here already starts again, as after a dropped link; a blocked one stays blocked.
   *
   * @param ranges - what it has; more comes with `handleHave`. @default everything
   */
  addSource(id: string, now: Instant, ranges?: readonly Readonly<Range>[]): void {
    this.removeSource(id)
    const source = new ReceiveSource(id, now, ranges && new Bitmap(this.#blocks))
    this.#sources.set(id, source)
    if (ranges) this.handleHave(id, ranges)
  }

  /** A source has more blocks than before. Ranges past the end say nothing. */
  handleHave(id: string, ranges: readonly Readonly<Range>[]): void {
    const source = this.#sources.get(id)
    if (!source?.has) return
    const rarity = (this.#rarity ??= new Uint16Array(this.#blocks))
    for (const { start, end } of ranges)
      for (let n = start; n < Math.min(end, this.#blocks); n++) if (source.has.add(n)) rarity[n]!++
  }

  /** A source is gone, and what it owed is asked of others. */
  removeSource(id: string): void {
    const source = this.#sources.get(id)
    if (!source) return
    this.#release(source)
    this.#sources.delete(id)
    const { has } = source
    for (let n = has?.next(0) ?? -1; has && n >= 0; n = has.next(n + 1)) this.#rarity![n]!--
  }

  /**
   * What to do with a block whose header arrived.
   *
   * @param length - what the header says, bytes.
   * @returns `skip`: its bytes are of no use any more (cancelled, had already, or from a blocked source); read past them.
   * @throws MSG_ERR_PROTOCOL when it was never asked of that source, or has another length.
   */
  handleHeader(id: string, index: number, length: number): 'take' | 'skip' {
    const source = this.#sources.get(id)
    if (!source || this.#blocked.has(id)) return 'skip'
    const isAsked = source.asked.has(index)
    if (!isAsked && !source.cancelled.delete(index)) throw unasked(`block ${index} unasked`)
    const whole = this.#lengthOf(index)
    // The end of a stream may be here: a shorter block is its last.
    if (index < this.#blocks && length !== whole && !(this.#size < 0 && length < whole))
      throw unasked('a block of another length')
    return isAsked ? 'take' : 'skip'
  }

  /** Bytes of a block are coming: the source is alive, though the block is not whole yet. */
  handleAlive(id: string, now: Instant): void {
    const source = this.#sources.get(id)
    if (source) source.heardAt = now
  }

  /**
   * A block is verified and safely on the disk.
   *
   * @param length - its bytes. @default what the size of the content says
   * @returns false when it was there already.
   */
  handleVerified(id: string, index: number, now: Instant, length = this.#lengthOf(index)): boolean {
    const source = this.#sources.get(id)
    const askers = this.#askers.get(index) ?? []
    for (const asker of askers) {
      this.#forget(asker, index)
      if (asker !== source) this.#cancel(asker, index)
    }
    this.#askers.delete(index)
    if (index >= this.#blocks || !this.#verified.add(index)) return false
    this.#lacking.delete(index)
    this.#bytes += length
    this.#meter.add(now, length)
    if (source) {
      source.bytes += length
      source.heardAt = now
      source.meter.add(now, length)
    }
    const fraction = this.#checkpoints.cross(this.#bytes, this.#size)
    if (fraction !== undefined) this.#events.push({ type: 'checkpoint', fraction })
    this.#finish(now)
    return true
  }

  /** A block has not the hash that it should: the source is blocked for this transfer, and what it owes is asked of others. */
  handleBad(id: string, index: number): void {
    const source = this.#sources.get(id)
    if (source) this.#release(source)
    if (this.#blocked.has(id)) return
    this.#blocked.add(id)
    this.#events.push({ type: 'blocked', source: id, index })
  }

  /** A block could not be kept (a full disk): it is lacking again, and nobody's fault. */
  handleUnkept(id: string, index: number): void {
    const source = this.#sources.get(id)
    if (source) this.#drop(source, index)
  }

  /**
   * The end of a stream is known.
   *
   * @throws MSG_ERR_TRANSFER_INTEGRITY when more arrived than that, or all of it arrived with another length.
   */
  handleEnd(size: number, now: Instant): void {
    if (this.#size >= 0) {
      if (size !== this.#size) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'another size' })
      return
    }
    const blocks = blockCount({ size, blockSize: this.blockSize })
    if (this.#bytes > size || this.#verified.next(blocks) >= 0)
      throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'more bytes than there are' })
    for (const [index, askers] of [...this.#askers])
      if (index >= blocks) for (const asker of [...askers]) this.#drop(asker, index)
    for (let n = this.#lacking.next(blocks); n >= 0; n = this.#lacking.next(n + 1)) this.#lacking.delete(n)
    this.#size = size
    this.#blocks = blocks
    // The last block counted as whole.
    for (const source of this.#sources.values()) {
      source.outstanding = 0
      for (const index of source.asked.keys()) source.outstanding += this.#lengthOf(index)
    }
    this.#finish(now)
  }

  /** Nothing is asked any more until `continue`; what was asked may still come. */
  pause(now: Instant): void {
    if (this.#isPaused) return
    this.#isPaused = true
    if (!this.#isDone) this.#active += now - this.#activeSince
  }

  continue(now: Instant): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#activeSince = now
    // Nobody was late while nothing was wanted.
    for (const source of this.#sources.values()) {
      source.heardAt = now
      for (const index of source.asked.keys()) source.asked.set(index, now)
    }
  }

  /** The next blocks to ask, of one source; `undefined` when nothing can be asked now. */
  pollWant(now: Instant): SourceRanges | undefined {
    this.#polledAt = now
    if (this.#isPaused || this.#isDone) return undefined
    const live = [...this.#sources.values()].filter(({ id }) => !this.#blocked.has(id))
    const rates = new Map(live.map((source) => [source, source.meter.rate(now)]))
    live.sort((a, b) => rates.get(b)! - rates.get(a)!)
    for (const source of live) {
      const window = live.length > 1 ? this.#windowOf(source, rates.get(source)!) : this.#window
      const wanted = new RangeSet()
      for (let index = this.#pick(source); index >= 0; index = this.#pick(source)) {
        if (!this.#ask(source, index, window, now)) break
        wanted.add(index, index + 1)
      }
      if (wanted.isEmpty && live.length > 1) {
        const index = this.#pickLate(source, rates, now)
        if (index >= 0 && this.#ask(source, index, window, now)) wanted.add(index, index + 1)
      }
      if (!wanted.isEmpty) return { source: source.id, ranges: wanted.ranges }
    }
    return undefined
  }

  /** Blocks that a source need not send any more, since another one was faster. */
  pollCancel(): SourceRanges | undefined {
    for (const [source, set] of this.#cancels) {
      this.#cancels.delete(source)
      return { source, ranges: set.ranges }
    }
    return undefined
  }

  pollEvent(): ReceiveEvent | undefined {
    return this.#events.shift()
  }

  /** When `pollWant` may return something without anything having happened; `undefined`: never. */
  pollDeadline(): Instant | undefined {
    const canBeLate = !this.#isPaused && !this.#isDone && this.#askers.size > 0 && this.#sources.size > 1
    return canBeLate ? this.#polledAt + RECHECK : undefined
  }

  progress(now: Instant): TransferProgress {
    const rate = this.#meter.rate(now)
    return { bytes: this.#bytes, size: this.#size, rate, eta: timeLeft(this.#bytes, this.#size, rate) }
  }

  /** Time spent so far, without pauses. */
  took(now: Instant): Duration {
    return this.#active + (this.#isPaused || this.#isDone ? 0 : now - this.#activeSince)
  }

  /** How long the source that was quiet for the shortest time among those that owe something has been quiet; 0 when nobody owes anything. */
  silence(now: Instant): Duration {
    if (this.#isPaused) return 0
    const owing = [...this.#sources.values()].filter(({ asked }) => asked.size > 0)
    return owing.length === 0 ? 0 : Math.min(...owing.map(({ heardAt }) => now - heardAt))
  }

  /** Of several sources, a slow one is not asked for more than it brings in some seconds, so that the end waits for nobody. */
  #windowOf(source: ReceiveSource, rate: number): number {
    if (source.bytes === 0) return this.#window
    return Math.min(this.#window, Math.max(this.blockSize, (rate * HORIZON) / seconds(1)))
  }

  /** The best lacking block that `source` has; -1 for none. */
  #pick(source: ReceiveSource): number {
    const has = source.has ?? this.#lacking
    let best = this.#lacking.nextIn(has, this.#cursor)
    if (best < 0) best = this.#lacking.nextIn(has, 0)
    if (best < 0) return -1
    if (!source.has) this.#cursor = best
    if (this.#rarity) {
      for (let n = best, looked = 0; n >= 0 && looked < SAMPLE; n = this.#lacking.nextIn(has, n + 1), looked++)
        if (this.#rarity[n]! < this.#rarity[best]!) best = n
    }
    return best
  }

  /** The block that others owe for longest, and that this one would bring sooner; -1 for none. */
  #pickLate(source: ReceiveSource, rates: ReadonlyMap<ReceiveSource, number>, now: Instant): number {
    const rate = rates.get(source)!
    const time = rate > 0 ? ((source.outstanding + this.blockSize) * seconds(1)) / rate : LATE
    let late = -1
    let since = now - Math.max(LATE, 2 * time)
    for (const [index, askers] of this.#askers) {
      const asker = askers.at(-1)
      if (!asker || askers.includes(source) || !source.canServe(index)) continue
      const askedAt = asker.asked.get(index) ?? now
      if (askedAt > since) continue
      const itsRate = rates.get(asker) ?? 0
      const isSooner = itsRate === 0 || (asker.outstanding * seconds(1)) / itsRate > time
      if (!isSooner) continue
      late = index
      since = askedAt
    }
    return late
  }

  #ask(source: ReceiveSource, index: number, window: number, now: Instant): boolean {
    const length = this.#lengthOf(index)
    if (source.outstanding > 0 && source.outstanding + length > window) return false
    if (source.asked.size === 0) source.heardAt = now
    source.asked.set(index, now)
    source.outstanding += length
    // Asked again before the cancelled one came: it is wanted now, whichever comes.
    source.cancelled.delete(index)
    this.#lacking.delete(index)
    const askers = this.#askers.get(index)
    if (askers) askers.push(source)
    else this.#askers.set(index, [source])
    return true
  }

  /** Everything `source` owes is lacking again, unless somebody else was asked, too. */
  #release(source: ReceiveSource): void {
    for (const index of [...source.asked.keys()]) this.#drop(source, index)
    this.#cancels.delete(source.id)
  }

  #drop(source: ReceiveSource, index: number): void {
    this.#forget(source, index)
    const askers = this.#askers.get(index)?.filter((asker) => asker !== source) ?? []
    if (askers.length > 0) this.#askers.set(index, askers)
    else {
      this.#askers.delete(index)
      if (!this.#verified.has(index)) this.#lacking.add(index)
    }
  }

  #forget(source: ReceiveSource, index: number): void {
    if (source.asked.delete(index)) source.outstanding -= this.#lengthOf(index)
  }

  #cancel(source: ReceiveSource, index: number): void {
    source.cancelled.add(index)
    const set = this.#cancels.get(source.id) ?? new RangeSet()
    set.add(index, index + 1)
    this.#cancels.set(source.id, set)
  }

  #lengthOf(index: number): number {
    return blockLength({ size: this.#size, blockSize: this.blockSize }, index)
  }

  #finish(now: Instant): void {
    if (this.#isDone || this.#size < 0 || this.#verified.count < this.#blocks) return
    if (this.#bytes !== this.#size) throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'another size' })
    if (!this.#isPaused) this.#active += now - this.#activeSince
    this.#isDone = true
    this.#events.push({ type: 'done' })
  }
}

const unasked = (detail: string): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail })

/** Agreed: fills a fast path for some tens of milliseconds, and bounds what lies in memory. Bytes. */
const WINDOW = 8_388_608
/** Agreed: with large blocks, so that the next is under way while one is verified. Blocks. */
const MIN_WINDOW_BLOCKS = 4
/** What a slow source among several is asked for at most. */
const HORIZON = seconds(5)
/** A block is late when it was asked for longer ago, and twice as long as the other source would take. */
const LATE = seconds(1)
/** How often to look for late blocks. */
const RECHECK = seconds(0.5)
/** Candidates that are compared to find a rare one; more cost time and gain little. */
const SAMPLE = 64
