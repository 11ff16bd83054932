import { expect } from 'chai'
import { FlapFilter } from '../src/flap-filter.ts'

describe('who is here', () => {
  let filter: FlapFilter
  beforeEach(() => {
    filter = new FlapFilter({ graceMs: 5_000 })
  })
  const left = (now: number): string[] => {
    const users: string[] = []
    for (let one = filter.pollLeft(now); one; one = filter.pollLeft(now)) users.push(`${one.user} ${one.at}`)
    return users
  }

  it('is news once, however often the connection breaks and is back within the grace', () => {
    expect(filter.handleVisible(0, 'alice')).to.equal(true)
    for (let at = 1_000; at < 100_000; at += 6_000) {
      filter.handleHidden(at, 'alice')
      expect(left(at + 4_999)).to.deep.equal([])
      expect(filter.handleVisible(at + 4_999, 'alice')).to.equal(false)
    }
    expect(filter.pollTimeout()).to.equal(undefined)
    expect(filter.since('alice')).to.equal(0)
  })

  it('ends when the grace is over, as of when they went', () => {
    filter.handleVisible(0, 'alice')
    filter.handleVisible(0, 'bob')
    filter.handleHidden(1_000, 'alice')
    filter.handleHidden(2_000, 'bob')
    filter.handleHidden(3_000, 'bob')
    expect(filter.pollTimeout()).to.equal(6_000)
    expect(left(5_999)).to.deep.equal([])
    expect(left(7_000)).to.deep.equal(['alice 1000', 'bob 2000'])
    expect(filter.handleVisible(8_000, 'alice')).to.equal(true)
  })

  it('is nobody who has gone, even while that is not told', () => {
    filter.handleVisible(0, 'alice')
    filter.handleVisible(0, 'bob')
    filter.handleHidden(1_000, 'alice')
    expect([...filter.people()]).to.deep.equal([{ user: 'bob', since: 0 }])
    expect([filter.size, filter.since('alice'), filter.wentAt('alice')]).to.deep.equal([1, undefined, 1_000])
  })

  it('is no news of somebody whom a restart has sent away, if they are back in time', () => {
    filter.expect('alice', 10, 60_000)
    filter.expect('bob', 20, 60_000)
    expect(filter.size).to.equal(0)
    expect(filter.handleVisible(30_000, 'alice')).to.equal(false)
    filter.handleVisible(30_000, 'carol')
    filter.handleHidden(31_000, 'carol')
    expect(filter.pollTimeout()).to.equal(36_000)
    expect(left(60_000)).to.deep.equal(['carol 31000', 'bob 20'])
  })

  it('has no grace where it is told so, and forgets everybody who has left', () => {
    filter = new FlapFilter({ graceMs: 0 })
    for (let i = 0; i < 100; i++) filter.handleVisible(i, `u${i}`)
    for (let i = 0; i < 100; i++) filter.handleHidden(200, `u${i}`)
    expect(left(200)).to.have.length(100)
    expect([filter.size, filter.pollTimeout()]).to.deep.equal([0, undefined])
  })
})
