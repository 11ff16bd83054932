import { decodeFrame, type Frame } from '../../src/core/transport/frames.ts'
import { Reader } from '../../src/core/wire/reader.ts'

/** Decodes a packet's frames one by one. */
export function* decodeFrames(payload: Uint8Array): Generator<Frame, void, undefined> {
  const reader = new Reader(payload)
  while (reader.remaining > 0) yield decodeFrame(reader)
}
