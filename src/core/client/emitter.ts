import { EventHub } from '../io/event-hub.ts'
import type { ClientEvent } from './api.ts'
import type { SeenMark } from './profile/history.ts'

/** Tells the client's events, and learns which messages somebody took. */
export class Emitter {
  readonly #hub = new EventHub<ClientEvent>()
  readonly #marks = new WeakMap<ClientEvent, SeenMark>()
  readonly #onSeen: (mark: SeenMark) => void
  #consumers = 0
  /** Messages that were told to somebody and taken by nobody. */
  #untaken = 0
  #onDrained: () => void = () => {}

  /** @param onSeen - a consumer took the message with this mark. */
  constructor(onSeen: (mark: SeenMark) => void) {
    this.#onSeen = onSeen
  }

  emit(event: ClientEvent, mark?: SeenMark): void {
    if (mark && this.#consumers > 0) {
      this.#marks.set(event, mark)
      this.#untaken++
    }
    this.#hub.publish(event)
  }

  events(): AsyncIterableIterator<ClientEvent> {
    const queue = this.#hub.subscribe()
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
