import { expect } from 'chai'
import { seconds, type Instant } from '../../../src/core/time/instant.ts'
import { RateMeter } from '../../../src/core/transfer/rate-meter.ts'

const at = (s: number): Instant => Math.round(s * 1_000_000)

describe('transfer/rate-meter', () => {
  it('is 0 before anything came', () => {
    expect(new RateMeter(0).rate(0)).to.equal(0)
    expect(new RateMeter(77).rate(at(100))).to.equal(0)
  })

  it('tells a steady rate, soon and for ever', () => {
    const meter = new RateMeter(at(50))
    for (let ms = 0; ms < 60_000; ms += 10) {
      const now = at(50 + ms / 1_000)
      meter.add(now, 1_000)
      if (ms > 1_000) expect(meter.rate(now)).to.be.within(95_000, 106_000)
    }
  })

  it('forgets what is older than its window', () => {
    const meter = new RateMeter(0, seconds(2))
    meter.add(0, 1e9)
    meter.add(at(1), 500)
    expect(meter.rate(at(1.5))).to.be.above(1e8)
    expect(meter.rate(at(2.5))).to.be.within(200, 300)
    expect(meter.rate(at(4))).to.equal(0)
  })

  it('follows a change within its window', () => {
    const meter = new RateMeter(0)
    for (let s = 0; s < 20; s += 0.1) meter.add(at(s), s < 10 ? 1_000_000 : 100_000)
    expect(meter.rate(at(20))).to.be.within(900_000, 1_100_000)
  })

  it('does not make much of a first burst', () => {
    const meter = new RateMeter(0)
    meter.add(1, 1_000)
    expect(meter.rate(1)).to.equal(4_000)
  })

  it('survives a clock that stands or a pause of days', () => {
    const meter = new RateMeter(0)
    for (let i = 0; i < 100; i++) meter.add(at(3), 1)
    expect(meter.rate(at(3))).to.be.closeTo(100 / 3, 1)
    meter.add(at(300_000), 50)
    expect(meter.rate(at(300_000))).to.be.within(9, 11)
  })
})
