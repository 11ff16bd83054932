import { MsgError } from '../errors.ts'
import { Fifo } from './fifo.ts'

/**
 * What was sent on one chat stream and waits for acknowledgement: the sending half of a stream's count-based acknowledgements.
 *
 * Items come back in the order they were sent, each once: acknowledged, refused, or (the stream is gone) from `drain`.
 */
export class ChatSender<T> {
  readonly #inFlight = new Fifo<{ readonly item: T; readonly size: number }>()
  readonly #refused = new Set<number>()
  #bytes = 0
  #acked = 0

  /** Messages sent and not acknowledged. */
  get inFlight(): number {
    return this.#inFlight.length
  }

  /** True when another message may go: the receiver breaks off when more than the window is unacknowledged. */
  get hasWindow(): boolean {
    return this.#inFlight.length < WINDOW.messages && this.#bytes < WINDOW.bytes
  }

  /** What is in flight, oldest first. */
  items(): T[] {
    return [...this.#inFlight].map(({ item }) => item)
  }

  /** @param size - bytes of text. */
  handleSent(item: T, size: number): void {
    this.#inFlight.push({ item, size })
    this.#bytes += size
  }

  /**
   * @param ordinal - of the refused MESSAGE frame, the first is 1.
   * @throws MSG_ERR_PROTOCOL when that frame was never sent or is acknowledged.
   */
  handleRefused(ordinal: number): void {
    if (ordinal <= this.#acked || ordinal > this.#acked + this.#inFlight.length)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'refusal of a message that is not in flight' })
    this.#refused.add(ordinal)
  }

  /**
   * @param count - MESSAGE frames dealt with in all.
   * @returns the newly acknowledged, oldest first.
   * @throws MSG_ERR_PROTOCOL when more is acknowledged than was sent, or the count goes back.
   */
  handleAck(count: number): Array<{ readonly item: T; readonly isRefused: boolean }> {
    if (count < this.#acked || count > this.#acked + this.#inFlight.length)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'acknowledgement of messages that were not sent' })
    const acknowledged: Array<{ readonly item: T; readonly isRefused: boolean }> = []
    while (this.#acked < count) {
      const { item, size } = this.#inFlight.shift()!
      this.#acked++
      this.#bytes -= size
      acknowledged.push({ item, isRefused: this.#refused.size > 0 && this.#refused.delete(this.#acked) })
    }
    return acknowledged
  }

  /** The stream is gone. @returns what was in flight, oldest first. */
  drain(): T[] {
    return this.#inFlight.drain().map(({ item }) => item)
  }
}

/** Most that may be unacknowledged on one stream: 20,000 messages/s over a round trip of 200 ms; bounds the receiver's memory. */
export const WINDOW = { messages: 4_096, bytes: 4_194_304 } as const
