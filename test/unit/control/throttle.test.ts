import { expect } from 'chai'
import { Throttle } from '../../../src/core/control/throttle.ts'
const seconds = (n: number): number => n * 1_000_000

describe('control/throttle', () => {
  it('lets the free failures pass, then doubles the wait up to a minute', () => {
    const throttle = new Throttle(5)
    let now = 0
    const waits: number[] = []
    for (let i = 0; i < 14; i++) {
      waits.push(throttle.delay(now, 'alice'))
      now += waits.at(-1) ?? 0
      throttle.fail(now, 'alice')
    }
    expect(waits).to.deep.equal([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60].map(seconds))
  })

  it('keeps keys apart, and forgets one that signed in', () => {
    const throttle = new Throttle(1)
    throttle.fail(0, 'alice')
    expect(throttle.delay(0, 'bob')).to.equal(0)
    expect(throttle.delay(0, 'alice')).to.equal(seconds(1))
    throttle.forget('alice')
    expect(throttle.delay(0, 'alice')).to.equal(0)
    expect(throttle.size).to.equal(0)
  })

  it('forgives one failure every ten minutes', () => {
    const throttle = new Throttle(1)
    for (let i = 0; i < 3; i++) throttle.fail(0, 'alice')
    expect(throttle.delay(seconds(4), 'alice')).to.equal(0)
    throttle.fail(seconds(1_200), 'alice')
    expect(throttle.delay(seconds(1_200), 'alice')).to.equal(seconds(2))
    expect(throttle.delay(seconds(86_400), 'alice')).to.equal(0)
  })

  it('does not wait longer than a minute however often it failed, and is forgiven within a day', () => {
    const throttle = new Throttle(5)
    for (let i = 0; i < 10_000; i++) throttle.fail(0, 'alice')
    expect(throttle.delay(0, 'alice')).to.equal(seconds(60))
    throttle.fail(seconds(86_400), 'alice')
    expect(throttle.delay(seconds(86_400), 'alice')).to.equal(0)
  })

  it('is bounded: the key that failed longest ago goes first', () => {
    const throttle = new Throttle(1)
    throttle.fail(0, 'first')
    for (let i = 0; i < 65_535; i++) throttle.fail(0, `k${i}`)
    expect(throttle.size).to.equal(65_536)
    throttle.fail(0, 'last')
    expect(throttle.size).to.equal(65_536)
    expect(throttle.delay(0, 'first')).to.equal(0)
    expect(throttle.delay(0, 'k0')).to.be.above(0)
  })
})
