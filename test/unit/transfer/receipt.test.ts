import { expect } from 'chai'
import fc from 'fast-check'
import { seconds } from '../../../src/core/time/instant.ts'
import { Checkpoints, createReceipt, timeLeft } from '../../../src/core/transfer/receipt.ts'
import { someHash } from '../../helpers/transfers.ts'

describe('transfer/receipt', () => {
  it('says what was done', () => {
    const root = someHash(1)
    const facts = { bytes: 30_000_000, lastByte: 255, path: '/d/a.bin', retransmits: 3, sources: 2 }
    expect(createReceipt({ ...facts, root, took: seconds(1.5) })).to.deep.equal({
      ...facts,
      root: Buffer.from(root).toString('hex'),
      seconds: 1.5,
      megabytesPerSecond: 20,
    })
  })

  it('divides by no time', () => {
    const nothing = { bytes: 0, lastByte: null, path: null, retransmits: 0, sources: 1 }
    expect(createReceipt({ ...nothing, root: someHash(1), took: 0 })).to.include({
      seconds: 0,
      megabytesPerSecond: 0,
      lastByte: null,
    })
  })

  it('tells how long it will take, when that can be said', () => {
    expect(timeLeft(25, 100, 25)).to.equal(3)
    expect(timeLeft(25, 100, 0)).to.equal(null)
    expect(timeLeft(25, -1, 10)).to.equal(null)
    expect(timeLeft(100, 100, 0)).to.equal(0)
    expect(timeLeft(0, 0, 0)).to.equal(0)
  })

  describe('a checkpoint', () => {
    it('is told once, when it is crossed and not only when it is hit', () => {
      const half = new Checkpoints([0.5], 0, 101)
      expect([10, 50, 51, 60, 101].map((bytes) => half.cross(bytes, 101))).to.deep.equal([
        undefined,
        undefined,
        0.5,
        undefined,
        undefined,
      ])
    })

    it('is told when it is hit exactly', () => {
      expect(new Checkpoints([0.5], 0, 100).cross(50, 100)).to.equal(0.5)
    })

    it('is not told again when a transfer goes on behind it', () => {
      expect(new Checkpoints([0.5], 50, 100).cross(51, 100)).to.equal(undefined)
      expect(new Checkpoints([0.5], 49, 100).cross(51, 100)).to.equal(0.5)
    })

    it('is told as the last of several that one step crossed', () => {
      const many = new Checkpoints([0.75, 0.25, 0.5], 0, 100)
      expect(many.cross(60, 100)).to.equal(0.5)
      expect(many.cross(80, 100)).to.equal(0.75)
    })

    it('waits for the size', () => {
      const stream = new Checkpoints([0.5], 70, -1)
      expect(stream.cross(90, -1)).to.equal(undefined)
      expect(stream.cross(95, 100)).to.equal(0.5)
      expect(new Checkpoints([0.5], 0, 0).cross(0, 0)).to.equal(undefined)
    })

    it('is told exactly once, whatever the steps', () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (steps) => {
          const size = steps.reduce((sum, step) => sum + step, 0)
          const half = new Checkpoints([0.5], 0, size)
          let bytes = 0
          const told = steps.filter((step) => half.cross((bytes += step), size) !== undefined)
          expect(told).to.have.lengthOf(1)
        }),
      )
    })
  })
})
