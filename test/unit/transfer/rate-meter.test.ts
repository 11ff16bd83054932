import { expect } from 'chai'
import { RateMeter } from '../../../src/core/transfer/rate-meter.ts'
import { ms, s } from '../../helpers/time.ts'

const MIB = 1_048_576

describe('transfer/rate-meter', () => {
  it('knows nothing before time has passed', () => {
    const meter = new RateMeter(s(5), s(1))
    expect(meter.rate).to.equal(undefined)
    meter.add(s(5), MIB)
    expect(meter.rate).to.equal(undefined)
  })

  it('is right from the first measurement on', () => {
    const meter = new RateMeter(0, s(1))
    meter.add(ms(10), MIB)
    expect(meter.rate).to.be.closeTo(100 * MIB, 1)
    meter.add(ms(20), MIB)
    expect(meter.rate).to.be.closeTo(100 * MIB, 1)
  })

  it('measures blocks that take seconds each as those that come by the thousand', () => {
    for (const step of [ms(1), ms(50), s(1), s(20)]) {
      const meter = new RateMeter(0, s(1))
      for (let now = step; now <= 100 * step; now += step) meter.add(now, (10 * MIB * step) / s(1))
      expect(meter.rate, `${step} µs`).to.be.closeTo(10 * MIB, 1)
    }
  })

  it('forgets what is long ago', () => {
    const meter = new RateMeter(0, s(1))
    for (let now = ms(100); now <= s(10); now += ms(100)) meter.add(now, MIB)
    for (let now = s(10) + ms(100); now <= s(11); now += ms(100)) meter.add(now, 0)
    expect(meter.rate).to.be.closeTo((10 * MIB) / Math.E, 1_000)
    meter.add(s(60), 0)
    expect(meter.rate).to.be.below(1)
  })

  it('counts what comes at one moment together', () => {
    const [together, apart] = [new RateMeter(0, s(1)), new RateMeter(0, s(1))]
    for (let now = ms(100); now <= s(20); now += ms(100)) {
      together.add(now, 2 * MIB)
      apart.add(now, MIB)
      apart.add(now, MIB)
    }
    expect(apart.rate! / together.rate!).to.be.closeTo(1, 0.1)
  })

  it('does not mind a clock that goes back', () => {
    const meter = new RateMeter(s(1), s(1))
    meter.add(s(2), MIB)
    meter.add(s(1), 0)
    expect(meter.rate).to.be.closeTo(MIB, 1)
  })
})
