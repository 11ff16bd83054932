import { expect } from 'chai'
import { RateLimit } from '../../../src/core/transfer/rate-limit.ts'
import { ms, s } from '../../helpers/time.ts'

/** Passes blocks as soon as they may, asked every `step`. @returns bytes in the time. */
function pass(limit: RateLimit, from: number, time: number, bytes: number, step = ms(1)): number {
  let passed = 0
  for (let now = from; now < from + time; now += step)
    while (limit.wait(now) === 0) {
      limit.handlePassed(now, bytes)
      passed += bytes
      if (passed > 1e9) return Infinity
    }
  return passed
}

describe('transfer/rate-limit', () => {
  it('lets its rate pass, whatever the size of the blocks', () => {
    for (const bytes of [1_000, 50_000, 1_000_000])
      expect(pass(new RateLimit(0, 1_000_000), 0, s(20), bytes), String(bytes)).to.be.within(19_900_000, 21_100_000)
  })

  it('lets a block pass that is bigger than a second allows, and waits for it afterwards', () => {
    const limit = new RateLimit(0, 1_000)
    expect(limit.wait(0)).to.equal(0)
    limit.handlePassed(0, 10_000)
    expect(limit.wait(0)).to.be.within(s(9.9), s(10))
    expect(limit.wait(s(10))).to.equal(0)
  })

  it('holds its rate though it is asked late', () => {
    expect(pass(new RateLimit(0, 1_000_000), 0, s(20), 1_000, ms(50))).to.be.within(19_000_000, 20_200_000)
  })

  it('does not let a long pause be caught up', () => {
    const limit = new RateLimit(0, 1_000_000)
    expect(pass(limit, s(1_000), s(1), 1_000)).to.be.within(1_000_000, 1_110_000)
  })

  it('pays at a new rate for what passed', () => {
    const limit = new RateLimit(0, 1_000)
    limit.handlePassed(0, 10_100)
    limit.setRate(0, 10_000)
    expect(limit.wait(0)).to.be.within(s(0.99), s(1.01))
    limit.setRate(0, Infinity)
    expect(limit.wait(0)).to.equal(0)
    limit.setRate(0, 1_000)
    expect(limit.wait(0)).to.equal(0)
  })

  it('limits nothing at an infinite rate', () => {
    expect(pass(new RateLimit(0, Infinity), 0, ms(1), 1_000_000)).to.equal(Infinity)
  })
})
