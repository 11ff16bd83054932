import { MsgError } from '../../errors.ts'
import type { Duration, Instant } from '../../time/instant.ts'
import { RangeSet } from '../../wire/range-set.ts'
import { BlockBuffer } from './block-buffer.ts'
import type { FlowWindow } from './flow-window.ts'

/** The receiving half of one stream: puts bytes in order and says how far the peer may go. Offsets and sizes in bytes. */
export class ReceiveStream {
  readonly #buffer = new BlockBuffer()
  readonly #received = new RangeSet()
  readonly #window: FlowWindow
  #delivered = 0
  #highest = 0
  #finalSize: number | undefined
  /** True from `hold` until `release` has given out all that waited. */
  #isHeld = false
  #isDiscarding = false

  /** @param window - bytes that may lie between what was delivered and what is allowed; tunes itself. */
  constructor(window: FlowWindow) {
    this.#window = window
  }

  /** Highest offset seen: what the stream has used of the connection's window. */
  get highest(): number {
    return this.#highest
  }

  /** Bytes handed on in order: what the stream gives back to the connection's window. */
  get delivered(): number {
    return this.#delivered
  }

  /** What the peer should be told. */
  get limit(): number {
    return this.#window.limit
  }

  /** How far ahead of what was delivered the peer may go, bytes. */
  get windowSize(): number {
    return this.#window.size
  }

  /** True when everything, and the end, was handed on. */
  get isFinished(): boolean {
    return !this.#isHeld && this.#delivered === this.#finalSize
  }

  /** True while what arrives is kept instead of handed on. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  /**
   * Takes a STREAM frame's bytes.
   *
   * @returns the runs that are now in order, oldest first: views valid until the next call. The last one has `fin` at the end of the stream.
   * @throws MSG_ERR_PROTOCOL when the peer exceeds its window or contradicts the final size.
   * @throws MSG_ERR_LIMIT when what waits out of order is cut into too many pieces.
   */
  receive(offset: number, data: Uint8Array, fin: boolean): Array<{ bytes: Uint8Array; fin: boolean }> {
    const end = offset + data.byteLength
    this.#checkEnd(end, fin)
    if (this.#isDiscarding) {
      if (fin) this.#finalSize = end
      this.#highest = this.#delivered = Math.max(this.#highest, end)
      return []
    }
    const wasFinished = this.isFinished
    if (fin) this.#finalSize = end
    if (wasFinished || (end <= this.#delivered && !this.isFinished)) return []
    this.#highest = Math.max(this.#highest, end)
    if (offset <= this.#delivered && this.#received.isEmpty && !this.#isHeld) {
      const bytes = offset === this.#delivered ? data : data.subarray(this.#delivered - offset)
      this.#delivered = end
      this.#buffer.free(end)
      return [{ bytes, fin: this.isFinished }]
    }

    const skip = Math.max(0, this.#delivered - offset)
    this.#buffer.write(offset + skip, data.subarray(skip))
    this.#received.add(offset + skip, end)
    if (this.#received.ranges.length > Math.max(MIN_PIECES, this.#window.size / BYTES_PER_PIECE)) {
      throw new MsgError('MSG_ERR_LIMIT', { detail: 'a stream in too many pieces' })
    }
    return this.#isHeld ? [] : this.#takeInOrder(Infinity)
  }

  /** From now on what arrives is kept, and the window stays where it is. */
  hold(): void {
    if (!this.isFinished && !this.#isDiscarding) this.#isHeld = true
  }

  /**
   * Hands on what was kept, as {@link ReceiveStream.receive} does; the hold ends with the last of it.
   *
   * @param most - bytes.
   */
  release(most: number): Array<{ bytes: Uint8Array; fin: boolean }> {
    if (!this.#isHeld) return []
    const first = this.#received.ranges[0]
    const isMore = first !== undefined && first.start <= this.#delivered && first.end > this.#delivered + most
    this.#isHeld = isMore
    return this.#takeInOrder(most)
  }

  /** Nobody wants the rest: what waits is freed, and what still comes is only counted. */
  discard(): void {
    this.#isHeld = false
    this.#isDiscarding = true
    this.#delivered = this.#highest
    this.#received.dropBelow(Infinity)
    this.#buffer.free(Infinity)
  }

  /** @throws MSG_ERR_PROTOCOL when the final size contradicts what came. */
  reset(finalSize: number): void {
    this.#checkEnd(finalSize, true)
    this.#highest = Math.max(this.#highest, finalSize)
    this.#isHeld = false
    this.#finalSize = finalSize
    this.#delivered = finalSize
    this.#received.dropBelow(finalSize)
    this.#buffer.free(Infinity)
  }

  /** @returns true when the peer should hear of a new limit. */
  updateLimit(now: Instant, srtt: Duration): boolean {
    const isWanted = this.#finalSize === undefined && !this.#isDiscarding
    return isWanted && this.#window.update(now, this.#delivered, srtt)
  }

  #takeInOrder(most: number): Array<{ bytes: Uint8Array; fin: boolean }> {
    const first = this.#received.ranges[0]
    if (first === undefined) return this.#deliver([])
    if (first.start > this.#delivered) return []
    const end = Math.min(first.end, this.#delivered + most)
    const views: Uint8Array[] = []
    for (let at = this.#delivered; at < end; at += views.at(-1)!.byteLength) views.push(this.#buffer.view(at, end))
    this.#received.dropBelow(end)
    return this.#deliver(views)
  }

  #deliver(views: Uint8Array[]): Array<{ bytes: Uint8Array; fin: boolean }> {
    for (const view of views) this.#delivered += view.byteLength
    this.#buffer.free(this.#delivered)
    const isEnd = this.isFinished
    const runs = views.map((bytes, i) => ({ bytes, fin: isEnd && i === views.length - 1 }))
    return runs.length === 0 && isEnd ? [{ bytes: new Uint8Array(0), fin: true }] : runs
  }

  #checkEnd(end: number, fin: boolean): void {
    if (end > this.#window.limit) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a stream went past its window' })
    const known = this.#finalSize
    if (known === undefined ? fin && end < this.#highest : end > known || (fin && end !== known)) {
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a stream changed its final size' })
    }
  }
}

/**
 * Pieces of a stream that may wait out of order: at least so many, and one for so many bytes of window. A window of full packets
 * of which every second is lost has fewer; a peer that sends single bytes with holes between would have hundreds of thousands.
 */
const MIN_PIECES = 1_024
const BYTES_PER_PIECE = 1_024
