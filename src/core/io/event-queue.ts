import { MsgError } from '../errors.ts'

/** What an {@link EventQueue} is built with. */
export interface EventQueueOptions {
  /** Events that may wait for the consumer. @default 65,536 */
  readonly capacity?: number
  /** Called once when the queue takes nothing any more: the consumer stopped, it overflowed, or it was ended. */
  readonly onClosed?: () => void
}

/**
 * Events between a producer that never waits and one consumer that iterates.
 *
 * Collects from its construction on, not from the first `next`. A consumer that falls behind by `capacity` events gets those
 * that were queued, then MSG_ERR_LIMIT.
 */
export class EventQueue<T> implements AsyncIterableIterator<T> {
  readonly #capacity: number
  readonly #onClosed: (() => void) | undefined
  #events: T[] = []
  /** Events at the front that are taken already: shifting a long array one by one is quadratic. */
  #taken = 0
  #waiting: Array<PromiseWithResolvers<IteratorResult<T>>> = []
  #end: { readonly error?: MsgError } | undefined

  constructor({ capacity = CAPACITY, onClosed }: EventQueueOptions = {}) {
    this.#capacity = capacity
    this.#onClosed = onClosed
  }

  /** Adds an event. After the end it is dropped. */
  push(event: T): void {
    if (this.#end) return
    const consumer = this.#waiting.shift()
    if (consumer) consumer.resolve({ done: false, value: event })
    else if (this.#events.length - this.#taken < this.#capacity) this.#events.push(event)
    else
      this.end(new MsgError('MSG_ERR_LIMIT', { detail: `the consumer of events is ${this.#capacity} events behind` }))
  }

  /** The last event was pushed: the consumer gets what is queued, then the end, or `error` once. */
  end(error?: MsgError): void {
    if (this.#end) return
    this.#end = error ? { error } : {}
    for (const consumer of this.#waiting.splice(0)) {
      if (this.#end.error) consumer.reject(this.#end.error)
      else consumer.resolve(DONE)
      this.#end = {}
    }
    this.#onClosed?.()
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#taken < this.#events.length) return Promise.resolve({ done: false, value: this.#take() })
    if (!this.#end) {
      const consumer = withResolvers<IteratorResult<T>>()
      this.#waiting.push(consumer)
      return consumer.promise
    }
    const { error } = this.#end
    this.#end = {}
    return error ? Promise.reject(error) : Promise.resolve(DONE)
  }

  /** The consumer stops: what is queued is dropped. */
  return(): Promise<IteratorResult<T>> {
    this.#events = []
    this.#taken = 0
    this.end()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #take(): T {
    const event = this.#events[this.#taken++] as T
    if (this.#taken === this.#events.length || this.#taken >= COMPACT) {
      this.#events = this.#events.slice(this.#taken)
      this.#taken = 0
    }
    return event
  }
}

/** `Promise.withResolvers` needs Node 22. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: PromiseWithResolvers<T>['resolve']
  let reject!: PromiseWithResolvers<T>['reject']
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

const DONE: IteratorResult<never> = Object.freeze({ done: true, value: undefined })
const CAPACITY = 65_536
/** Taken events are let go in batches of this many. */
const COMPACT = 1_024
