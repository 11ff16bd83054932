import { expect } from 'chai'
import { seconds } from '../../../src/core/time/instant.ts'
import { createReceipt, timeLeft } from '../../../src/core/transfer/receipt.ts'
import { someHash } from '../../helpers/transfers.ts'

describe('transfer/receipt', () => {
  it('says what was done, and how fast what went over links now went', () => {
    const root = someHash(1)
    const facts = { bytes: 30_000_000, lastByte: 255, path: '/d/a.bin', retransmits: 3, sources: 2 }
    expect(createReceipt({ ...facts, root, moved: 15_000_000, took: seconds(1.5) })).to.deep.equal({
      ...facts,
      root: Buffer.from(root).toString('hex'),
      seconds: 1.5,
      megabytesPerSecond: 10,
    })
  })

  it('divides by no time', () => {
    const nothing = { bytes: 0, lastByte: null, path: null, retransmits: 0, sources: 1 }
    expect(createReceipt({ ...nothing, root: someHash(1), moved: 0, took: 0 })).to.include({
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
})
