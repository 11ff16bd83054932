import { MsgError } from '../errors.ts'
import { MAX_TEXT } from './frames.ts'
import { WINDOW } from './chat-sender.ts'
import { Fifo } from './fifo.ts'

/**
 * What arrived on one chat stream and is not dealt with: the receiving half of a stream's count-based acknowledgements.
 *
 * Messages are taken in order: `peek`, then `take` when it is stored or `refuse` when it does not belong here. One `pollAck` for
 * all of them.
 */
export class ChatReceiver<T> {
  readonly #waiting = new Fifo<{ readonly item: T; readonly size: number }>()
  #bytes = 0
  #done = 0
  #told = 0

  /** Messages that wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** @throws MSG_ERR_LIMIT when the sender overruns the window. */
  handleMessage(item: T, size: number): void {
    this.#bytes += size
    this.#waiting.push({ item, size })
    if (this.#waiting.length > WINDOW.messages || this.#bytes > WINDOW.bytes + MAX_TEXT)
      throw new MsgError('MSG_ERR_LIMIT', { detail: 'too many messages before an acknowledgement' })
  }

  /** The oldest message. */
  peek(): T | undefined {
    return this.#waiting.peek()?.item
  }

  /** The oldest message is dealt with. @returns its ordinal, the first of the stream is 1. */
  take(): number {
    this.#bytes -= this.#waiting.shift()?.size ?? 0
    return ++this.#done
  }

  /** The count to acknowledge, when there is a new one. */
  pollAck(): number | undefined {
    if (this.#told === this.#done) return undefined
    return (this.#told = this.#done)
  }
}
