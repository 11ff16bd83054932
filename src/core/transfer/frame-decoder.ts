import { isUtf8 } from 'node:buffer'
import { MsgError } from '../errors.ts'
import { FrameCutter } from '../wire/frame-cutter.ts'
import { Reader } from '../wire/reader.ts'
import type { Range } from '../wire/range-set.ts'
import { KINDS } from './frame-writer.ts'
import { FRAME, ID_SIZE, MAX_PIECE, MAX_RANGES, MAX_ROOM, type TransferFrame } from './frames.ts'
import { HASH_SIZE } from './hash.ts'
import { blockCount, isBlockSize, MAX_BLOCKS, MAX_ENTRIES, MAX_MANIFEST, MAX_NAME } from './manifest.ts'

/**
 * Decodes the `files/1` stream, however its bytes arrive (its opening name is read by `StreamNameReader` before).
 *
 * Give it bytes with `handleBytes`, then call `pollFrame` until `undefined`. Holds at most one unfinished frame, 66 KB.
 * Unusable after it has thrown: the link's stream is then to be reset.
 */
export class TransferFrameDecoder {
  readonly #cutter = new FrameCutter({ noun: 'a transfer frame', limits: LIMITS })

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
   * @throws MSG_ERR_PROTOCOL for an unknown type or a payload that is not what its type says; MSG_ERR_LIMIT for what is too
   * long, too large or too many.
   */
  pollFrame(): TransferFrame | undefined {
    const frame = this.#cutter.pollFrame()
    if (!frame) return undefined
    const reader = new Reader(frame.payload)
    const decoded = decodePayload(frame.type, hex(reader.bytes(ID_SIZE)), reader)
    if (reader.remaining > 0) throw broken('with bytes left over')
    return decoded
  }
}

function decodePayload(type: number, id: string, reader: Reader): TransferFrame {
  switch (type) {
    case FRAME.OFFER:
      return decodeOffer(id, reader)
    case FRAME.WITHDRAW:
      return { type: 'withdraw', id }
    case FRAME.ACCEPT:
      return { type: 'accept', id }
    case FRAME.PAUSE:
      return { type: 'pause', id }
    case FRAME.CONTINUE:
      return { type: 'continue', id }
    case FRAME['ROOT-WANT']:
      return { type: 'root-want', id }
    case FRAME.DECLINE:
      return { type: 'decline', id, code: reader.varint() }
    case FRAME.STOP:
      return { type: 'stop', id, code: reader.varint() }
    case FRAME.ERROR:
      return { type: 'error', id, code: reader.varint() }
    case FRAME['MANIFEST-WANT']:
      return { type: 'manifest-want', id, offset: atMost(MAX_MANIFEST, reader.varint()) }
    case FRAME.MANIFEST:
      return { type: 'manifest', id, offset: atMost(MAX_MANIFEST, reader.varint()), bytes: piece(reader) }
    case FRAME['HASHES-WANT']:
      return {
        type: 'hashes-want',
        id,
        first: atMost(MAX_BLOCKS, reader.varint()),
        count: atMost(MAX_BLOCKS, reader.varint()),
      }
    case FRAME.HASHES: {
      const first = atMost(MAX_BLOCKS, reader.varint())
      const bytes = piece(reader)
      if (bytes.byteLength % HASH_SIZE > 0) throw broken('with part of a hash')
      return { type: 'hashes', id, first, bytes }
    }
    case FRAME.WANT:
      return { type: 'want', id, priority: reader.u8(), ranges: decodeRanges(reader) }
    case FRAME.CANCEL:
      return { type: 'cancel', id, ranges: decodeRanges(reader) }
    case FRAME.HAVE:
      return { type: 'have', id, ranges: decodeRanges(reader) }
    case FRAME.ROOT: {
      const size = reader.varint()
      const root = hash(reader)
      const last = atMost(256, reader.varint())
      if ((last === 0) !== (size === 0)) throw broken('with a last byte of nothing')
      return { type: 'root', id, size, root, lastByte: last === 0 ? null : last - 1 }
    }
    default:
      return { type: 'done', id, root: hash(reader) }
  }
}

