import type { Conversation } from './conversation.ts'

/**
 * Frames of the chat stream: the first stream of a link, opened by the link's initiator and used both ways.
 *
 * Every frame is {type varint, length varint, payload}; varints are those of RFC 9000 section 16.
 *
 * ```
 * HELLO    0x01  version varint                                   first frame, once, from each side
 * MESSAGE  0x02  id (16), kind (0 session | 1 room), name length varint, name UTF-8,
 *                seq varint, sent-at varint (ms since 1970), text UTF-8 (1 to 65,536 bytes, to the end)
 * ACK      0x03  count varint: MESSAGE frames of this stream that are dealt with, in all
 * REFUSED  0x04  ordinal varint: that MESSAGE frame (the first is 1) was not taken; comes before the ACK that covers it
 * ```
 *
 * @packageDocumentation
 */
export const FRAME = { HELLO: 0x01, MESSAGE: 0x02, ACK: 0x03, REFUSED: 0x04 } as const

/** What a MESSAGE frame carries. */
export interface ChatMessage {
  /** 16 bytes in hex, chosen by the sender, unique for its device. */
  readonly id: string
  /** As the sender sees it: in a session, the user it is written to. */
  readonly conversation: Conversation
  /** Grows with every message of the sending device; gaps are normal. 0 to 2^53 - 1. */
  readonly seq: number
  /** Sender's clock, milliseconds since 1970, 0 to {@link MAX_AT}. */
  readonly at: number
  readonly text: string
}

/** One decoded frame. `size` of a message: its text in bytes. */
export type ChatFrame =
  | { readonly type: 'hello'; readonly version: number }
  | { readonly type: 'message'; readonly message: ChatMessage; readonly size: number }
  | { readonly type: 'ack'; readonly count: number }
  | { readonly type: 'refused'; readonly ordinal: number }

/** Version of the chat protocol that this build speaks. */
export const CHAT_PROTOCOL = 1
/** Largest text of one message, bytes of UTF-8. */
export const MAX_TEXT = 65_536
/** Largest name of a user or room, bytes of UTF-8: 32 code points of 4 bytes. */
export const MAX_NAME = 128
/** Last instant that a `Date` can hold, milliseconds since 1970. */
export const MAX_AT = 8_640_000_000_000_000
/** Length of a message id, bytes. */
export const ID_SIZE = 16
