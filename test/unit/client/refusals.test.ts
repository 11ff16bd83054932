import { expect } from 'chai'
import { Refusals } from '../../../src/core/client/refusals.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'

describe('refusals', () => {
  const timers = useFakeTimers()
  let told: string[]
  let refusals: Refusals
  beforeEach(() => {
    told = []
    refusals = new Refusals({
      onRetry: (user, key) => void told.push(`${user} ${key}`),
      onWarning: (user) => void told.push(`warned of ${user}`),
    })
  })
  /** Refused, and tried again after so many milliseconds and not before. */
  const refusedFor = (ms: number): void => {
    refusals.handleRefused('bob', 's:bob')
    const before = told.length
    timers.tick(ms - 1)
    expect(told.length).to.equal(before)
    timers.tick(1)
    expect(told.at(-1)).to.equal('bob s:bob')
  }

  it('are tried again ever more seldom, up to a minute, and said at the third', () => {
    for (const seconds of [2, 4, 8, 16, 32, 60, 60]) refusedFor(seconds * 1_000)
    expect(told.filter((one) => one === 'warned of bob')).to.have.length(1)
    expect(told.indexOf('warned of bob')).to.equal(2)
  })

  it('that come together are one', () => {
    for (let i = 0; i < 10; i++) refusals.handleRefused('bob', 's:bob')
    timers.tick(2_000)
    expect(told).to.deep.equal(['bob s:bob'])
    timers.tick(100_000)
    expect(told).to.have.length(1)
  })

  it('start over when something was taken', () => {
    for (const seconds of [2, 4]) refusedFor(seconds * 1_000)
    refusals.handleDelivered('bob', 's:bob')
    refusedFor(2_000)
    expect(told).not.to.include('warned of bob')
  })

  it('are still tried again when something else was taken meanwhile', () => {
    refusals.handleRefused('bob', 's:bob')
    refusals.handleDelivered('bob', 's:bob')
    timers.tick(2_000)
    expect(told).to.deep.equal(['bob s:bob'])
    refusedFor(2_000)
  })

  it('are counted for each user and conversation', () => {
    refusals.handleRefused('bob', 's:bob')
    refusals.handleRefused('bob', 'r:lab')
    refusals.handleRefused('eve', 'r:lab')
    refusals.handleDelivered('dan', 's:dan')
    timers.tick(2_000)
    expect(told).to.have.members(['bob s:bob', 'bob r:lab', 'eve r:lab'])
  })

  it('are tried no more once closed', () => {
    refusals.handleRefused('bob', 's:bob')
    refusals.close()
    expect(timers.waiting).to.equal(0)
    timers.tick(100_000)
    expect(told).to.deep.equal([])
  })
})
