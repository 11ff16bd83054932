import { expect } from 'chai'
import { HandshakeBudget } from '../../../src/core/transport/handshake-budget.ts'
import { s } from '../../helpers/time.ts'

const count = (times: number, take: () => boolean): number => Array.from({ length: times }, take).filter(Boolean).length

describe('transport/handshake-budget', () => {
  it('gives anybody 64 handshakes a second, and no more after a pause', () => {
    const budget = new HandshakeBudget(0)
    expect(count(100, () => budget.takeUnproven(0))).to.equal(64)
    expect(count(100, () => budget.takeUnproven(s(0.5)))).to.equal(32)
    expect(count(100, () => budget.takeUnproven(s(60)))).to.equal(64)
  })

  it('keeps what proven addresses may use apart from that, and gives each its share', () => {
    const budget = new HandshakeBudget(0)
    count(100, () => budget.takeUnproven(0))
    expect(count(100, () => budget.takeProven(0, '192.0.2.1'))).to.equal(64)
    expect(count(100, () => budget.takeProven(0, '192.0.2.2'))).to.equal(64)
    expect(count(50, () => budget.takeProven(0, '2001:db8::1'))).to.equal(50)
    expect(
      count(50, () => budget.takeProven(0, '2001:db8::2')),
      'of the same /64',
    ).to.equal(14)
  })

  it('bounds all together, however many addresses there are, and what is kept of them', () => {
    const budget = new HandshakeBudget(0)
    let n = 0
    expect(count(100_000, () => budget.takeProven(0, `10.${n >> 16}.${(n >> 8) & 255}.${n++ & 255}`))).to.equal(256)
    expect(count(1_000, () => budget.takeProven(s(1), `10.0.0.${n++ % 256}`))).to.equal(256)
  })
})
