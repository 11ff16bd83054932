import type { DataEvent } from './paused-streams.ts'

/** What happens on streams, for the link's owner. */
export type StreamEvent =
  | DataEvent
  /** The peer gave up sending, or asks this side to: what was written and has not gone is forgotten. */
  | { readonly type: 'reset' | 'stop'; readonly stream: number; readonly code: number }
  | { readonly type: 'writable'; readonly stream: number }

/** Events in the order they happened, until the owner takes them. */
export class StreamEvents {
  #events: StreamEvent[] = []
  /** Events at the front that are taken already: shifting a long array one by one is quadratic. */
  #taken = 0

  push(...events: readonly StreamEvent[]): void {
    for (const event of events) this.#events.push(event)
  }

  poll(): StreamEvent | undefined {
    const event = this.#events[this.#taken]
    if (event === undefined) return undefined
    if (++this.#taken === this.#events.length) {
      this.#events = []
      this.#taken = 0
    }
    return event
  }

  /** True when a reset of that stream waits to be told. */
  hasReset(stream: number): boolean {
    return this.#events.some((event) => event.type === 'reset' && event.stream === stream)
  }

  /** Takes out what waits to be told of that stream's bytes. */
  takeData(stream: number): DataEvent[] {
    const taken: DataEvent[] = []
    const rest: StreamEvent[] = []
    for (let i = this.#taken; i < this.#events.length; i++) {
      const event = this.#events[i]!
      if (event.type === 'data' && event.stream === stream) taken.push(event)
      else rest.push(event)
    }
    this.#events = rest
    this.#taken = 0
    return taken
  }
}
