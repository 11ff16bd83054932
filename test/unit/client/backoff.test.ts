import { expect } from 'chai'
import { backoffMs, RECONNECT, RELINK } from '../../../src/core/client/backoff.ts'

describe('backoff', () => {
  it('doubles up to the cap', () => {
    const full = [1, 2, 3, 6, 7, 8, 1_000].map((attempt) => backoffMs(attempt, 1, RECONNECT))
    expect(full).to.deep.equal([500, 1_000, 2_000, 8_000, 8_000, 8_000, 8_000])
    expect(backoffMs(1, 1, RELINK)).to.equal(1_000)
  })

  it('spreads over the upper half', () => {
    expect([0, 0.5, 1].map((random) => backoffMs(2, random, RECONNECT))).to.deep.equal([500, 750, 1_000])
  })
})
