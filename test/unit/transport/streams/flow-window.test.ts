import { expect } from 'chai'
import { FlowWindow } from '../../../../src/core/transport/streams/flow-window.ts'
import { ms } from '../../../helpers/time.ts'

const RTT = ms(100)

describe('transport/streams/flow-window', () => {
  it('starts at what was promised', () => {
    const window = new FlowWindow(1_000, 8_000)
    expect([window.size, window.limit]).to.deep.equal([1_000, 1_000])
  })

  it('tells of more when half of it is used up, and not before', () => {
    const window = new FlowWindow(1_000, 8_000)
    expect(window.update(0, 499, RTT)).to.equal(false)
    expect(window.limit).to.equal(1_000)
    expect(window.update(0, 500, RTT)).to.equal(true)
    expect(window.limit).to.equal(1_500)
    expect(window.update(0, 500, RTT)).to.equal(false)
  })

  it('doubles while halves of it are used up within four round trips, up to its most', () => {
    const window = new FlowWindow(1_000, 6_000)
    const sizes: number[] = []
    let consumed = 0
    for (let now = 0; sizes.length < 5; now += 4 * RTT - 1) {
      consumed = window.limit - window.size / 2
      expect(window.update(now, consumed, RTT)).to.equal(true)
      sizes.push(window.size)
    }
    expect(sizes).to.deep.equal([1_000, 2_000, 4_000, 6_000, 6_000])
    expect(window.limit).to.equal(consumed + 6_000)
  })

  it('stays as it is for a sender that takes its time', () => {
    const window = new FlowWindow(1_000, 8_000)
    for (let i = 1; i < 20; i++) {
      window.update(i * 4 * RTT, i * 500, RTT)
      expect(window.size).to.equal(1_000)
    }
  })

  it('never takes back what it allowed', () => {
    const window = new FlowWindow(1_000, 8_000)
    let limit = 0
    for (let consumed = 0; consumed < 100_000; consumed += 333) {
      window.update(consumed, Math.min(consumed, window.limit), RTT)
      expect(window.limit).to.be.at.least(limit)
      limit = window.limit
    }
  })
})
