import type { Instant } from '../../time/instant.ts'

/** The next bytes of a stream, in order. */
export interface DataEvent {
  readonly type: 'data'
  readonly stream: number
  readonly bytes: Uint8Array
  readonly fin: boolean
  /** True when nobody else writes to where `bytes` points. */
  readonly isKept?: true
}

/** Streams that the owner of the link paused, and those it resumed that still have something waiting. */
export class PausedStreams {
  /** What was taken from the window, but not told, when the stream was paused. */
  readonly #untold = new Map<number, DataEvent[]>()
  /** Resumed streams whose receiving half still holds something, next turn first. */
  readonly #resumed = new Set<number>()
  #deliverAt: Instant = 0

  /** True for a stream that was paused and not resumed. */
  has(id: number): boolean {
    return this.#untold.has(id)
  }

  /** Streams that were paused and not resumed. */
  get ids(): Iterable<number> {
    return this.#untold.keys()
  }

  /** @param untold - copied, unless they are kept already: views of packets live for one call. */
  add(id: number, untold: readonly DataEvent[]): void {
    this.#resumed.delete(id)
    this.#untold.set(
      id,
      untold.map((event) => (event.isKept ? event : { ...event, bytes: Uint8Array.from(event.bytes), isKept: true })),
    )
  }

  /** @returns what was not told. */
  resume(now: Instant, id: number, isHeld: boolean): readonly DataEvent[] {
    const untold = this.#untold.get(id) ?? []
    this.#untold.delete(id)
    if (isHeld) this.wait(now, id)
    return untold
  }

  /** A resumed stream has more to hand on: it goes to the back. */
  wait(now: Instant, id: number): void {
    this.#resumed.add(id)
    this.#deliverAt = now
  }

  /** The resumed stream whose turn it is; asking takes the turn. */
  takeTurn(): number | undefined {
    for (const id of this.#resumed) {
      this.#resumed.delete(id)
      return id
    }
    return undefined
  }

  /** Since when something waits for its turn; `undefined` when nothing does. */
  get deliverAt(): Instant | undefined {
    return this.#resumed.size > 0 ? this.#deliverAt : undefined
  }

  /** The stream is over. */
  forget(id: number): void {
    this.#untold.delete(id)
    this.#resumed.delete(id)
  }
}
