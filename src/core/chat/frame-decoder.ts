import { isUtf8 } from 'node:buffer'
import { MsgError } from '../errors.ts'
import { Reader } from '../wire/reader.ts'
import type { Conversation } from './conversation.ts'
import { ROOM, SESSION } from './frame-writer.ts'
import { FRAME, ID_SIZE, MAX_AT, MAX_NAME, MAX_TEXT, type ChatFrame } from './frames.ts'

/**
 * Cuts the bytes of a chat stream into frames, however they arrive.
 *
 * Give it bytes with `handleBytes`, then call `pollFrame` until `undefined`. Holds at most one unfinished frame, whose length was
 * checked before any of it was kept. Unusable after it has thrown.
 */
export class FrameDecoder {
  #held: Buffer = EMPTY
  #chunk: Buffer = EMPTY
  #offset = 0

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
   * @throws MSG_ERR_PROTOCOL for an unknown type, a payload that is not what its type says, or text that is not UTF-8;
   * MSG_ERR_LIMIT for a length over the limit, as soon as it is read.
   */
  pollFrame(): ChatFrame | undefined {
    const header = readHeader(this.#chunk, this.#offset)
    if (header && header.start + header.length <= this.#chunk.byteLength) {
      const payload = this.#chunk.subarray(header.start, header.start + header.length)
      this.#offset = header.start + header.length
      return decodePayload(header.type, payload)
    }
    // The view ends with the caller's call, so what is unfinished is copied.
    this.#held = Buffer.from(this.#chunk.subarray(this.#offset))
    this.#chunk = EMPTY
    this.#offset = 0
    return undefined
  }
}

/** A frame's type, its payload's length and where that starts; `undefined` when they are not all there yet. */
function readHeader(bytes: Buffer, offset: number): { type: number; length: number; start: number } | undefined {
  const type = bytes[offset]
  if (type === undefined) return undefined
  const limit = LIMITS[type]
  if (limit === undefined) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a chat frame of unknown type' })
  const first = bytes[offset + 1]
  if (first === undefined) return undefined
  const size = 1 << (first >> 6)
  if (bytes.byteLength < offset + 1 + size) return undefined
  const length = new Reader(bytes, offset + 1).varint()
  if (length > limit) throw new MsgError('MSG_ERR_LIMIT', { detail: `a chat frame of ${length} bytes` })
  return { type, length, start: offset + 1 + size }
}

function decodePayload(type: number, payload: Buffer): ChatFrame {
  if (type === FRAME.MESSAGE) return decodeMessage(payload)
  const reader = new Reader(payload)
  const value = reader.varint()
  if (reader.remaining > 0) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a chat frame with bytes left over' })
  if (type === FRAME.ACK) return { type: 'ack', count: value }
  return type === FRAME.REFUSED ? { type: 'refused', ordinal: value } : { type: 'hello', version: value }
}

function decodeMessage(payload: Buffer): ChatFrame {
  const reader = new Reader(payload)
  reader.bytes(ID_SIZE)
  const kind = reader.u8()
  if (kind !== SESSION && kind !== ROOM) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a conversation of no kind' })
  const nameSize = reader.varint()
  if (nameSize < 1 || nameSize > MAX_NAME)
    throw new MsgError('MSG_ERR_LIMIT', { detail: `a name of ${nameSize} bytes` })
  const name = decodeText(reader.bytes(nameSize))
  const seq = reader.varint()
  const at = reader.varint()
  if (at > MAX_AT) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a time that no clock shows' })
  const bytes = reader.rest()
  const size = bytes.byteLength
  if (size < 1 || size > MAX_TEXT) throw new MsgError('MSG_ERR_LIMIT', { detail: `a message of ${size} bytes` })
  const conversation: Conversation = kind === ROOM ? { kind: 'room', room: name } : { kind: 'session', user: name }
  const id = payload.toString('hex', 0, ID_SIZE)
  return { type: 'message', message: { id, conversation, seq, at, text: decodeText(bytes) }, size }
}

function decodeText(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'text that is not UTF-8' })
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** Largest payload by frame type, bytes. */
const LIMITS: Readonly<Record<number, number>> = {
  [FRAME.HELLO]: 8,
  [FRAME.MESSAGE]: ID_SIZE + 1 + 2 + MAX_NAME + 8 + 8 + MAX_TEXT,
  [FRAME.ACK]: 8,
  [FRAME.REFUSED]: 8,
}
const EMPTY = Buffer.alloc(0)
