import { expect } from 'chai'
import fc from 'fast-check'
import { FrameDecoder } from '../../../src/core/chat/frame-decoder.ts'
import { FrameWriter } from '../../../src/core/chat/frame-writer.ts'
import { MAX_AT, type ChatFrame, type ChatMessage } from '../../../src/core/chat/frames.ts'
import { MsgError } from '../../../src/core/errors.ts'

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 })
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((value) => Buffer.byteLength(value) <= 128)
const message: fc.Arbitrary<ChatMessage> = fc.record({
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  conversation: fc.oneof(
    name.map((user) => ({ kind: 'session' as const, user })),
    name.map((room) => ({ kind: 'room' as const, room })),
  ),
  seq: fc.maxSafeNat(),
  at: fc.nat({ max: MAX_AT }),
  text,
})
const frame: fc.Arbitrary<ChatFrame> = fc.oneof(
  message.map((value) => ({ type: 'message' as const, message: value, size: Buffer.byteLength(value.text) })),
  fc.maxSafeNat().map((count) => ({ type: 'ack' as const, count })),
  fc.maxSafeNat().map((ordinal) => ({ type: 'refused' as const, ordinal })),
  fc.maxSafeNat().map((version) => ({ type: 'hello' as const, version })),
)

const encode = (frames: readonly ChatFrame[]): Uint8Array => {
  const writer = new FrameWriter()
  for (const one of frames) {
    if (one.type === 'message') writer.message(one.message, one.size)
    else if (one.type === 'ack') writer.ack(one.count)
    else if (one.type === 'refused') writer.refused(one.ordinal)
    else writer.hello(one.version)
  }
  return new Uint8Array(writer.pending)
}

/** Frames decoded before the end or the first error; anything but a MsgError of the two codes escapes. */
const decode = (bytes: Uint8Array, cuts: readonly number[]): ChatFrame[] => {
  const decoder = new FrameDecoder()
  const frames: ChatFrame[] = []
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.byteLength + 1))), bytes.byteLength].sort((a, b) => a - b)
  let start = 0
  for (const end of ends) {
    decoder.handleBytes(bytes.slice(start, end))
    for (let next = decoder.pollFrame(); next; next = decoder.pollFrame()) frames.push(next)
    start = end
  }
  return frames
}

const orProtocolError = (act: () => void): void => {
  try {
    act()
  } catch (error) {
    if (!MsgError.is(error) || !['MSG_ERR_PROTOCOL', 'MSG_ERR_LIMIT'].includes(error.code)) throw error
  }
}

describe('fuzz: the chat codec', () => {
  it('decodes what it encodes, at every chunking', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
        expect(decode(encode(frames), cuts)).to.deep.equal(frames)
      }),
      { numRuns: 300 },
    )
  })

  it('answers arbitrary bytes with frames or a protocol error, whatever the chunks', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
        orProtocolError(() => void decode(bytes, cuts))
      }),
      { numRuns: 2_000 },
    )
  })

  it('answers mutated frames with frames or a protocol error', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { minLength: 1, maxLength: 5 }),
        fc.nat(),
        fc.nat({ max: 255 }),
        (frames, at, value) => {
          const bytes = encode(frames)
          bytes[at % bytes.byteLength] = value
          orProtocolError(() => void decode(bytes, [at]))
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
