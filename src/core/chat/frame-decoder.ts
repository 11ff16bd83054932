import { isUtf8 } from 'node:buffer'
import { MsgError } from '../errors.ts'
import { FrameCutter } from '../wire/frame-cutter.ts'
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
  readonly #cutter = new FrameCutter({ noun: 'a chat frame', limits: LIMITS })

  /** Bytes of the frame that is not finished yet. */
  get held(): number {
    return this.#cutter.held
  }

  /** The next bytes; the view is used until `pollFrame` has returned `undefined`. */
  handleBytes(bytes: Uint8Array): void {
    this.#cutter.handleBytes(bytes)
  }

  /**
   * The next whole frame, or `undefined` when more bytes are needed.
   *
   * @throws MSG_ERR_PROTOCOL for an unknown type, a payload that is not what its type says, or text that is not UTF-8;
   * MSG_ERR_LIMIT for a length over the limit, as soon as it is read.
   */
  pollFrame(): ChatFrame | undefined {
    const frame = this.#cutter.pollFrame()
    return frame && decodePayload(frame.type, frame.payload)
  }
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
