import { expect } from 'chai'
import { RttEstimator } from '../../../../src/core/transport/recovery/rtt-estimator.ts'
import { ms } from '../../../helpers/time.ts'

describe('transport/recovery/rtt-estimator', () => {
  it('starts with the initial values of RFC 9002 section 6.2.2', () => {
    const rtt = new RttEstimator()
    expect(rtt.hasSample).to.equal(false)
    expect(rtt.smoothed).to.equal(ms(333))
    expect(rtt.latest).to.equal(0)
    expect(rtt.min).to.equal(0)
    expect(rtt.pto).to.equal(ms(333) + 4 * ms(166.5))
  })

  it('takes the first sample as it is, whatever the delay', () => {
    const rtt = new RttEstimator()
    rtt.update(ms(100), ms(25))
    expect(rtt.hasSample).to.equal(true)
    expect([rtt.latest, rtt.min, rtt.smoothed]).to.deep.equal([100, 100, 100].map(ms))
    expect(rtt.pto).to.equal(ms(100 + 4 * 50))
  })

  it('smooths as RFC 9002 section 5.3 does: variance first, from the old mean', () => {
    const rtt = new RttEstimator()
    rtt.update(ms(100), 0)
    rtt.update(ms(180), 0)
    // rttvar = 3/4 * 50 + 1/4 * |100 - 180| = 57.5; srtt = 7/8 * 100 + 1/8 * 180 = 110
    expect(rtt.smoothed).to.equal(ms(110))
    expect(rtt.pto).to.equal(ms(110 + 4 * 57.5))
  })

  it('subtracts the delay that the peer reports', () => {
    const rtt = new RttEstimator()
    rtt.update(ms(100), 0)
    rtt.update(ms(120), ms(20))
    expect(rtt.latest).to.equal(ms(120))
    expect(rtt.smoothed).to.equal(ms(100))
  })

  it('does not let a reported delay push a sample below the smallest one', () => {
    const rtt = new RttEstimator()
    rtt.update(ms(100), 0)
    rtt.update(ms(110), ms(20))
    expect(rtt.smoothed).to.equal(ms(100 * (7 / 8) + 110 / 8))
  })

  it('measures the smallest sample without any delay taken off', () => {
    const rtt = new RttEstimator()
    rtt.update(ms(100), 0)
    rtt.update(ms(90), ms(25))
    expect(rtt.min).to.equal(ms(90))
    rtt.update(ms(200), ms(25))
    expect(rtt.min).to.equal(ms(90))
  })

  it('counts a sample of 0 as one microsecond', () => {
    const rtt = new RttEstimator()
    rtt.update(0, 0)
    expect(rtt.latest).to.equal(1)
    expect(rtt.smoothed).to.equal(1)
  })

  it('never lets the probe timeout come closer to the mean than a millisecond', () => {
    const rtt = new RttEstimator()
    for (let i = 0; i < 200; i++) rtt.update(ms(10), 0)
    expect(rtt.smoothed).to.equal(ms(10))
    expect(rtt.pto).to.equal(ms(11))
  })

  it('settles on a new round trip within a few dozen samples', () => {
    const rtt = new RttEstimator()
    rtt.update(ms(10), 0)
    for (let i = 0; i < 60; i++) rtt.update(ms(50), 0)
    expect(rtt.smoothed).to.be.closeTo(ms(50), ms(0.1))
    expect(rtt.min).to.equal(ms(10))
  })

  it('starts from another round trip when told to', () => {
    expect(new RttEstimator(ms(20)).pto).to.equal(ms(20 + 40))
  })
})
