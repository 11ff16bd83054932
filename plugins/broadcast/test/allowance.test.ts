import { expect } from 'chai'
import { Allowance } from '../src/allowance.ts'

describe('how often one may broadcast', () => {
  it('is so many at once and so many a minute, and one hears how long to wait', () => {
    const allowance = new Allowance(6)
    for (let i = 0; i < 6; i++) expect(allowance.take(0, 'alice')).to.equal(0)
    expect(allowance.take(0, 'alice')).to.equal(10_000)
    expect(allowance.take(4_000, 'alice')).to.equal(6_000)
    expect(allowance.take(10_000, 'alice')).to.equal(0)
    expect(allowance.take(10_000, 'alice')).to.equal(10_000)
  })

  it('is no matter of what others do, nor of a clock that goes back', () => {
    const allowance = new Allowance(1)
    expect(allowance.take(100, 'alice')).to.equal(0)
    expect(allowance.take(100, 'bob')).to.equal(0)
    expect(allowance.take(0, 'alice')).to.equal(60_000)
    allowance.take(3_600_000, 'carol')
    expect(allowance.take(0, 'carol')).to.equal(60_000)
    expect(allowance.take(60_000, 'carol')).to.equal(0)
  })

  it('takes memory only for those who have used some', () => {
    const allowance = new Allowance(60)
    for (let i = 0; i < 10_000; i++) allowance.take(i * 100, `user-${i}`)
    expect(allowance.size).to.be.at.most(512)
  })
})