function decodeOffer(id: string, reader: Reader): TransferFrame {
  const kind = KINDS[reader.u8()]
  if (kind === undefined) throw broken('of no kind')
  const resumable = flag(reader)
  const name = text(reader, 1, MAX_NAME)
  const size = reader.varint() - 1
  const entryCount = atMost(MAX_ENTRIES, reader.varint())
  const blockSize = reader.varint()
  if (!isBlockSize(blockSize)) throw broken('with blocks of a strange size')
  if (size < 0 && kind !== 'stream') throw broken('without a size')
  atMost(MAX_BLOCKS, blockCount({ size, blockSize }))
  const manifestLength = atMost(MAX_MANIFEST, reader.varint())
  if (manifestLength === 0) throw broken('without a manifest')
  const manifestHash = hash(reader)
  const room = text(reader, 0, MAX_ROOM)
  const root = flag(reader) ? hash(reader) : undefined
  const offer = { id, kind, resumable, name, size, entryCount, blockSize, manifestLength, manifestHash, room, root }
  return { type: 'offer', offer }
}

function decodeRanges(reader: Reader): Range[] {
  const count = atMost(MAX_RANGES, reader.varint())
  if (count === 0) throw broken('without ranges')
  const ranges: Range[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const gap = reader.varint()
    if (i > 0 && gap === 0) throw broken('with ranges that touch')
    const start = at + gap
    at = atMost(MAX_BLOCKS, start + reader.varint() + 1)
    ranges.push({ start, end: at })
  }
  return ranges
}

function text(reader: Reader, min: number, max: number): string {
  const length = atMost(max, reader.varint())
  if (length < min) throw broken('with an empty name')
  const bytes = reader.bytes(length)
  if (!isUtf8(bytes)) throw broken('with text that is not UTF-8')
  return Buffer.from(bytes).toString()
}

function piece(reader: Reader): Uint8Array {
  if (reader.remaining === 0) throw broken('without bytes')
  atMost(MAX_PIECE, reader.remaining)
  return Uint8Array.from(reader.rest())
}

function flag(reader: Reader): boolean {
  const value = reader.u8()
  if (value > 1) throw broken('with a flag that is neither')
  return value === 1
}

function atMost(limit: number, value: number): number {
  if (value > limit) throw new MsgError('MSG_ERR_LIMIT', { detail: `${value} in a transfer frame, at most ${limit}` })
  return value
}

const hash = (reader: Reader): Uint8Array => Uint8Array.from(reader.bytes(HASH_SIZE))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const broken = (how: string): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail: `a transfer frame ${how}` })

/** Largest payload of the frames that carry a few numbers, ranges, or a piece, bytes. */
const SMALL = ID_SIZE + 2 * 8
const RANGES = ID_SIZE + 1 + 8 + MAX_RANGES * 16
const PIECE = ID_SIZE + 8 + MAX_PIECE
/** Largest payload by frame type, bytes. */
const LIMITS: Readonly<Record<number, number>> = {
  [FRAME.OFFER]: ID_SIZE + 2 + 8 + MAX_NAME + 4 * 8 + HASH_SIZE + 8 + MAX_ROOM + 1 + HASH_SIZE,
  [FRAME.WITHDRAW]: ID_SIZE,
  [FRAME.ACCEPT]: ID_SIZE,
  [FRAME.DECLINE]: SMALL,
  [FRAME['MANIFEST-WANT']]: SMALL,
  [FRAME.MANIFEST]: PIECE,
  [FRAME['HASHES-WANT']]: SMALL,
  [FRAME.HASHES]: PIECE,
  [FRAME.WANT]: RANGES,
  [FRAME.CANCEL]: RANGES,
  [FRAME.HAVE]: RANGES,
  [FRAME.PAUSE]: ID_SIZE,
  [FRAME.CONTINUE]: ID_SIZE,
  [FRAME.STOP]: SMALL,
  [FRAME.ROOT]: ID_SIZE + 8 + HASH_SIZE + 8,
  [FRAME.DONE]: ID_SIZE + HASH_SIZE,
  [FRAME.ERROR]: SMALL,
  [FRAME['ROOT-WANT']]: ID_SIZE,
}
