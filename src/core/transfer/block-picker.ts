import type { Duration, Instant } from '../time/instant.ts'
import type { Range } from '../wire/range-set.ts'
import { BlockSet, CAPACITY } from './block-set.ts'
import type { PlanSource } from './plan-source.ts'

/** What the picker sees of a download; the sets are the plan's own and change between calls. */
export interface BlockPickerDeps {
  /** Blocks believed. */
  readonly had: BlockSet
  /** Blocks believed, and those that a live source is asked for. */
  readonly taken: BlockSet
  readonly sources: ReadonlyMap<string, PlanSource>
}

/**
 * Chooses the next block to ask of a source: one that is preferred; else one that no other source with only a part has, as those
 * can be busy with theirs meanwhile; else the first in order. At the end, {@link pickAgain} finds one that another source takes longer for.
 */
export class BlockPicker {
  readonly #deps: BlockPickerDeps
  readonly #startAt: number
  readonly #preferred = new BlockSet()
  /** Where each search of a source goes on; what is below is taken. */
  #cursors = new Map<PlanSource, number[]>()

  /** @param startAt - block that comes first in order; those before it come after the last. */
  constructor(deps: BlockPickerDeps, startAt: number) {
    this.#deps = deps
    this.#startAt = startAt
  }

  /** These blocks come first. */
  prefer(ranges: Iterable<Readonly<Range>>): void {
    for (const { start, end } of ranges) this.#preferred.addRange(start, end)
    this.reset()
  }

  /** Blocks are free again, or sources have other blocks than before: searches begin anew. */
  reset(): void {
    this.#cursors.clear()
  }

  /**
   * A block that nobody live is asked for.
   *
   * @param count - blocks of the download; the most there can be while that is unknown.
   */
  pick(source: PlanSource, count: number): number | undefined {
    const { taken, sources } = this.#deps
    let cursors = this.#cursors.get(source)
    if (!cursors) this.#cursors.set(source, (cursors = [0, 0, this.#startAt, 0]))
    const has = source.has ? [source.has] : []
    const search = (phase: number, within: BlockSet[], without: BlockSet[]): number | undefined => {
      const found = BlockSet.first(cursors[phase]!, count, within, without)
      cursors[phase] = found ?? CAPACITY
      return found
    }
    if (this.#preferred.count > 0) {
      const found = search(0, [...has, this.#preferred], [taken])
      if (found !== undefined) return found
    }
    if (cursors[1]! < count) {
      const parts: BlockSet[] = []
      for (const other of sources.values()) if (other !== source && other.has) parts.push(other.has)
      const found = parts.length > 0 ? search(1, has, [taken, ...parts]) : undefined
      if (found !== undefined) return found
    }
    return search(2, has, [taken]) ?? search(3, has, [taken])
  }

  /**
   * A block that another source is asked for and that this one would have sooner: the one that would come last.
   *
   * @param guess - bytes each second of sources that were not measured.
   */
  pickAgain(now: Instant, source: PlanSource, guess: number): number | undefined {
    const { had, sources } = this.#deps
    const mine = source.timeFor(source.blockSize, guess)
    let latest: Duration = 0
    let found: number | undefined
    for (const other of sources.values()) {
      if (other === source || other.state !== 'live' || other.outstanding === 0) continue
      // What is asked first comes first: bytes after a block are not in its way.
      let bytes = -other.outstanding
      const late = other.lateBy(now, guess)
      for (const [index, size] of other.asked) {
        bytes += size
        const time = other.timeFor(bytes, guess) + late
        if (time <= latest || time * MARGIN <= mine) continue
        if (had.has(index) || !source.hasBlock(index) || this.#copies(index) >= MAX_COPIES) continue
        if (source.asked.has(index)) continue
        latest = time
        found = index
      }
    }
    return found
  }

  /** Live sources that are asked for the block. */
  #copies(index: number): number {
    let count = 0
    for (const { state, asked } of this.#deps.sources.values()) if (state === 'live' && asked.has(index)) count++
    return count
  }
}

/** A block is asked again only when that saves a quarter of its time: what crosses on the way is sent in vain. */
const MARGIN = 0.75
/** More would be sent in vain for little. */
const MAX_COPIES = 2
