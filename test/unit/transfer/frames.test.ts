import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { encodeFrame, splitRanges } from '../../../src/core/transfer/frame-writer.ts'
import {
  FILES_PROTOCOL,
  FRAME,
  MAX_PIECE,
  MAX_RANGES,
  type Offer,
  type TransferFrame,
} from '../../../src/core/transfer/frames.ts'
import { BLOCKS_PROTOCOL } from '../../../src/core/transfer/block-stream.ts'
import { MAX_BLOCKS, MAX_ENTRIES, MAX_MANIFEST } from '../../../src/core/transfer/manifest.ts'
import { expectCode } from '../../helpers/errors.ts'
import { decodeFrames, someHash, transferId } from '../../helpers/transfers.ts'

const id = transferId(7)
const offer: Offer = {
  id,
  kind: 'file',
  resumable: true,
  name: 'снимок.png',
  size: 3_000_000,
  entryCount: 1,
  blockSize: 1_048_576,
  manifestLength: 40,
  manifestHash: someHash(1),
  room: '',
  root: undefined,
}
const ranges = [
  { start: 0, end: 1 },
  { start: 5, end: 70 },
  { start: MAX_BLOCKS - 2, end: MAX_BLOCKS },
]
const every: TransferFrame[] = [
  { type: 'offer', offer },
  { type: 'offer', offer: { ...offer, kind: 'folder', room: 'lab', root: someHash(2), size: 0 } },
  { type: 'offer', offer: { ...offer, kind: 'stream', resumable: false, size: -1 } },
  { type: 'withdraw', id },
  { type: 'accept', id },
  { type: 'decline', id, code: 0x36 },
  { type: 'manifest-want', id, offset: 70_000 },
  { type: 'manifest', id, offset: 0, bytes: Uint8Array.of(1, 2, 3) },
  { type: 'hashes-want', id, first: 4, count: 9 },
  { type: 'hashes', id, first: 4, bytes: Uint8Array.from(Buffer.concat([someHash(3), someHash(4)])) },
  { type: 'want', id, priority: 2, ranges },
  { type: 'cancel', id, ranges },
  { type: 'have', id, ranges: [{ start: 3, end: 4 }] },
  { type: 'pause', id },
  { type: 'continue', id },
  { type: 'stop', id, code: 0 },
  { type: 'root', id, size: 3_000_000, root: someHash(5), lastByte: 255 },
  { type: 'root', id, size: 1, root: someHash(5), lastByte: 0 },
  { type: 'root', id, size: 0, root: someHash(5), lastByte: null },
  { type: 'done', id, root: someHash(6) },
  { type: 'error', id, code: 0x61 },
  { type: 'root-want', id },
]
/** A frame by hand: type, then the payload after the id. */
const raw = (type: number, ...payload: number[]): Uint8Array => {
  const length = 16 + payload.length
  return Uint8Array.from([type, 0x40 | (length >> 8), length & 0xff, ...Buffer.from(id, 'hex'), ...payload])
}
const offered = (over: Partial<Offer>): Uint8Array => encodeFrame({ type: 'offer', offer: { ...offer, ...over } })

