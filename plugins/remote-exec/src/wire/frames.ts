import { CAUSES, type Cause } from '../refusals.ts'

/**
 * What travels over a stream of remote-exec: a byte of type, 3 bytes of length (big endian), and so many bytes.
 *
 * | type | name | from | payload |
 * |---|---|---|---|
 * | 0x01 | request | sender | signature, 64 bytes; the request's canonical bytes |
 * | 0x02 | accepted | target | the run's id, 16 bytes |
 * | 0x03 | refused | target | a code of lower-case letters and hyphens, 1 to 32 bytes |
 * | 0x04 | asking | target | nothing: a person is asked |
 * | 0x10 | stdin | sender | 1 to 16,384 bytes |
 * | 0x11 | stdin-end | sender | nothing |
 * | 0x12 | signal | sender | its number, 1 byte: 1, 2 or 15 |
 * | 0x13 | credit | target | how many more bytes of stdin may come, 4 bytes |
 * | 0x20 | stdout | target | 1 to 16,384 bytes |
 * | 0x21 | stderr | target | 1 to 16,384 bytes |
 * | 0x30 | exit | target | kind (0 code, 1 signal), the number, why it was ended: 3 bytes |
 *
 * Output is held back by the stream itself. Of stdin only what was credited may be under way, so that a signal never waits behind input
 * that nobody reads.
 */
export type Frame =
  | { readonly type: 'request'; readonly signature: Uint8Array; readonly bytes: Uint8Array }
  | { readonly type: 'accepted'; readonly run: Uint8Array }
  | { readonly type: 'refused'; readonly code: string }
  | { readonly type: 'asking' }
  | { readonly type: 'stdin'; readonly bytes: Uint8Array }
  | { readonly type: 'stdin-end' }
  | { readonly type: 'signal'; readonly number: number }
  | { readonly type: 'credit'; readonly bytes: number }
  | { readonly type: 'stdout'; readonly bytes: Uint8Array }
  | { readonly type: 'stderr'; readonly bytes: Uint8Array }
  | { readonly type: 'exit'; readonly kind: 'code' | 'signal'; readonly number: number; readonly cause: Cause }

export type FrameType = Frame['type']

/** Who sends frames of a type. */
export type Role = 'sender' | 'target'

/** What may be of a type: its number on the wire, who sends it, the fewest and the most bytes of its payload. */
interface FrameSpec {
  readonly byte: number
  readonly from: Role
  readonly min: number
  readonly max: number
}

/** Longest payload of stdin, stdout and stderr, bytes. */
export const MAX_CHUNK = 16_384
/** Largest canonical request, bytes. */
export const MAX_REQUEST = 65_536
const SIGNATURE = 64

export const FRAMES: Readonly<Record<FrameType, FrameSpec>> = {
  request: { byte: 0x01, from: 'sender', min: SIGNATURE + 1, max: SIGNATURE + MAX_REQUEST },
  accepted: { byte: 0x02, from: 'target', min: 16, max: 16 },
  refused: { byte: 0x03, from: 'target', min: 1, max: 32 },
  asking: { byte: 0x04, from: 'target', min: 0, max: 0 },
  stdin: { byte: 0x10, from: 'sender', min: 1, max: MAX_CHUNK },
  'stdin-end': { byte: 0x11, from: 'sender', min: 0, max: 0 },
  signal: { byte: 0x12, from: 'sender', min: 1, max: 1 },
  credit: { byte: 0x13, from: 'target', min: 4, max: 4 },
  stdout: { byte: 0x20, from: 'target', min: 1, max: MAX_CHUNK },
  stderr: { byte: 0x21, from: 'target', min: 1, max: MAX_CHUNK },
  exit: { byte: 0x30, from: 'target', min: 3, max: 3 },
}

/** Bytes before each payload. */
export const HEADER = 4

/** Signals that may be sent on: SIGHUP, SIGINT, SIGTERM. */
export const SIGNALS: Readonly<Record<number, 'SIGHUP' | 'SIGINT' | 'SIGTERM'>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  15: 'SIGTERM',
}

/** @throws RangeError for a payload that the table does not allow: a mistake of this side. */
export function encodeFrame(frame: Frame): Uint8Array {
  const payload = payloadOf(frame)
  const { byte, min, max } = FRAMES[frame.type]
  if (payload.byteLength < min || payload.byteLength > max)
    throw new RangeError(`a frame of type ${frame.type} holds ${min} to ${max} bytes, not ${payload.byteLength}`)
  const bytes = new Uint8Array(HEADER + payload.byteLength)
  bytes[0] = byte
  bytes[1] = payload.byteLength >> 16
  bytes[2] = payload.byteLength >> 8
  bytes[3] = payload.byteLength
  bytes.set(payload, HEADER)
  return bytes
}

function payloadOf(frame: Frame): Uint8Array {
  switch (frame.type) {
    case 'request': {
      const { signature, bytes } = frame
      if (signature.byteLength !== SIGNATURE) throw new RangeError(`a signature of ${signature.byteLength} bytes`)
      return Buffer.concat([signature, bytes])
    }
    case 'accepted':
      return frame.run
    case 'refused':
      return Buffer.from(frame.code, 'latin1')
    case 'signal':
      return Uint8Array.of(frame.number)
    case 'credit': {
      const bytes = Buffer.alloc(4)
      bytes.writeUInt32BE(frame.bytes)
      return bytes
    }
    case 'stdin':
    case 'stdout':
    case 'stderr':
      return frame.bytes
    case 'exit':
      return Uint8Array.of(frame.kind === 'code' ? 0 : 1, frame.number, CAUSES.indexOf(frame.cause))
    default:
      return new Uint8Array(0)
  }
}
