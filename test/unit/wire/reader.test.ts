import { expect } from 'chai'
import { Reader } from '../../../src/core/wire/reader.ts'
import { expectCode } from '../../helpers/errors.ts'

const reader = (...bytes: number[]): Reader => new Reader(Uint8Array.from(bytes))

describe('wire/reader', () => {
  it('reads bytes and 16-bit integers in network order and counts what remains', () => {
    const bytes = reader(0x01, 0x02, 0x03, 0xff)
    expect(bytes.remaining).to.equal(4)
    expect(bytes.u8()).to.equal(1)
    expect(bytes.u16()).to.equal(0x0203)
    expect(bytes.remaining).to.equal(1)
    expect(bytes.u8()).to.equal(255)
    expect(bytes.remaining).to.equal(0)
  })

  it('starts at the offset it is given', () => {
    const bytes = new Reader(Uint8Array.of(1, 2, 3), 2)
    expect(bytes.remaining).to.equal(1)
    expect(bytes.u8()).to.equal(3)
  })

  it('reads the sample integers of RFC 9000 appendix A.1', () => {
    expect(reader(0x25).varint()).to.equal(37)
    expect(reader(0x40, 0x25).varint()).to.equal(37)
    expect(reader(0x7b, 0xbd).varint()).to.equal(15_293)
    expect(reader(0x9d, 0x7f, 0x3e, 0x7d).varint()).to.equal(494_878_333)
    expectCode(() => reader(0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c).varint(), 'MSG_ERR_PROTOCOL')
  })

  it('takes 2^53 - 1 and refuses everything above', () => {
    expect(reader(0xc0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff).varint()).to.equal(Number.MAX_SAFE_INTEGER)
    expectCode(() => reader(0xc0, 0x20, 0, 0, 0, 0, 0, 0).varint(), 'MSG_ERR_PROTOCOL')
    expectCode(() => reader(0xc0, 0x20, 0, 0, 0, 0, 0, 1).varint(), 'MSG_ERR_PROTOCOL')
    expectCode(() => reader(...Array<number>(8).fill(0xff)).varint(), 'MSG_ERR_PROTOCOL')
  })

  it('refuses an integer that is cut short at every length', () => {
    for (const first of [0x40, 0x80, 0xc0]) {
      const length = 1 << (first >> 6)
      for (let given = 1; given < length; given++) {
        const bytes = Uint8Array.from({ length: given }, (_, i) => (i === 0 ? first : 0))
        expectCode(() => new Reader(bytes).varint(), 'MSG_ERR_PROTOCOL')
      }
    }
  })

  it('refuses to read past the end, whatever is read', () => {
    expectCode(() => reader().u8(), 'MSG_ERR_PROTOCOL')
    expectCode(() => reader(1).u16(), 'MSG_ERR_PROTOCOL')
    expectCode(() => reader().varint(), 'MSG_ERR_PROTOCOL')
    expectCode(() => reader(1, 2).bytes(3), 'MSG_ERR_PROTOCOL')
    expectCode(() => reader(1, 2).bytes(Number.MAX_SAFE_INTEGER), 'MSG_ERR_PROTOCOL')
  })

  it('hands out views and not copies', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4)
    const view = new Reader(bytes, 1).bytes(2)
    bytes[1] = 9
    expect([...view]).to.deep.equal([9, 3])
  })

  it('gives everything that remains, and then nothing', () => {
    const bytes = reader(1, 2, 3)
    bytes.u8()
    expect([...bytes.rest()]).to.deep.equal([2, 3])
    expect([...bytes.rest()]).to.deep.equal([])
    expect([...bytes.bytes(0)]).to.deep.equal([])
  })
})
