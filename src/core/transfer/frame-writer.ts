import { varintSize, Writer } from '../wire/writer.ts'
import type { Range } from '../wire/range-set.ts'
import { FRAME, ID_SIZE, MAX_RANGES, type Offer, type TransferFrame } from './frames.ts'

/**
 * Encodes one frame, ready for the stream.
 *
 * The caller keeps the limits of `frames.ts`: {@link splitRanges} and pieces of at most `MAX_PIECE` bytes.
 */
export function encodeFrame(frame: TransferFrame): Uint8Array {
  const type = FRAME[frame.type.toUpperCase() as keyof typeof FRAME]
  const id = frame.type === 'offer' ? frame.offer.id : frame.id
  const payload = payloadOf(frame)
  const length = ID_SIZE + payload.byteLength
  const bytes = Buffer.allocUnsafe(1 + varintSize(length) + length)
  const writer = new Writer(bytes)
  writer.u8(type)
  writer.varint(length)
  writer.bytes(Buffer.from(id, 'hex'))
  writer.bytes(payload)
  return bytes
}

/** Cuts ranges into lists that fit one frame each. */
export function splitRanges(ranges: readonly Readonly<Range>[]): Array<readonly Readonly<Range>[]> {
  const lists: Array<readonly Readonly<Range>[]> = []
  for (let at = 0; at < ranges.length; at += MAX_RANGES) lists.push(ranges.slice(at, at + MAX_RANGES))
  return lists
}

function payloadOf(frame: TransferFrame): Uint8Array {
  switch (frame.type) {
    case 'offer':
      return offerPayload(frame.offer)
    case 'withdraw':
    case 'accept':
    case 'pause':
    case 'continue':
    case 'root-want':
      return NOTHING
    case 'decline':
    case 'stop':
    case 'error':
      return varints(frame.code)
    case 'manifest-want':
      return varints(frame.offset)
    case 'manifest':
      return Buffer.concat([varints(frame.offset), frame.bytes])
    case 'hashes-want':
      return varints(frame.first, frame.count)
    case 'hashes':
      return Buffer.concat([varints(frame.first), frame.bytes])
    case 'want':
      return Buffer.concat([Uint8Array.of(frame.priority), rangesPayload(frame.ranges)])
    case 'cancel':
    case 'have':
      return rangesPayload(frame.ranges)
    case 'root':
      return Buffer.concat([varints(frame.size), frame.root, varints(frame.lastByte === null ? 0 : frame.lastByte + 1)])
    case 'done':
      return frame.root
  }
}

function offerPayload(offer: Offer): Uint8Array {
  return Buffer.concat([
    Uint8Array.of(KINDS.indexOf(offer.kind), offer.resumable ? 1 : 0),
    text(offer.name),
    varints(offer.size + 1, offer.entryCount, offer.blockSize, offer.manifestLength),
    offer.manifestHash,
    text(offer.room),
    Uint8Array.of(offer.root ? 1 : 0),
    offer.root ?? NOTHING,
  ])
}

function rangesPayload(ranges: readonly Readonly<Range>[]): Uint8Array {
  const numbers = [ranges.length]
  let at = 0
  for (const { start, end } of ranges) {
    numbers.push(start - at, end - start - 1)
    at = end
  }
  return varints(...numbers)
}

function varints(...values: number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(values.reduce((sum, value) => sum + varintSize(value), 0))
  const writer = new Writer(bytes)
  for (const value of values) writer.varint(value)
  return bytes
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value)
  return Buffer.concat([varints(bytes.byteLength), bytes])
}

/** Values of `kind` by their position. */
export const KINDS = ['file', 'folder', 'stream'] as const
const NOTHING = new Uint8Array(0)
