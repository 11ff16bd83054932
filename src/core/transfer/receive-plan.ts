import type { Instant } from '../time/instant.ts'
import { RangeSet, type Range } from '../wire/range-set.ts'
import { BlockPicker } from './block-picker.ts'
import { BlockSet } from './block-set.ts'
import { MAX_BLOCKS } from './manifest.ts'
import { PlanSource } from './plan-source.ts'
import { Progress, type ProgressReport } from './progress.ts'
import { RateLimit } from './rate-limit.ts'

/** What a download is of. */
export interface ReceivePlanOptions {
  /** Bytes of every block but the last. */
  readonly blockSize: number
  /** Bytes in all; undefined for a stream whose end is not known: {@link ReceivePlan.handleEnd} tells it. */
  readonly size: number | undefined
  /** Blocks that are believed from an earlier run. @default none */
  readonly verified?: Iterable<Readonly<Range>>
  /** Fractions between 0 and 1 that are told when they are crossed. @default none */
  readonly checkpoints?: readonly number[]
  /** Block that comes first in order: receivers that serve each other begin at different ones. @default 0 */
  readonly startAt?: number
  /** Bytes each second that are asked for at most; the last block before a pause may be more. @default no limit */
  readonly limit?: number
}

/** What becomes of a block that came: `ignored` is one of a source that is blocked. Only `accepted` is to be kept. */
export type BlockOutcome = 'accepted' | 'duplicate' | 'bad' | 'ignored'

/** Blocks to ask of a source, or not to wait for any longer; ascending. */
export interface SourceRanges {
  readonly source: string
  readonly ranges: readonly Readonly<Range>[]
}

export type ReceivePlanEvent =
  /** A source sent this wrong block: it is asked nothing any more. */
  | { readonly type: 'blocked'; readonly source: string; readonly index: number }
  /** A source is silent though it was asked; once until something comes from it. */
  | { readonly type: 'stalled'; readonly source: string }
  | { readonly type: 'checkpoint'; readonly fraction: number }
  /** Nobody is left who has a block that is lacking; once until somebody is asked again. */
  | { readonly type: 'starved' }
  /** Every block is believed; last, once. */
  | { readonly type: 'done' }

/**
 * Decides which blocks of one download to ask of which source, and which of those that come to believe.
 *
 * After each input `pollWants`, `pollCancels` and `pollEvent` say what to do, and `pollTimeout` when to call `pollWants` at the latest.
 * A source is never asked for more than its window has room for. A block is asked of one live source at a time, except at the end,
 * when it is asked again where it comes sooner. What is asked of a source that is silent, paused, blocked or gone is asked elsewhere.
 *
 * Memory: two bits for each block and one for each of every source with only a part, and what is outstanding.
 */
export class ReceivePlan {
  readonly #blockSize: number
  readonly #had: BlockSet
  /** Had, or asked of a live source. */
  readonly #taken: BlockSet
  readonly #sources = new Map<string, PlanSource>()
  readonly #blocked = new Set<string>()
  readonly #picker: BlockPicker
  readonly #progress: Progress
  readonly #limit: RateLimit
  readonly #cancels = new Map<string, RangeSet>()
  #events: ReceivePlanEvent[] = []
  /** Undefined while the end is not known. */
  #size: number | undefined
  #isPaused = false
  #isStarved = false
  /** More could have been asked. */
  #isLimited = false
  #isDone = false

  constructor(now: Instant, options: ReceivePlanOptions) {
    const { blockSize, size, verified = [], checkpoints = [], startAt = 0, limit = Infinity } = options
    this.#blockSize = blockSize
    this.#size = size
    this.#had = new BlockSet()
    for (const { start, end } of verified) this.#had.addRange(start, Math.max(start, Math.min(end, this.#count)))
    this.#taken = new BlockSet(this.#had.ranges())
    this.#picker = new BlockPicker({ had: this.#had, taken: this.#taken, sources: this.#sources }, startAt)
    this.#limit = new RateLimit(now, limit)
    this.#progress = new Progress(now, size, this.#bytesHad(), checkpoints)
    this.#finish()
  }

