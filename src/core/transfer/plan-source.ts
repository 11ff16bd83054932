import { seconds, type Duration, type Instant } from '../time/instant.ts'
import type { BlockSet } from './block-set.ts'
import { RateMeter } from './rate-meter.ts'

/**
 * One source of a download: what it has, what it was asked for, how fast it answers.
 *
 * Its window is how many bytes may be outstanding there: unmeasured, {@link FIRST_WINDOW} or four blocks; then what it sends
 * in {@link WINDOW_TIME}, two blocks at least, {@link MAX_WINDOW} at most.
 */
export class PlanSource {
  readonly id: string
  /** Bytes of every block but the last. */
  readonly blockSize: number
  /** What it has; undefined means everything. */
  has: BlockSet | undefined
  /** `stalled`: it is silent though it was asked. `paused`: it said that it sends nothing for now. Neither is relied on. */
  state: 'live' | 'stalled' | 'paused' = 'live'
  /** A stalled source is tried with a block from here on. */
  tryAt: Instant = 0
  readonly #asked = new Map<number, number>()
  readonly #meter = new RateMeter(0, RATE_PERIOD)
  #outstanding = 0
  /** How long anything was outstanding until {@link #mark}: the clock of the meter. */
  #busy: Instant = 0
  #mark: Instant = 0
  #heardAt: Instant = 0

  constructor(id: string, blockSize: number, has: BlockSet | undefined) {
    this.id = id
    this.blockSize = blockSize
    this.has = has
  }

  /** Blocks asked and not arrived, in the order they were asked, with their bytes. */
  get asked(): ReadonlyMap<number, number> {
    return this.#asked
  }

  /** Bytes asked and not arrived. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** Bytes each second while something was outstanding; undefined before anything was measured. */
  get rate(): number | undefined {
    return this.#meter.rate
  }

  /** Most bytes outstanding. */
  get window(): number {
    const rate = this.rate
    if (rate === undefined) return Math.max(FIRST_WINDOW, 4 * this.blockSize)
    return Math.min(MAX_WINDOW, Math.max((rate * WINDOW_TIME) / seconds(1), 2 * this.blockSize))
  }

  /** How long it may be silent: longer where a block takes long. */
  get patience(): Duration {
    const rate = this.rate
    if (rate === undefined) return FIRST_PATIENCE
    return Math.min(MAX_PATIENCE, Math.max(MIN_PATIENCE, Math.ceil((4 * this.blockSize * seconds(1)) / rate)))
  }

  /** When it is stalled unless something comes; undefined while nothing is outstanding. */
  get deadline(): Instant | undefined {
    return this.#asked.size === 0 ? undefined : this.#heardAt + this.patience
  }

  hasBlock(index: number): boolean {
    return this.has === undefined || this.has.has(index)
  }

  ask(now: Instant, index: number, bytes: number): void {
    if (this.#asked.size === 0) this.restart(now)
    this.#asked.set(index, bytes)
    this.#outstanding += bytes
  }

  /** The block came. @returns whether it was outstanding. */
  settle(now: Instant, index: number): boolean {
    this.#heardAt = now
    const bytes = this.#asked.get(index)
    if (bytes === undefined) return false
    this.#busy += Math.max(0, now - this.#mark)
    this.#mark = now
    this.#meter.add(this.#busy, bytes)
    return this.forget(index)
  }

  /** The block is not waited for any more. @returns whether it was. */
  forget(index: number): boolean {
    const bytes = this.#asked.get(index)
    if (bytes === undefined) return false
    this.#asked.delete(index)
    this.#outstanding -= bytes
    return true
  }

  /** Something of a block comes: it is not silent. */
  handleSign(now: Instant): void {
    this.#heardAt = now
  }

  /** Silence and speed are measured from here on. */
  restart(now: Instant): void {
    this.#heardAt = now
    this.#mark = now
  }

  /**
   * How long until everything outstanding is there and `more` bytes besides.
   *
   * @param guess - bytes each second of a source that was not measured.
   */
  timeFor(more: number, guess: number): Duration {
    return ((this.#outstanding + more) * seconds(1)) / Math.max(1, this.rate ?? guess)
  }

  /** How much longer than it should the next block takes, 0 when it is not late. */
  lateBy(now: Instant, guess: number): Duration {
    const due = (this.blockSize * seconds(1)) / Math.max(1, this.rate ?? guess)
    return Math.max(0, now - this.#heardAt - due)
  }
}

/** Bytes for a source that was not measured, unless four blocks are more. */
export const FIRST_WINDOW = 8 * 1_048_576
/** Memory and what is lost with a source stay bounded; at 1 Gbit/s it is half a second. */
export const MAX_WINDOW = 64 * 1_048_576
/** Outlives any round trip, so that the window never is what limits. */
const WINDOW_TIME = seconds(2)
/** Evens out bursts of a disk or a link, follows a path that changes. */
const RATE_PERIOD = seconds(2)
/** A lost path is noticed by the link in about this time, too. */
const MIN_PATIENCE = seconds(3)
const FIRST_PATIENCE = seconds(10)
const MAX_PATIENCE = seconds(60)
