import { expect } from 'chai'
import { Reader } from '../../../src/core/wire/reader.ts'
import { varintSize, Writer } from '../../../src/core/wire/writer.ts'

/** Every boundary of the encoding's four lengths, and the values beside it. */
const BOUNDARIES: ReadonlyArray<readonly [value: number, size: number]> = [
  [0, 1],
  [1, 1],
  [0x3f, 1],
  [0x40, 2],
  [0x3fff, 2],
  [0x4000, 4],
  [0x3fff_ffff, 4],
  [0x4000_0000, 8],
  [0xffff_ffff, 8],
  [0x1_0000_0000, 8],
  [Number.MAX_SAFE_INTEGER, 8],
]

describe('wire/writer', () => {
  it('writes every integer in its shortest form, and the reader reads it back', () => {
    for (const [value, size] of BOUNDARIES) {
      const bytes = new Uint8Array(8)
      const writer = new Writer(bytes)
      writer.varint(value)
      expect(writer.offset, String(value)).to.equal(size)
      expect(varintSize(value), String(value)).to.equal(size)
      expect(new Reader(bytes).varint(), String(value)).to.equal(value)
    }
  })

  it('writes the sample integers of RFC 9000 appendix A.1', () => {
    const bytes = new Uint8Array(7)
    const writer = new Writer(bytes)
    for (const value of [37, 15_293, 494_878_333]) writer.varint(value)
    expect(Buffer.from(bytes).toString('hex')).to.equal('257bbd9d7f3e7d')
  })

  it('overwrites what was in the buffer, first byte included', () => {
    const bytes = new Uint8Array(8).fill(0xff)
    new Writer(bytes).varint(0x4000_0000)
    expect([...bytes]).to.deep.equal([0xc0, 0, 0, 0, 0x40, 0, 0, 0])
  })

  it('writes bytes and 16-bit integers in network order', () => {
    const bytes = new Uint8Array(6)
    const writer = new Writer(bytes, 1)
    writer.u8(7)
    writer.u16(0x0102)
    writer.bytes(Uint8Array.of(8, 9))
    expect([...bytes]).to.deep.equal([0, 7, 1, 2, 8, 9])
    expect(writer.remaining).to.equal(0)
  })

  it('skips over what somebody else fills', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const writer = new Writer(bytes)
    writer.skip(2)
    writer.u8(9)
    expect([...bytes]).to.deep.equal([1, 2, 9])
  })

  it('throws a RangeError past the end and moves nothing', () => {
    const writer = new Writer(new Uint8Array(3))
    expect(() => writer.varint(0x4000)).to.throw(RangeError)
    expect(() => writer.bytes(new Uint8Array(4))).to.throw(RangeError)
    expect(() => writer.skip(4)).to.throw(RangeError)
    expect(writer.offset).to.equal(0)
    writer.skip(3)
    expect(() => writer.u8(1)).to.throw(RangeError)
    expect(() => writer.u16(1)).to.throw(RangeError)
  })
})
