import type { Range } from '../wire/range-set.ts'

/**
 * Frames of the `files/1` stream: each side opens one when it has something to say and writes on that alone, priority 1.
 *
 * Every frame is {type 1, length varint, payload}; the payload starts with the transfer's id, 16 random bytes that the offering side
 * chose. `text` is a length (varint) and UTF-8; `ranges` is a count (varint, 1 to 1,024) and as many pairs of varints: blocks left out
 * since the end of the range before, blocks in the range less one. A hash has 32 bytes.
 *
 * ```
 * OFFER          0x01  id, kind (0 file | 1 folder | 2 stream), resumable (0 | 1), name text, size + 1 varint (0: not known),
 *                      entry count varint, block size varint, manifest length varint, manifest hash, room text,
 *                      root (0 | 1, then the hash)
 * WITHDRAW       0x02  id
 * ACCEPT         0x03  id
 * DECLINE        0x04  id, code varint
 * MANIFEST-WANT  0x05  id, offset varint
 * MANIFEST       0x06  id, offset varint, bytes to the end
 * HASHES-WANT    0x07  id, first varint, count varint
 * HASHES         0x08  id, first varint, hashes to the end
 * WANT           0x09  id, priority (0 first), ranges
 * CANCEL         0x0a  id, ranges
 * HAVE           0x0b  id, ranges
 * PAUSE          0x0c  id
 * CONTINUE       0x0d  id
 * STOP           0x0e  id, code varint
 * ROOT           0x0f  id, size varint, root, last byte + 1 varint (0: no bytes)
 * DONE           0x10  id, root
 * ERROR          0x11  id, code varint
 * ROOT-WANT      0x12  id
 * ```
 *
 * `code` is the number of an error of the table in `errors.ts` (`wire`); `stop` without a fault is 0.
 *
 * @packageDocumentation
 */
export const FRAME = {
  OFFER: 0x01,
  WITHDRAW: 0x02,
  ACCEPT: 0x03,
  DECLINE: 0x04,
  'MANIFEST-WANT': 0x05,
  MANIFEST: 0x06,
  'HASHES-WANT': 0x07,
  HASHES: 0x08,
  WANT: 0x09,
  CANCEL: 0x0a,
  HAVE: 0x0b,
  PAUSE: 0x0c,
  CONTINUE: 0x0d,
  STOP: 0x0e,
  ROOT: 0x0f,
  DONE: 0x10,
  ERROR: 0x11,
  'ROOT-WANT': 0x12,
} as const

/** What somebody wants to send, before a byte of it goes. Nothing in it is to be trusted but by comparison with hashes. */
export interface Offer {
  /** 16 bytes in hex, chosen by the offering side. */
  readonly id: string
  readonly kind: 'file' | 'folder' | 'stream'
  /** False for what can be read only once: a broken transfer cannot go on. */
  readonly resumable: boolean
  /** 1 to `MAX_NAME` bytes of UTF-8. */
  readonly name: string
  /** In bytes; -1 for a stream. */
  readonly size: number
  /** Files and folders, at most `MAX_ENTRIES`. */
  readonly entryCount: number
  /** In bytes, a power of two. */
  readonly blockSize: number
  /** Length of the encoded manifest, bytes, 1 to `MAX_MANIFEST`. */
  readonly manifestLength: number
  readonly manifestHash: Uint8Array
  /** The room it is offered to; '' for a single person. */
  readonly room: string
  /** Root hash when the sender knows it: then the receiver can check each block by itself, from many sources. */
  readonly root: Uint8Array | undefined
}

/** One decoded frame. Bytes are copies; ranges ascend, do not touch, and end below `MAX_BLOCKS`. */
export type TransferFrame =
  | { readonly type: 'offer'; readonly offer: Offer }
  | { readonly type: 'withdraw' | 'accept' | 'pause' | 'continue' | 'root-want'; readonly id: string }
  | { readonly type: 'decline' | 'stop' | 'error'; readonly id: string; readonly code: number }
  | { readonly type: 'manifest-want'; readonly id: string; readonly offset: number }
  | { readonly type: 'manifest'; readonly id: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly type: 'hashes-want'; readonly id: string; readonly first: number; readonly count: number }
  | { readonly type: 'hashes'; readonly id: string; readonly first: number; readonly bytes: Uint8Array }
  | {
      readonly type: 'want'
      readonly id: string
      readonly priority: number
      readonly ranges: readonly Readonly<Range>[]
    }
  | { readonly type: 'cancel' | 'have'; readonly id: string; readonly ranges: readonly Readonly<Range>[] }
  | {
      readonly type: 'root'
      readonly id: string
      /** Of the whole content, bytes. */
      readonly size: number
      readonly root: Uint8Array
      /** 0 to 255; null when there is no byte. */
      readonly lastByte: number | null
    }
  | { readonly type: 'done'; readonly id: string; readonly root: Uint8Array }

/** Name of the control stream. */
export const FILES_PROTOCOL = 'files/1'
/** Length of a transfer's id, bytes. */
export const ID_SIZE = 16
/** Most ranges in one frame; what is more goes in a further frame, which adds to it. */
export const MAX_RANGES = 1_024
/** Most bytes of a manifest, or of hashes, in one frame: a small part of a window, so that control frames stay prompt. */
export const MAX_PIECE = 65_536
/** Longest name of a room, bytes of UTF-8: 32 code points of 4 bytes. */
export const MAX_ROOM = 128
