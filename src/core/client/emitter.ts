import { EventHub } from '../io/event-hub.ts'
import type { ClientEvent } from './api.ts'
import type { SeenMark } from './profile/history.ts'

/** Tells the client's events, and learns which messages somebody took. */
export class Emitter {
  readonly #hub = new EventHub<ClientEvent>()
  readonly #marks = new WeakMap<ClientEvent, SeenMark>()
  readonly #onSeen: (mark: SeenMark) => void

  /** @param onSeen - a consumer took the message with this mark. */
  constructor(onSeen: (mark: SeenMark) => void) {
    this.#onSeen = onSeen
  }

  emit(event: ClientEvent, mark?: SeenMark): void {
    if (mark) this.#marks.set(event, mark)
    this.#hub.publish(event)
  }

  events(): AsyncIterableIterator<ClientEvent> {
    const queue = this.#hub.subscribe()
    const seen = (result: IteratorResult<ClientEvent>): IteratorResult<ClientEvent> => {
      const mark = result.done ? undefined : this.#marks.get(result.value)
      if (mark) this.#onSeen(mark)
      return result
    }
    return {
      next: () => queue.next().then(seen),
      return: () => queue.return(),
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  close(): void {
    this.#hub.close()
  }
}
