import { expect } from 'chai'
import fc from 'fast-check'
import { decodeLog, encodeRecord, RECORD_SIZE } from '../../../../src/core/io/transfer/block-log.ts'

const KEY = 'aa'
const hash = (n: number): Uint8Array => new Uint8Array(32).fill(n)
const log = (...indices: number[]): Buffer =>
  Buffer.concat(indices.map((index) => encodeRecord(KEY, index, hash(index))))
const indices = (bytes: Uint8Array, key = KEY, blocks = 100): number[] => [...decodeLog(key, bytes, blocks).keys()]

describe('io/transfer/block-log', () => {
  it('gives back what was appended', () => {
    expect(decodeLog(KEY, log(3, 1, 2), 4)).to.deep.equal(
      new Map([
        [3, hash(3)],
        [1, hash(1)],
        [2, hash(2)],
      ]),
    )
    expect(encodeRecord(KEY, 2 ** 32 - 1, hash(1))).to.have.length(RECORD_SIZE)
  })

  it('takes the last record of a block', () => {
    const bytes = Buffer.concat([encodeRecord(KEY, 1, hash(1)), encodeRecord(KEY, 1, hash(2))])
    expect(decodeLog(KEY, bytes, 2)).to.deep.equal(new Map([[1, hash(2)]]))
  })

  it('believes nothing of another transfer, and no block that the manifest does not have', () => {
    expect(indices(log(1, 2), 'bb')).to.deep.equal([])
    expect(indices(log(1, 2, 3), KEY, 3)).to.deep.equal([1, 2])
  })

  it('passes over a record that is cut short, wherever it is cut', () => {
    for (let length = 0; length <= 80; length++)
      expect(indices(log(1, 2).subarray(0, length))).to.deep.equal([1, 2].slice(0, Math.floor(length / 40)))
  })

  it('passes over a damaged record and reads those after it', () => {
    for (let at = 40; at < 80; at++) {
      const bytes = log(1, 2, 3)
      bytes[at]! ^= 1
      expect(indices(bytes)).to.deep.equal([1, 3])
    }
  })

  it('reads any bytes without throwing, and finds nothing in noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect(indices(bytes)).to.deep.equal([])
      }),
    )
  })
})
