import { varintSize, Writer } from '../wire/writer.ts'
import { conversationName } from './conversation.ts'
import { FRAME, ID_SIZE, type ChatMessage } from './frames.ts'

/**
 * Frames waiting to be written to one stream, encoded back to back in one buffer that is reused.
 *
 * Append frames, hand {@link FrameWriter.pending} to the stream, tell how much it took with `consume`. The caller bounds it: see
 * {@link FrameWriter.isFull}.
 */
export class FrameWriter {
  #bytes: Buffer = Buffer.allocUnsafe(INITIAL_SIZE)
  #start = 0
  #end = 0

  /** What waits, as a view that the next append invalidates. */
  get pending(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end)
  }

  get length(): number {
    return this.#end - this.#start
  }

  /** True when enough waits; messages are not appended until the stream has taken some. */
  get isFull(): boolean {
    return this.length >= HIGH_WATER
  }

  /** The first `count` bytes were taken by the stream. */
  consume(count: number): void {
    this.#start += count
    if (this.#start === this.#end) this.#start = this.#end = 0
  }

  /** Drops everything: the stream is gone. */
  clear(): void {
    this.#start = this.#end = 0
  }

  hello(version: number): void {
    this.#number(FRAME.HELLO, version)
  }

  ack(count: number): void {
    this.#number(FRAME.ACK, count)
  }

  refused(ordinal: number): void {
    this.#number(FRAME.REFUSED, ordinal)
  }

  /** @param size - bytes of `message.text` in UTF-8. */
  message(message: ChatMessage, size: number): void {
    const name = conversationName(message.conversation)
    const nameSize = Buffer.byteLength(name)
    const head = ID_SIZE + 1 + varintSize(nameSize) + nameSize + varintSize(message.seq) + varintSize(message.at)
    const length = head + size
    this.#reserve(1 + varintSize(length) + length)
    const writer = new Writer(this.#bytes, this.#end)
    writer.u8(FRAME.MESSAGE)
    writer.varint(length)
    let offset = writer.offset
    offset += this.#bytes.write(message.id, offset, ID_SIZE, 'hex')
    this.#bytes[offset++] = message.conversation.kind === 'room' ? ROOM : SESSION
    const rest = new Writer(this.#bytes, offset)
    rest.varint(nameSize)
    offset = rest.offset + this.#bytes.write(name, rest.offset)
    const numbers = new Writer(this.#bytes, offset)
    numbers.varint(message.seq)
    numbers.varint(message.at)
    this.#end = numbers.offset + this.#bytes.write(message.text, numbers.offset, size)
  }

  #number(type: number, value: number): void {
    this.#reserve(SMALL_FRAME)
    const writer = new Writer(this.#bytes, this.#end)
    writer.u8(type)
    writer.varint(varintSize(value))
    writer.varint(value)
    this.#end = writer.offset
  }

  #reserve(size: number): void {
    if (this.#end + size <= this.#bytes.byteLength) return
    const length = this.length
    const larger =
      length + size <= this.#bytes.byteLength / 2
        ? this.#bytes
        : Buffer.allocUnsafe(2 * (this.#bytes.byteLength + size))
    this.#bytes.copy(larger, 0, this.#start, this.#end)
    this.#bytes = larger
    this.#start = 0
    this.#end = length
  }
}

/** Values of a MESSAGE frame's `kind`. */
export const SESSION = 0
export const ROOM = 1
/** Type, length and value of the frames that carry one number, bytes at most. */
const SMALL_FRAME = 10
/** Fits the small frames of a quiet link; chat in bursts doubles it. Bytes. */
const INITIAL_SIZE = 4_096
/** Some milliseconds of a fast link, so that it never runs dry between turns; more would only delay acknowledgements. Bytes. */
const HIGH_WATER = 262_144
