import { MsgError } from '../errors.ts'
import type { Duration } from '../time/instant.ts'
import type { Reader } from '../wire/reader.ts'
import { varintSize, type Writer } from '../wire/writer.ts'
import type { Range } from '../wire/range-set.ts'

/**
 * What a data packet carries. All integers are varints (RFC 9000 section 16).
 *
 * | frame | layout |
 * |---|---|
 * | 0x00 padding | type |
 * | 0x01 ping | type |
 * | 0x02 ack | type, largest, delay (microseconds), count - 1, first range, then gap and range for each further one |
 * | 0x04 reset | type, stream, code, final size |
 * | 0x05 stop | type, stream, code |
 * | 0x08 .. 0x09 stream | type (lowest bit: fin), stream, offset, length, bytes |
 * | 0x10 max data | type, bytes |
 * | 0x11 max stream data | type, stream, bytes |
 * | 0x12 max streams | type, count |
 * | 0x1a path challenge | type, token 8 |
 * | 0x1b path response | type, token 8 |
 * | 0x1c close | type, code, length, reason (UTF-8) |
 * | 0x30 rekey | type, X25519 public key 32 |
 *
 * Ranges of an ACK are spelt as in RFC 9000 section 19.3.1.
 */
export type Frame =
  | { readonly type: 'padding' | 'ping' }
  | { readonly type: 'ack'; readonly largest: number; readonly delay: Duration; readonly ranges: readonly Range[] }
  | { readonly type: 'reset'; readonly stream: number; readonly code: number; readonly finalSize: number }
  | { readonly type: 'stop'; readonly stream: number; readonly code: number }
  | {
      readonly type: 'stream'
      readonly stream: number
      readonly offset: number
      readonly fin: boolean
      readonly data: Uint8Array
    }
  | { readonly type: 'max-data'; readonly limit: number }
  | { readonly type: 'max-stream-data'; readonly stream: number; readonly limit: number }
  | { readonly type: 'max-streams'; readonly limit: number }
  | { readonly type: 'close'; readonly code: number; readonly reason: string }
  | { readonly type: 'path-challenge' | 'path-response'; readonly token: Uint8Array }
  | { readonly type: 'rekey'; readonly publicKey: Uint8Array }

/**
 * Decodes the next frame of a packet. A view, not a copy.
 *
 * @throws MSG_ERR_PROTOCOL on anything that is not exactly a frame.
 */
export function decodeFrame(reader: Reader): Frame {
  const type = reader.varint()
  switch (type) {
    case FrameType.padding:
      return { type: 'padding' }
    case FrameType.ping:
      return { type: 'ping' }
    case FrameType.ack:
      return decodeAck(reader)
    case FrameType.reset:
      return { type: 'reset', stream: reader.varint(), code: reader.varint(), finalSize: reader.varint() }
    case FrameType.stop:
      return { type: 'stop', stream: reader.varint(), code: reader.varint() }
    case FrameType.stream:
    case FrameType.stream | 1: {
      const stream = reader.varint()
      const offset = reader.varint()
      return { type: 'stream', stream, offset, fin: (type & 1) === 1, data: reader.bytes(reader.varint()) }
    }
    case FrameType.maxData:
      return { type: 'max-data', limit: reader.varint() }
    case FrameType.maxStreamData:
      return { type: 'max-stream-data', stream: reader.varint(), limit: reader.varint() }
    case FrameType.maxStreams:
      return { type: 'max-streams', limit: reader.varint() }
    case FrameType.close: {
      const code = reader.varint()
      return {
        type: 'close',
        code,
        reason: Buffer.from(reader.bytes(reader.varint())).toString('utf8').slice(0, MAX_REASON),
      }
    }
    case FrameType.pathChallenge:
      return { type: 'path-challenge', token: reader.bytes(8) }
    case FrameType.pathResponse:
      return { type: 'path-response', token: reader.bytes(8) }
    case FrameType.rekey:
      return { type: 'rekey', publicKey: reader.bytes(32) }
    default:
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: `unknown frame 0x${type.toString(16)}` })
  }
}

function decodeAck(reader: Reader): Frame {
  const largest = reader.varint()
  const delay = reader.varint()
  const count = reader.varint() + 1
  if (count > MAX_ACK_RANGES) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'too many ACK ranges' })
  const ranges: Range[] = []
  let end = largest + 1
  for (let i = 0; i < count; i++) {
    if (i > 0) end = ranges[i - 1]!.start - reader.varint() - 1
    const start = end - reader.varint() - 1
    if (start < 0) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'an ACK range below packet 0' })
    ranges.push({ start, end })
  }
  return { type: 'ack', largest, delay, ranges }
}

/**
 * Writes as many ranges as fit, the newest first.
 *
 * @param ranges - ascending, not empty; at most {@link MAX_ACK_RANGES} are written.
 * @returns false, with nothing written, when not even one fits.
 */
export function encodeAck(writer: Writer, ranges: readonly Readonly<Range>[], delay: Duration): boolean {
  const newest = ranges.at(-1)!
  const largest = newest.end - 1
  const fixed = 2 + varintSize(largest) + varintSize(delay) + varintSize(largest - newest.start)
  if (writer.remaining < fixed) return false
  const fitting = Math.floor((writer.remaining - fixed) / MAX_RANGE_SIZE) + 1
  const count = Math.min(ranges.length, MAX_ACK_RANGES, fitting)
  writer.varint(FrameType.ack)
  writer.varint(largest)
  writer.varint(delay)
  writer.varint(count - 1)
  writer.varint(largest - newest.start)
  for (let i = 1; i < count; i++) {
    const range = ranges[ranges.length - 1 - i]!
    const above = ranges[ranges.length - i]!
    writer.varint(above.start - range.end - 1)
    writer.varint(range.end - range.start - 1)
  }
  return true
}

/** Bytes a STREAM frame takes beside its data, for data of up to `length` bytes. */
export const streamOverhead = (stream: number, offset: number, length: number): number =>
  1 + varintSize(stream) + varintSize(offset) + varintSize(length)

/** Frame types on the wire. */
export const FrameType = {
  padding: 0x00,
  ping: 0x01,
  ack: 0x02,
  reset: 0x04,
  stop: 0x05,
  stream: 0x08,
  maxData: 0x10,
  maxStreamData: 0x11,
  maxStreams: 0x12,
  pathChallenge: 0x1a,
  pathResponse: 0x1b,
  close: 0x1c,
  rekey: 0x30,
} as const

/** Most ranges an ACK may carry. */
export const MAX_ACK_RANGES = 32
/** Characters of a close reason that are kept. */
const MAX_REASON = 128
/** Bytes that one further range takes at most. */
const MAX_RANGE_SIZE = 16