describe('transfer/frames', () => {
  it('round-trip in every kind, back to back and byte by byte', () => {
    const bytes = Buffer.concat(every.map(encodeFrame))
    expect(decodeFrames(bytes)).to.deep.equal(every)
    expect(decodeFrames(bytes, [...bytes.keys()])).to.deep.equal(every)
    expect(new Set(every.map(({ type }) => type)).size, 'each kind').to.equal(Object.keys(FRAME).length)
  })

  it('wait for the rest of a frame', () => {
    for (const frame of every) {
      const bytes = encodeFrame(frame)
      for (let end = 0; end < bytes.byteLength; end++) expect(decodeFrames(bytes.subarray(0, end))).to.deep.equal([])
    }
  })

  it('refuse a type that there is not, before its length', () => {
    for (const type of [0x00, 0x13, 0xff]) expectCode(() => decodeFrames(Uint8Array.of(type)), 'MSG_ERR_PROTOCOL')
  })

  it('refuse a length over the limit as soon as it is read', () => {
    for (const type of Object.values(FRAME))
      expectCode(() => decodeFrames(Uint8Array.of(type, 0x80, 0x02, 0, 0)), 'MSG_ERR_LIMIT')
    expectCode(() => decodeFrames(Uint8Array.of(FRAME.ACCEPT, 17)), 'MSG_ERR_LIMIT')
  })

  it('refuse payloads that are cut short or go on', () => {
    for (const frame of every) {
      const bytes = encodeFrame(frame)
      if (bytes[1]! > 0x3f) continue
      const longer = Uint8Array.from([...bytes, 0])
      longer[1]!++
      const shorter = bytes.slice(0, -1)
      shorter[1]!--
      const takesRest = frame.type === 'manifest' || frame.type === 'hashes'
      if (!takesRest) expect(() => decodeFrames(longer), frame.type).to.throw()
      if (!takesRest) expect(() => decodeFrames(shorter), frame.type).to.throw()
    }
  })

  it('refuse ranges that touch, overlap, are none, too many or past the end', () => {
    expectCode(() => decodeFrames(raw(FRAME.HAVE, 2, 0, 3, 0, 3)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(raw(FRAME.HAVE, 0)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(raw(FRAME.HAVE, 0x44, 0x01)), 'MSG_ERR_LIMIT')
    expectCode(() => decodeFrames(raw(FRAME.HAVE, 1, 0x80, 0x10, 0, 0, 0)), 'MSG_ERR_LIMIT')
    expect(decodeFrames(raw(FRAME.HAVE, 1, 0x80, 0x0f, 0xff, 0xff, 0))).to.deep.equal([
      { type: 'have', id, ranges: [{ start: MAX_BLOCKS - 1, end: MAX_BLOCKS }] },
    ])
    expectCode(() => decodeFrames(raw(FRAME.HAVE, 1, ...Array<number>(8).fill(0xff), 0)), 'MSG_ERR_PROTOCOL')
  })

  it('refuse offers that promise what cannot be', () => {
    expectCode(() => decodeFrames(offered({ name: '' })), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(offered({ name: 'x'.repeat(1_025) })), 'MSG_ERR_LIMIT')
    expectCode(() => decodeFrames(offered({ size: -1 })), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(offered({ size: 2 ** 50 })), 'MSG_ERR_LIMIT')
    expectCode(() => decodeFrames(offered({ blockSize: 1_000_000 })), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(offered({ entryCount: MAX_ENTRIES + 1 })), 'MSG_ERR_LIMIT')
    expectCode(() => decodeFrames(offered({ manifestLength: 0 })), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(offered({ manifestLength: MAX_MANIFEST + 1 })), 'MSG_ERR_LIMIT')
    expectCode(() => decodeFrames(offered({ room: 'x'.repeat(129) })), 'MSG_ERR_LIMIT')
    expectCode(() => decodeFrames(raw(FRAME.OFFER, 3)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(raw(FRAME.OFFER, 0, 2)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(raw(FRAME.OFFER, 0, 1, 1, 0xff)), 'MSG_ERR_PROTOCOL')
  })

  it('refuse pieces that are empty, too long, or hold part of a hash', () => {
    expectCode(() => decodeFrames(raw(FRAME.MANIFEST, 0)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(raw(FRAME.HASHES, 0, 1, 2, 3)), 'MSG_ERR_PROTOCOL')
    const bytes = new Uint8Array(MAX_PIECE)
    expect(decodeFrames(encodeFrame({ type: 'manifest', id, offset: 0, bytes }))).to.have.lengthOf(1)
    const longer = encodeFrame({ type: 'manifest', id, offset: 0, bytes: new Uint8Array(MAX_PIECE + 1) })
    expectCode(() => decodeFrames(longer), 'MSG_ERR_LIMIT')
  })

  it('refuse a last byte of nothing, and nothing as a last byte', () => {
    const hash = [...someHash(1)]
    expectCode(() => decodeFrames(raw(FRAME.ROOT, 0, ...hash, 1)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(raw(FRAME.ROOT, 1, ...hash, 0)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeFrames(raw(FRAME.ROOT, 1, ...hash, 0x41, 0x01)), 'MSG_ERR_LIMIT')
  })

  it('cut many ranges into frames that are taken', () => {
    const many = Array.from({ length: 2 * MAX_RANGES + 1 }, (_, n) => ({ start: 3 * n, end: 3 * n + 1 }))
    const lists = splitRanges(many)
    expect(lists.map(({ length }) => length)).to.deep.equal([MAX_RANGES, MAX_RANGES, 1])
    const frames = decodeFrames(Buffer.concat(lists.map((list) => encodeFrame({ type: 'have', id, ranges: list }))))
    expect(frames.flatMap((frame) => (frame.type === 'have' ? frame.ranges : []))).to.deep.equal(many)
    expect(splitRanges([])).to.deep.equal([])
  })

  it('are those of the table in PROTOCOL.md', () => {
    const text = readFileSync(new URL('../../../docs/PROTOCOL.md', import.meta.url), 'utf8')
    const section = text.slice(text.indexOf('\n## Transfers\n'))
    const rows = [...section.matchAll(/^\| ([A-Z-]+) (0x[\da-f]{2}) \|/gmu)].map(([, name, type]) => [
      name,
      Number(type),
    ])
    expect(rows).to.deep.equal(Object.entries(FRAME))
    for (const name of [FILES_PROTOCOL, BLOCKS_PROTOCOL]) expect(section).to.contain(`\`${name}\``)
    const source = readFileSync(new URL('../../../src/core/transfer/frames.ts', import.meta.url), 'utf8')
    const comment = [...source.matchAll(/^ \* ([A-Z-]+) +(0x[\da-f]{2}) /gmu)].map(([, name, type]) => [
      name,
      Number(type),
    ])
    expect(comment, 'the comment').to.deep.equal(Object.entries(FRAME))
  })
})
