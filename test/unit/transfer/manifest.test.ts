import { expect } from 'chai'
import {
  blockCount,
  blockLength,
  blockSizeFor,
  DEFAULT_BLOCK_SIZE,
  isBlockSize,
  MAX_BLOCK_SIZE,
  MAX_BLOCKS,
  MIN_BLOCK_SIZE,
} from '../../../src/core/transfer/manifest.ts'

const KIB = 1_024
const MIB = KIB * KIB
const GIB = KIB * MIB
const TIB = KIB * GIB

describe('transfer/manifest', () => {
  describe('the choice of a block size', () => {
    it('is the usual one as long as 65,536 blocks are enough', () => {
      expect([-1, 0, 1, 64 * GIB].map((size) => blockSizeFor(size))).to.deep.equal(Array(4).fill(DEFAULT_BLOCK_SIZE))
    })

    it('doubles when there would be more', () => {
      expect(blockSizeFor(64 * GIB + 1)).to.equal(2 * MIB)
      expect(blockSizeFor(300 * GIB)).to.equal(8 * MIB)
    })

    it('stops at the largest, and has more blocks then', () => {
      expect(blockSizeFor(TIB)).to.equal(MAX_BLOCK_SIZE)
      expect(blockSizeFor(3 * TIB)).to.equal(MAX_BLOCK_SIZE)
      expect(blockCount({ size: 3 * TIB, blockSize: MAX_BLOCK_SIZE })).to.equal(3 * 65_536)
    })

    it('begins at what was preferred', () => {
      expect(blockSizeFor(100, MIN_BLOCK_SIZE)).to.equal(256 * KIB)
      expect(blockSizeFor(17 * GIB, MIN_BLOCK_SIZE)).to.equal(512 * KIB)
      expect(blockSizeFor(100, MAX_BLOCK_SIZE)).to.equal(MAX_BLOCK_SIZE)
    })

    it('always gives one that is allowed', () => {
      for (let size = 1; size < 2 ** 52; size *= 3) expect(isBlockSize(blockSizeFor(size)), String(size)).to.equal(true)
    })
  })

  it('knows the sizes that blocks may have', () => {
    expect([MIN_BLOCK_SIZE, DEFAULT_BLOCK_SIZE, MAX_BLOCK_SIZE].every(isBlockSize)).to.equal(true)
    for (const n of [0, 1, -1, NaN, Infinity, MIN_BLOCK_SIZE / 2, MAX_BLOCK_SIZE * 2, 300_000, MIB + 1, MIB + 0.5])
      expect(isBlockSize(n), String(n)).to.equal(false)
  })

  it('counts blocks and tells the length of each', () => {
    const content = { size: 2 * MIB + 5, blockSize: MIB }
    expect(blockCount(content)).to.equal(3)
    expect([0, 1, 2, 3, 4].map((index) => blockLength(content, index))).to.deep.equal([MIB, MIB, 5, 0, 0])
    expect(blockCount({ size: 0, blockSize: MIB })).to.equal(0)
    expect(blockCount({ size: MIB, blockSize: MIB })).to.equal(1)
  })

  it('gives a stream whole blocks, as many as a transfer may have', () => {
    const stream = { size: -1, blockSize: MIB }
    expect(blockCount(stream)).to.equal(MAX_BLOCKS)
    expect(blockLength(stream, MAX_BLOCKS - 1)).to.equal(MIB)
  })
})
