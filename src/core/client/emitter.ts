import { EventHub } from '../io/event-hub.ts'
import type { ClientEvent } from './api.ts'
import type { SeenMark } from './profile/history.ts'

/** Tells the client's events, and learns which messages somebody took. */
export class Emitter {
  readonly #hub = new EventHub<ClientEvent>()
  readonly #marks = new WeakMap<ClientEvent, SeenMark>()
  readonly #onSeen: (mark: SeenMark) => void
  readonly #tap: (event: ClientEvent) => void
  /** What nobody heard since nobody could listen yet, for the first who does. */
  readonly #early: ClientEvent[] = []
  #isHeard = false
  #consumers = 0
  /** Messages that were told to somebody and taken by nobody. */
  #untaken = 0
  #onDrained: () => void = () => {}

  /** @param onSeen - a consumer took the message with this mark. @param tap - hears every event without being a consumer */
  constructor(onSeen: (mark: SeenMark) => void, tap: (event: ClientEvent) => void = () => {}) {
    this.#onSeen = onSeen
    this.#tap = tap
  }

  emit(event: ClientEvent, mark?: SeenMark): void {
    if (mark && this.#consumers > 0) {
      this.#marks.set(event, mark)
      this.#untaken++
    }
    if (!this.#isHeard && EARLY.has(event.type) && this.#early.length < MAX_EARLY) this.#early.push(event)
    this.#hub.publish(event)
    this.#tap(event)
  }

  events(): AsyncIterableIterator<ClientEvent> {
    const queue = this.#hub.subscribe()
    this.#isHeard = true
    for (const event of this.#early.splice(0)) queue.push(event)
    let isOver = false
    const seen = (result: IteratorResult<ClientEvent>): IteratorResult<ClientEvent> => {
      const mark = result.done ? undefined : this.#marks.get(result.value)
      if (!mark || result.done || !this.#marks.delete(result.value)) return result
      this.#onSeen(mark)
      if (--this.#untaken === 0) this.#onDrained()
      return result
    }
    this.#consumers++
    return {
      next: () => queue.next().then(seen),
      return: () => {
        if (!isOver) this.#consumers--
        isOver = true
        if (this.#consumers === 0) this.#onDrained()
        return queue.return()
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  /** Resolves when every message that was told is taken, or nobody is left to take it, or after `timeoutMs`. */
  async drained(timeoutMs: number): Promise<void> {
    if (this.#untaken === 0 || this.#consumers === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve
      timer = setTimeout(resolve, timeoutMs)
    })
    clearTimeout(timer)
  }

  close(): void {
    this.#hub.close()
  }
}

/** What is told while a client connects for the first time, and is nowhere else to be seen. */
const EARLY: ReadonlySet<ClientEvent['type']> = new Set(['plugin', 'plugin.missing', 'warning'])
const MAX_EARLY = 100
