import { expect } from 'chai'
import * as v from 'msg-cli/valibot'
import { duration } from '../src/duration.ts'
import { sentence } from '../src/notice.ts'
import { options } from '../src/options.ts'

describe('what presence says', () => {
  it('is one line for one, for few and for many', () => {
    expect(sentence('joined', { count: 1, users: ['alice'] })).to.equal('alice is here.')
    expect(sentence('left', { count: 2, users: ['alice', 'bob'] })).to.equal('2 people left: alice, bob.')
    expect(sentence('joined', { count: 12, users: ['alice', 'bob'] })).to.equal(
      '12 people joined, among them alice, bob.',
    )
  })

  it('is how long ago, in one number', () => {
    const times = [-5, 59_999, 60_000, 119 * 60_000, 120 * 60_000, 47.9 * 3_600_000, 48 * 3_600_000]
    expect(times.map(duration)).to.deep.equal(['a moment', 'a moment', '1 min', '119 min', '2 h', '47 h', '2 days'])
  })

  it('has sensible defaults', () => {
    expect(v.parse(options, undefined)).to.deep.equal({
      graceMs: 5_000,
      windowMs: 5_000,
      threshold: 5,
      names: 10,
      lastSeen: true,
      awayAfterMinutes: 10,
      awayNotices: false,
    })
  })

  for (const [wrong, why] of [
    [{ graceMs: -1 }, 'graceMs is a number from 0'],
    [{ graceMs: 1.5 }, 'graceMs is a whole number'],
    [{ windowMs: '5' }, 'windowMs is a number'],
    [{ threshold: 0 }, 'threshold'],
    [{ names: 51 }, 'names'],
    [{ lastSeen: 'no' }, 'lastSeen is true or false'],
    [{ awayAfterMinutes: NaN }, 'awayAfterMinutes'],
    [{ grace: 5 }, 'grace'],
    [true, 'Object'],
  ] as const)
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      const { issues } = v.safeParse(options, wrong)
      expect(issues?.[0].message).to.contain(why)
    })
})
