import { RangeSet, type Range } from '../../wire/range-set.ts'
import { BlockBuffer } from './block-buffer.ts'

/** The sending half of one stream: what was written, what is on its way, what arrived. Offsets and sizes in bytes. */
export class SendStream {
  readonly id: number
  /** Lower goes first; the stream set changes it. */
  priority: number
  readonly #buffer = new BlockBuffer(SPARE_BLOCKS)
  readonly #acked = new RangeSet()
  readonly #lost = new RangeSet()
  #ackedPrefix = 0
  #next = 0
  #end = 0
  #limit: number
  #fin: 'none' | 'queued' | 'sent' | 'acked' = 'none'
  #isReset = false
  /** True once a write was refused, until room was announced. */
  wantsRoom = false
  /** Unacknowledged bytes kept at most. */
  capacity = MIN_SEND_BUFFER

  /** @param limit - how far the peer lets this stream go. */
  constructor(id: number, priority: number, limit: number) {
    this.id = id
    this.priority = priority
    this.#limit = limit
  }

  /** Bytes that {@link SendStream.write} takes now. */
  get room(): number {
    return this.#fin === 'none' && !this.#isReset ? Math.max(0, this.capacity - (this.#end - this.#ackedPrefix)) : 0
  }

  /** Bytes of stream space used, the final size once reset. */
  get sentEnd(): number {
    return this.#next
  }

  get isFinished(): boolean {
    return this.#fin === 'acked' && this.#ackedPrefix === this.#end
  }

  /** Copies as much as there is room for. @returns how many bytes that was. */
  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.byteLength, this.room)
    this.#buffer.write(this.#end, bytes.subarray(0, taken))
    this.#end += taken
    return taken
  }

  finish(): void {
    if (this.#fin === 'none') this.#fin = 'queued'
  }

  /** Forgets what was not sent: the peer is told to expect nothing more. */
  reset(): void {
    this.#isReset = true
    this.#lost.dropBelow(Infinity)
    this.#end = this.#next
    this.#fin = 'acked'
    this.#ackedPrefix = this.#end
    this.#buffer.free(this.#end)
  }

  /** True when there is something to send with `credit` bytes of the connection's window left. */
  hasPending(credit: number): boolean {
    if (!this.#lost.isEmpty) return true
    if (this.#next === this.#end) return this.#fin === 'queued'
    return this.#next < this.#limit && credit > 0
  }

  /**
   * The next range to send: lost bytes first, then new ones as far as the windows allow.
   *
   * @param room - most bytes wanted, at least 1.
   * @param credit - what the connection's window leaves for new bytes.
   */
  take(room: number, credit: number): (Range & { fin: boolean; fresh: number }) | undefined {
    const again = this.#lost.takeFirst(room)
    if (again) return { ...again, fin: this.#claimFin(again.end), fresh: 0 }
    const start = this.#next
    const end = Math.min(this.#end, this.#limit, start + room, start + credit)
    if (end <= start && !(this.#fin === 'queued' && start === this.#end)) return undefined
    this.#next = end
    return { start, end, fin: this.#claimFin(end), fresh: end - start }
  }

  /** Copies [start, end) into a packet. */
  copy(start: number, end: number, target: Uint8Array, targetOffset: number): void {
    this.#buffer.copy(start, end, target, targetOffset)
  }

  /** @returns true when this made room for a writer that was refused. */
  onAcked(start: number, end: number, fin: boolean): boolean {
    if (this.#isReset) return false
    this.#acked.add(start, end)
    this.#lost.remove(start, end)
    if (fin) this.#fin = 'acked'
    const first = this.#acked.ranges[0]
    if (first && first.start <= this.#ackedPrefix) {
      this.#ackedPrefix = first.end
      this.#buffer.free(first.end)
    }
    if (!this.wantsRoom || this.room < this.capacity / 4) return false
    this.wantsRoom = false
    return true
  }

  onLost(start: number, end: number, fin: boolean): void {
    if (this.#isReset) return
    if (fin && this.#fin === 'sent') this.#fin = 'queued'
    this.#lost.add(start, end)
    for (const acked of this.#acked.overlapping(start, end)) this.#lost.remove(acked.start, acked.end)
  }

  /** The peer lets this stream go further. */
  onLimit(limit: number): void {
    this.#limit = Math.max(this.#limit, limit)
  }

  #claimFin(end: number): boolean {
    if (this.#fin !== 'queued' || end !== this.#end) return false
    this.#fin = 'sent'
    return true
  }
}

/** Enough for a burst of messages; a fast path asks for more. */
export const MIN_SEND_BUFFER = 1_048_576
/** A busy stream writes as fast as it is acknowledged: blocks go round instead of through the garbage collector. All that a send buffer may hold: 16 MiB. */
const SPARE_BLOCKS = 1_024
