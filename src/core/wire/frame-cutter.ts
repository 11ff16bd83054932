import { MsgError } from '../errors.ts'
import { Reader } from './reader.ts'

/** One frame as it stood in the stream. */
export interface RawFrame {
  readonly type: number
  /** A view; used until the next `handleBytes`. */
  readonly payload: Buffer
}

/** What a {@link FrameCutter} is made with. */
export interface FrameCutterOptions {
  /** For error messages: 'a chat frame'. */
  readonly noun: string
  /** Largest payload by frame type, bytes; a type that is not listed breaks the protocol. */
  readonly limits: Readonly<Record<number, number>>
}

/**
 * Cuts a stream of frames {type 1, length varint, payload}, however its bytes arrive.
 *
 * Give it bytes with `handleBytes`, then call `pollFrame` until `undefined`. Holds at most one unfinished frame, whose length was
 * checked before any of it was kept. Unusable after it has thrown.
 */
export class FrameCutter {
  readonly #options: FrameCutterOptions
  #held: Buffer = EMPTY
  #chunk: Buffer = EMPTY
  #offset = 0

  constructor(options: FrameCutterOptions) {
    this.#options = options
  }

  /** Bytes of the frame that is not finished yet. */
  get held(): number {
    return this.#held.byteLength + this.#chunk.byteLength - this.#offset
  }

  /** The next bytes; the view is used until `pollFrame` has returned `undefined`. */
  handleBytes(bytes: Uint8Array): void {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const rest = this.#chunk.subarray(this.#offset)
    this.#chunk = rest.byteLength + this.#held.byteLength > 0 ? Buffer.concat([this.#held, rest, chunk]) : chunk
    this.#held = EMPTY
    this.#offset = 0
  }

  /**
   * The next whole frame, or `undefined` when more bytes are needed.
   *
   * @throws MSG_ERR_PROTOCOL for an unknown type; MSG_ERR_LIMIT for a length over the limit, as soon as it is read.
   */
  pollFrame(): RawFrame | undefined {
    const header = this.#readHeader()
    if (header && header.start + header.length <= this.#chunk.byteLength) {
      this.#offset = header.start + header.length
      return { type: header.type, payload: this.#chunk.subarray(header.start, this.#offset) }
    }
    // The view ends with the caller's call, so what is unfinished is copied.
    this.#held = Buffer.from(this.#chunk.subarray(this.#offset))
    this.#chunk = EMPTY
    this.#offset = 0
    return undefined
  }

  /** A frame's type, its payload's length and where that starts; `undefined` when they are not all there yet. */
  #readHeader(): { type: number; length: number; start: number } | undefined {
    const bytes = this.#chunk
    const offset = this.#offset
    const { noun, limits } = this.#options
    const type = bytes[offset]
    if (type === undefined) return undefined
    const limit = limits[type]
    if (limit === undefined) throw new MsgError('MSG_ERR_PROTOCOL', { detail: `${noun} of unknown type` })
    const first = bytes[offset + 1]
    if (first === undefined) return undefined
    const size = 1 << (first >> 6)
    if (bytes.byteLength < offset + 1 + size) return undefined
    const length = new Reader(bytes, offset + 1).varint()
    if (length > limit) throw new MsgError('MSG_ERR_LIMIT', { detail: `${noun} of ${length} bytes` })
    return { type, length, start: offset + 1 + size }
  }
}

const EMPTY = Buffer.alloc(0)
