import { EventQueue } from './event-queue.ts'

/** Tells every event to every consumer that listens at that moment; behind each `events()` method. */
export class EventHub<T> {
  readonly #queues = new Set<EventQueue<T>>()
  readonly #capacity: number | undefined
  #isClosed = false

  /** @param capacity - events that may wait for each consumer. @default that of {@link EventQueue} */
  constructor(capacity?: number) {
    this.#capacity = capacity
  }

  /** A consumer of every event from now on; leaving its `for await` unsubscribes it. */
  subscribe(): EventQueue<T> {
    const queue: EventQueue<T> = new EventQueue<T>({
      ...(this.#capacity === undefined ? {} : { capacity: this.#capacity }),
      onClosed: () => void this.#queues.delete(queue),
    })
    if (this.#isClosed) queue.end()
    else this.#queues.add(queue)
    return queue
  }

  publish(event: T): void {
    for (const queue of this.#queues) queue.push(event)
  }

  /** Ends every consumer after what it has queued. */
  close(): void {
    this.#isClosed = true
    for (const queue of [...this.#queues]) queue.end()
  }
}
