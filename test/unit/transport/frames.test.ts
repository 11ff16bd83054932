import { expect } from 'chai'
import { encodeAck, FrameType, MAX_ACK_RANGES, streamOverhead, type Frame } from '../../../src/core/transport/frames.ts'
import { decodeFrames } from '../../helpers/frames.ts'
import { Writer } from '../../../src/core/wire/writer.ts'
import { expectCode } from '../../helpers/errors.ts'

const decode = (...bytes: number[]): Frame[] => [...decodeFrames(Uint8Array.from(bytes))]
const varints = (...values: number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 8)
  const writer = new Writer(bytes)
  for (const value of values) writer.varint(value)
  return bytes.subarray(0, writer.offset)
}
const encoded = (ranges: Array<{ start: number; end: number }>, delay = 0, room = 1_200): Uint8Array | undefined => {
  const bytes = new Uint8Array(room)
  const writer = new Writer(bytes)
  return encodeAck(writer, ranges, delay) ? bytes.subarray(0, writer.offset) : undefined
}

describe('transport/frames', () => {
  it('decodes one frame of every type', () => {
    const publicKey = Array.from({ length: 32 }, (_, i) => i)
    const cases: Array<[number[], object]> = [
      [[0x00], { type: 'padding' }],
      [[0x01], { type: 'ping' }],
      [[0x04, 4, 5, 6], { type: 'reset', stream: 4, code: 5, finalSize: 6 }],
      [[0x05, 4, 5], { type: 'stop', stream: 4, code: 5 }],
      [[0x08, 4, 5, 2, 9, 8], { type: 'stream', stream: 4, offset: 5, fin: false, data: Uint8Array.of(9, 8) }],
      [[0x09, 4, 5, 0], { type: 'stream', stream: 4, offset: 5, fin: true, data: new Uint8Array(0) }],
      [[0x10, 7], { type: 'max-data', limit: 7 }],
      [[0x11, 4, 7], { type: 'max-stream-data', stream: 4, limit: 7 }],
      [[0x12, 7], { type: 'max-streams', limit: 7 }],
      [[0x1c, 3, 2, 0x68, 0x69], { type: 'close', code: 3, reason: 'hi' }],
      [[0x30, ...publicKey], { type: 'rekey', publicKey: Uint8Array.from(publicKey) }],
    ]
    for (const [bytes, frame] of cases) expect(decode(...bytes)).to.deep.equal([frame])
    expect(decode(...cases.flatMap(([bytes]) => bytes))).to.deep.equal(cases.map(([, frame]) => frame))
  })

  it('refuses every type that it does not know', () => {
    const known = new Set<number>([...Object.values(FrameType), FrameType.stream | 1])
    for (let type = 0; type < 0x40; type++) {
      if (!known.has(type)) expectCode(() => decode(type, 0, 0, 0, 0), 'MSG_ERR_PROTOCOL')
    }
  })

  it('refuses every frame that is cut short', () => {
    const whole = [
      [0x02, 9, 0, 1, 2, 0, 0],
      [0x04, 4, 5, 6],
      [0x05, 4, 5],
      [0x08, 4, 5, 2, 9, 8],
      [0x10, 7],
      [0x11, 4, 7],
      [0x12, 7],
      [0x1c, 3, 2, 0x68, 0x69],
      [0x30, ...Array<number>(32).fill(1)],
    ]
    for (const bytes of whole) {
      expect(decode(...bytes)).to.have.length(1)
      for (let end = 1; end < bytes.length; end++) {
        expectCode(() => decode(...bytes.slice(0, end)), 'MSG_ERR_PROTOCOL')
      }
    }
  })

  it('yields the good frames before the one that breaks the rules', () => {
    const frames = decodeFrames(Uint8Array.of(0x01, 0x10, 7, 0x3f))
    expect(frames.next().value).to.deep.equal({ type: 'ping' })
    expect(frames.next().value).to.deep.equal({ type: 'max-data', limit: 7 })
    expectCode(() => frames.next(), 'MSG_ERR_PROTOCOL')
  })

  it('hands out stream data as a view', () => {
    const bytes = Uint8Array.of(0x08, 4, 0, 2, 1, 1)
    const [frame] = [...decodeFrames(bytes)]
    bytes[5] = 9
    expect(frame?.type === 'stream' && [...frame.data]).to.deep.equal([1, 9])
  })

  it('cuts the reason of a close and survives bytes that are not UTF-8', () => {
    const long = [...Buffer.from('é'.repeat(300))]
    const [frame] = [...decodeFrames(Uint8Array.from([0x1c, 0, ...varints(long.length), ...long]))]
    expect(frame?.type === 'close' && frame.reason).to.equal('é'.repeat(128))
    expect(decode(0x1c, 0, 1, 0xff)).to.deep.equal([{ type: 'close', code: 0, reason: '\ufffd' }])
  })

  it('spells an ACK as RFC 9000 section 19.3.1 does', () => {
    const ranges = [
      { start: 2, end: 4 },
      { start: 6, end: 7 },
      { start: 9, end: 11 },
    ]
    // largest 10, delay 5, two more ranges; [9, 10], then a gap of 8, then 6, a gap of 5 and 4, then [2, 3].
    const bytes = encoded(ranges, 5)!
    expect([...bytes]).to.deep.equal([0x02, 10, 5, 2, 1, 1, 0, 1, 1])
    expect(decode(...bytes)).to.deep.equal([{ type: 'ack', largest: 10, delay: 5, ranges: ranges.toReversed() }])
  })

  it('refuses an ACK that reaches below packet 0', () => {
    expectCode(() => decode(0x02, 5, 0, 0, 6), 'MSG_ERR_PROTOCOL')
    expect(decode(0x02, 5, 0, 0, 5)).to.have.length(1)
    expectCode(() => decode(0x02, 5, 0, 1, 0, 5, 0), 'MSG_ERR_PROTOCOL')
    expect(decode(0x02, 5, 0, 1, 0, 3, 0)).to.have.length(1)
    expectCode(() => decode(0x02, 5, 0, 1, 0, 3, 1), 'MSG_ERR_PROTOCOL')
  })

  it('refuses an ACK with more ranges than allowed, before reading them', () => {
    const largest = Number.MAX_SAFE_INTEGER
    expectCode(() => [...decodeFrames(varints(FrameType.ack, largest, 0, MAX_ACK_RANGES, 0))], 'MSG_ERR_PROTOCOL')
    expectCode(() => [...decodeFrames(varints(FrameType.ack, largest, 0, largest, 0))], 'MSG_ERR_PROTOCOL')
    const most = varints(FrameType.ack, 1_000, 0, MAX_ACK_RANGES - 1, 0, ...Array<number>(62).fill(0))
    expect([...decodeFrames(most)]).to.have.length(1)
  })

  it('holds the largest ACK that integers can spell', () => {
    const largest = Number.MAX_SAFE_INTEGER
    const [frame] = [...decodeFrames(varints(FrameType.ack, largest, largest, 0, largest))]
    expect(frame).to.deep.equal({ type: 'ack', largest, delay: largest, ranges: [{ start: 0, end: largest + 1 }] })
  })

  it('writes the newest ranges when not all are allowed', () => {
    const ranges = Array.from({ length: 40 }, (_, i) => ({ start: i * 2, end: i * 2 + 1 }))
    const [frame] = [...decodeFrames(encoded(ranges)!)]
    expect(frame?.type === 'ack' && frame.ranges).to.deep.equal(ranges.slice(-MAX_ACK_RANGES).toReversed())
  })

  it('writes as many ranges as there is room for, and nothing where not even one fits', () => {
    const ranges = Array.from({ length: 20 }, (_, i) => ({ start: 2 ** 31 + i * 2, end: 2 ** 31 + i * 2 + 1 }))
    for (let room = 0; room < 200; room++) {
      const bytes = encoded(ranges, 2 ** 31, room)
      if (room < 19) {
        expect(bytes, `room ${room}`).to.equal(undefined)
        continue
      }
      const [frame] = [...decodeFrames(bytes!)]
      const count = frame?.type === 'ack' ? frame.ranges.length : 0
      expect(count, `room ${room}`).to.be.at.least(1)
      expect(frame?.type === 'ack' && frame.ranges).to.deep.equal(ranges.slice(-count).toReversed())
    }
  })

  it('counts the bytes a stream frame takes beside its data', () => {
    expect(streamOverhead(0, 0, 10)).to.equal(4)
    expect(streamOverhead(64, 16_384, 1_000)).to.equal(1 + 2 + 4 + 2)
    expect(streamOverhead(2 ** 30, 2 ** 40, 100)).to.equal(1 + 8 + 8 + 2)
  })
})
