import { expect } from 'chai'
import * as v from 'msg-cli/valibot'
import { options } from '../src/options.ts'
import { summary } from '../src/summary.ts'

describe('broadcast', () => {
  it('is for everyone, six times a minute, 4 KiB, unless told otherwise', () => {
    expect(v.parse(options, undefined)).to.deep.equal({ who: 'everyone', perMinute: 6, maxBytes: 4_096 })
    expect(v.parse(options, { who: ['Alice', 'bob'], perMinute: 1 })).to.deep.equal({
      who: ['Alice', 'bob'],
      perMinute: 1,
      maxBytes: 4_096,
    })
  })

  for (const [wrong, why] of [
    [{ who: 'somebody' }, 'who is everyone, none, or a list of names'],
    [{ who: ['no name!'] }, 'who: no name of a user'],
    [{ who: 7 }, 'who is everyone'],
    [{ perMinute: 0 }, 'perMinute is a whole number from 1 to 600'],
    [{ perMinute: 1.5 }, 'perMinute'],
    [{ perMinute: '6' }, 'perMinute'],
    [{ maxBytes: 10_001 }, 'maxBytes is a whole number from 1 to 10,000'],
    [{ perminute: 6 }, 'perminute'],
    [7, 'Object'],
  ] as const)
    it(`refuses the options ${JSON.stringify(wrong)}`, () => {
      const { issues } = v.safeParse(options, wrong)
      expect(issues?.[0].message).to.contain(why)
    })

  it('says who has heard it, and who has not', () => {
    const receipt = { id: '', at: '', delivered: { connections: 1, users: 1 }, missed: 0, without: 0 }
    expect(summary(receipt)).to.deep.equal(['Delivered to 1 connection of 1 user.'])
    expect(summary({ ...receipt, delivered: { connections: 3, users: 2 }, missed: 1, without: 2 })).to.deep.equal([
      'Delivered to 3 connections of 2 users.',
      '1 connection did not acknowledge it in time.',
      '2 connections got nothing: without the plugin broadcast.',
    ])
    const none = { ...receipt, delivered: { connections: 0, users: 0 } }
    expect(summary(none)).to.deep.equal(['Nobody else is connected.'])
    expect(summary({ ...none, without: 1 })[0]).to.equal('Delivered to nobody.')
  })
})
