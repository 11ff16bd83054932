import { expect } from 'chai'
import { Pacer } from '../../../src/core/transport/pacer.ts'

const DATAGRAM = 1_200

describe('transport/pacer', () => {
  it('lets everything go before a rate is known, and charges nothing for it', () => {
    const pacer = new Pacer(12_000)
    for (let i = 0; i < 100; i++) {
      expect(pacer.ready(i, DATAGRAM, Infinity)).to.equal(i)
      pacer.onSent(DATAGRAM)
    }
    expect(pacer.ready(100, DATAGRAM, 1)).to.equal(100)
  })

  it('lets the initial burst go and then names the moment when the next datagram may', () => {
    const pacer = new Pacer(12_000)
    for (let i = 0; i < 10; i++) {
      expect(pacer.ready(0, DATAGRAM, 1)).to.equal(0)
      pacer.onSent(DATAGRAM)
    }
    pacer.onSent(DATAGRAM)
    expect(pacer.ready(0, DATAGRAM, 1)).to.equal(1_200)
    expect(pacer.ready(600, DATAGRAM, 1)).to.equal(1_200)
    expect(pacer.ready(1_201, DATAGRAM, 1)).to.equal(1_201)
  })

  it('lets a small datagram go on any credit, however large a full one is and however slow the path', () => {
    const pacer = new Pacer(12_000)
    expect(pacer.ready(0, 60_000, 0.005)).to.equal(0)
  })

  it('is ready at the moment it named, at any rate', () => {
    for (const rate of [0.001, 0.3, 1 / 3, 1.7, 7, 1_250]) {
      const pacer = new Pacer(0)
      let now = 0
      for (let i = 0; i < 50; i++) {
        const at = pacer.ready(now, DATAGRAM, rate)
        expect(at).to.be.at.least(now)
        // A rounding error may cost one more microsecond, never a loop.
        const again = pacer.ready(at, DATAGRAM, rate)
        expect(again).to.be.at.most(at + 1)
        now = again
        pacer.onSent(DATAGRAM)
      }
    }
  })

  it('spends its rate over time and no more than a burst above it', () => {
    const rate = 2
    const pacer = new Pacer(12_000)
    let sent = 0
    for (let now = 0; now <= 1_000_000; now = Math.max(now + 1, pacer.ready(now, DATAGRAM, rate))) {
      if (pacer.ready(now, DATAGRAM, rate) > now) continue
      pacer.onSent(DATAGRAM)
      sent += DATAGRAM
    }
    expect(sent).to.be.within(rate * 1_000_000 - DATAGRAM, rate * 1_000_000 + 12_000 + DATAGRAM)
  })

  it('saves up ten datagrams or two milliseconds of its rate, whichever is more, and not a byte beyond', () => {
    const burst = (rate: number): number => {
      const pacer = new Pacer(0)
      pacer.ready(0, DATAGRAM, rate)
      let count = 0
      const now = 60_000_000
      for (; pacer.ready(now, DATAGRAM, rate) === now; count++) pacer.onSent(DATAGRAM)
      return count
    }
    expect(burst(0.01)).to.equal(10)
    expect(burst(6)).to.equal(10)
    expect(burst(60)).to.equal(100)
    expect(burst(600)).to.equal(1_000)
  })

  it('makes up for what was sent without asking', () => {
    const pacer = new Pacer(1_200)
    pacer.ready(0, DATAGRAM, 1)
    pacer.onSent(DATAGRAM * 3)
    expect(pacer.ready(0, DATAGRAM, 1)).to.equal(DATAGRAM * 2)
  })

  it('forgets savings that a lower rate would not have allowed', () => {
    const pacer = new Pacer(0)
    pacer.ready(0, DATAGRAM, 600)
    pacer.ready(10_000_000, DATAGRAM, 600)
    let count = 0
    for (; pacer.ready(10_000_000, DATAGRAM, 0.5) === 10_000_000; count++) pacer.onSent(DATAGRAM)
    expect(count).to.equal(10)
  })
})