  /** Blocks believed; not to be changed. */
  get had(): BlockSet {
    return this.#had
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /** Every block is there or asked of somebody. */
  get isWholeAsked(): boolean {
    return this.#size !== undefined && this.#taken.count >= this.#count
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Sources that may be asked or were, with what is outstanding there; not to be changed. */
  get sources(): ReadonlyMap<string, Readonly<PlanSource>> {
    return this.#sources
  }

  progress(now: Instant): ProgressReport {
    return this.#progress.report(now)
  }

  /**
   * A source is there.
   *
   * @param ranges - what it has; undefined means everything.
   * @returns false for one that was blocked, or is one too many: it is never asked.
   */
  addSource(source: string, ranges?: Iterable<Readonly<Range>>): boolean {
    if (this.#blocked.has(source) || this.#sources.has(source) || this.#sources.size >= MAX_SOURCES) return false
    this.#sources.set(source, new PlanSource(source, this.#blockSize, ranges && new BlockSet(ranges)))
    this.#picker.reset()
    return true
  }

  /** A source has these blocks, too. */
  handleHave(source: string, ranges: Iterable<Readonly<Range>>): void {
    const has = this.#sources.get(source)?.has
    if (!has) return
    for (const { start, end } of ranges) has.addRange(start, end)
    this.#picker.reset()
  }

  /** A source is gone; it may come again. */
  removeSource(id: string): void {
    const source = this.#sources.get(id)
    if (!source) return
    this.#sources.delete(id)
    this.#cancels.delete(id)
    this.#release(source)
  }

  /** A source says that it sends nothing until {@link handleContinue}. */
  handlePause(id: string): void {
    const source = this.#sources.get(id)
    if (!source || source.state === 'paused') return
    source.state = 'paused'
    this.#release(source)
  }

  handleContinue(now: Instant, id: string): void {
    const source = this.#sources.get(id)
    if (source?.state === 'paused') this.#revive(now, source)
  }

  /** @param bytesPerSecond - Infinity for no limit. */
  setLimit(now: Instant, bytesPerSecond: number): void {
    this.#limit.setRate(now, bytesPerSecond)
  }

  /** Nothing is asked any more; what is outstanding may still come, and counts. */
  pause(): void {
    this.#isPaused = true
  }

  continue(now: Instant): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    for (const source of this.#sources.values()) source.restart(now)
  }

  /** These blocks are asked first. */
  prefer(ranges: Iterable<Readonly<Range>>): void {
    this.#picker.prefer(ranges)
  }

  /** False for a block that need not be looked at: it is there, or its source is blocked. */
  isWanted(source: string, index: number): boolean {
    return !this.#blocked.has(source) && !this.#had.has(index)
  }

  /** A part of a block comes from a source: it is not silent. */
  handleSign(now: Instant, id: string): void {
    const source = this.#sources.get(id)
    if (!source) return
    source.handleSign(now)
    if (source.state === 'stalled') this.#revive(now, source)
  }

  /** A whole block came. @param isRight - whether its hash is the one it should have; `true` where that is only learnt. */
  handleBlock(now: Instant, id: string, index: number, bytes: number, isRight: boolean): BlockOutcome {
    if (this.#blocked.has(id)) return 'ignored'
    if (!isRight || !this.#fits(index, bytes)) {
      this.#blocked.add(id)
      this.removeSource(id)
      this.#events.push({ type: 'blocked', source: id, index })
      return 'bad'
    }
    const source = this.#sources.get(id)
    source?.settle(now, index)
    this.#cancels.get(id)?.remove(index, index + 1)
    if (source?.state === 'stalled') this.#revive(now, source)
    if (!this.#had.add(index)) return 'duplicate'
    this.#taken.add(index)
    for (const other of this.#sources.values()) if (other.forget(index)) this.#cancel(other, index)
    for (const fraction of this.#progress.add(bytes)) this.#events.push({ type: 'checkpoint', fraction })
    this.#finish()
    return 'accepted'
  }

  /** The end of a stream is known. @param size - bytes in all. @returns false when blocks behind it have come: nothing changes. */
  handleEnd(size: number): boolean {
    if (this.#size !== undefined) return this.#size === size
    const count = Math.ceil(size / this.#blockSize)
    if (count > MAX_BLOCKS || BlockSet.first(count, Infinity, [this.#had], []) !== undefined) return false
    this.#size = size
    for (const source of this.#sources.values())
      for (const index of [...source.asked.keys()]) if (index >= count) source.forget(index)
    this.#progress.setTotal(size)
    this.#finish()
    return true
  }

  /** What to ask of whom now. */
  pollWants(now: Instant): SourceRanges[] {
    if (this.#isPaused || this.#isDone) return []
    this.#handleDeadlines(now)
    const wants = new Map<string, RangeSet>()
    const want = (source: PlanSource, index: number): void => {
      source.ask(now, index, this.#bytesOf(index))
      this.#limit.handlePassed(now, this.#bytesOf(index))
      // Asked again after it was no longer waited for: it is not to be cancelled any more.
      this.#cancels.get(source.id)?.remove(index, index + 1)
      const set = wants.get(source.id) ?? new RangeSet()
      wants.set(source.id, set)
      set.add(index, index + 1)
    }
    const guess = this.#guess()
    const open = [...this.#sources.values()].filter(({ state }) => state === 'live')
    this.#isLimited = false
    while (open.length > 0) {
      this.#isLimited = this.#limit.wait(now) > 0
      if (this.#isLimited) break
      let at = 0
      let soonest = Infinity
      for (const [i, source] of open.entries()) {
        const time = source.timeFor(this.#blockSize, guess)
        if (time < soonest) [soonest, at] = [time, i]
      }
      const source = open[at]!
      const fresh = this.#picker.pick(source, this.#count)
      const index = fresh ?? this.#picker.pickAgain(now, source, guess)
      if (index === undefined || source.outstanding + this.#bytesOf(index) > source.window) {
        open.splice(at, 1)
        continue
      }
      want(source, index)
      this.#taken.add(index)
    }
    this.#tryStalled(now, want)
    this.#watchStarving(wants.size > 0 || this.#isLimited)
    return [...wants].map(([source, set]) => ({ source, ranges: set.ranges }))
  }

  /** What need not be sent any more: it came from elsewhere. */
  pollCancels(): SourceRanges[] {
    const cancels = [...this.#cancels].filter(([, set]) => !set.isEmpty)
    this.#cancels.clear()
    return cancels.map(([source, set]) => ({ source, ranges: set.ranges }))
  }

  pollEvent(): ReceivePlanEvent | undefined {
    return this.#events.shift()
  }

  /** When to call {@link pollWants} although nothing happened; undefined for never. */
  pollTimeout(): Instant | undefined {
    if (this.#isPaused || this.#isDone) return undefined
    let soonest: Instant = this.#isLimited ? this.#limit.freeAt : Infinity
    for (const source of this.#sources.values()) {
      if (source.state === 'live' && this.#canStall) soonest = Math.min(soonest, source.deadline ?? Infinity)
      if (source.state === 'stalled' && source.outstanding === 0) soonest = Math.min(soonest, source.tryAt)
    }
    return soonest === Infinity ? undefined : soonest
  }

  /** A stream has one source, which may have nothing to send for as long as it likes. */
  get #canStall(): boolean {
    return this.#size !== undefined
  }

  get #count(): number {
    return this.#size === undefined ? MAX_BLOCKS : Math.ceil(this.#size / this.#blockSize)
  }

  #bytesOf(index: number): number {
    return this.#size === undefined ? this.#blockSize : Math.min(this.#blockSize, this.#size - index * this.#blockSize)
  }

  #bytesHad(): number {
    const last = this.#count - 1
    return this.#had.count * this.#blockSize - (this.#had.has(last) ? this.#blockSize - this.#bytesOf(last) : 0)
  }

  #fits(index: number, bytes: number): boolean {
    if (!Number.isInteger(index) || index < 0 || index >= this.#count) return false
    return this.#size === undefined ? bytes > 0 && bytes <= this.#blockSize : bytes === this.#bytesOf(index)
  }

  /** Bytes each second of a source that was not measured: as the others are. */
  #guess(): number {
    let sum = 0
    let count = 0
    for (const { rate } of this.#sources.values()) {
      if (rate === undefined) continue
      sum += rate
      count++
    }
    return count === 0 ? this.#blockSize : sum / count
  }

  /** Nobody waits for what this source was asked: others are, unless they were already. */
  #release(source: PlanSource): void {
    for (const index of source.asked.keys()) {
      if (this.#had.has(index)) continue
      let isAsked = false
      for (const { state, asked } of this.#sources.values()) isAsked ||= state === 'live' && asked.has(index)
      if (!isAsked) this.#taken.delete(index)
    }
    this.#picker.reset()
  }

  #revive(now: Instant, source: PlanSource): void {
    source.state = 'live'
    source.restart(now)
    for (const index of source.asked.keys()) this.#taken.add(index)
  }

  #handleDeadlines(now: Instant): void {
    if (!this.#canStall) return
    for (const source of this.#sources.values()) {
      if (source.state !== 'live' || (source.deadline ?? Infinity) > now) continue
      source.state = 'stalled'
      source.tryAt = now + source.patience
      this.#release(source)
      this.#events.push({ type: 'stalled', source: source.id })
    }
  }

  /** A stalled source that waits for nothing is tried with a block now and then, which others may be asked for as well. */
  #tryStalled(now: Instant, want: (source: PlanSource, index: number) => void): void {
    for (const source of this.#sources.values()) {
      if (source.state !== 'stalled' || source.outstanding > 0 || source.tryAt > now) continue
      source.tryAt = now + source.patience
      const has = source.has ? [source.has] : []
      const index = BlockSet.first(0, this.#count, has, [this.#had])
      if (index !== undefined) want(source, index)
    }
  }

  #cancel(source: PlanSource, index: number): void {
    const set = this.#cancels.get(source.id) ?? new RangeSet()
    this.#cancels.set(source.id, set)
    set.add(index, index + 1)
  }

  #watchStarving(isAsking: boolean): void {
    let isFed = isAsking
    for (const { outstanding, state } of this.#sources.values()) isFed ||= outstanding > 0 || state !== 'live'
    if (!isFed && !this.#isStarved) this.#events.push({ type: 'starved' })
    this.#isStarved = !isFed
  }

  #finish(): void {
    if (this.#isDone || this.#size === undefined || this.#had.count < this.#count) return
    this.#isDone = true
    this.#events.push({ type: 'done' })
  }
}

/** More than any room needs; memory and the time of a decision stay bounded. */
export const MAX_SOURCES = 64
