import { expect } from 'chai'
import { noticeFor } from '../src/notice.ts'
import { People, type Output } from '../src/people.ts'

const TIMING = { graceMs: 5_000, windowMs: 5_000, threshold: 5 }

describe('people', () => {
  let people: People
  let now: number
  let outputs: Output[]

  beforeEach(() => {
    people = new People(TIMING)
    now = 0
    outputs = []
  })

  /** Virtual time passes, with every timer at its time. */
  const until = (end: number): void => {
    for (;;) {
      for (let output = people.poll(now); output; output = people.poll(now)) outputs.push(output)
      const next = people.pollTimeout() ?? Infinity
      if (next > end) break
      now = Math.max(now, next)
    }
    now = end
  }
  const notices = (): string[] =>
    outputs
      .splice(0)
      .flatMap((output) =>
        output.kind === 'notice' ? [...output.batch].map(([change, users]) => `${change} ${users.join(' ')}`) : [],
      )

  it('cost each client at most twelve notices for 1,000 joins within 10 s, and few bytes', () => {
    /** Notices and bytes of those who were there at the start, and of each who came. */
    const cost = new Map<string, { notices: number; bytes: number }>([['early', { notices: 0, bytes: 0 }]])
    const deliver = (): void => {
      for (const output of outputs.splice(0)) {
        if (output.kind !== 'notice') continue
        for (const [user, sum] of cost) {
          const notice = noticeFor(output.batch, new Date(now).toISOString(), 10, user)
          if (!notice) continue
          sum.notices++
          sum.bytes += Buffer.byteLength(JSON.stringify(notice))
        }
      }
    }
    for (let i = 0; i < 1_000; i++) {
      until(i * 10)
      deliver()
      cost.set(`user-${i}`, { notices: 0, bytes: 0 })
      people.handleVisible(now, `user-${i}`, true)
    }
    until(60_000)
    deliver()
    const all = [...cost.values()]
    expect(Math.max(...all.map((one) => one.notices))).to.be.at.most(12)
    expect(cost.get('early')!.notices).to.be.within(1, 12)
    expect(Math.max(...all.map((one) => one.bytes))).to.be.at.most(3_000)
    expect(people.size).to.equal(1_000)
  })

  it('count every one of a crowd once, in whatever order they come, go and are back', () => {
    const seen = new Map<string, number>()
    let at = 0
    for (let i = 0; i < 3_000; i++) {
      until((at += (i * 7) % 23))
      people.handleVisible(now, `user-${(i * 37) % 101}`, i % 3 !== 0)
    }
    until(at + 60_000)
    for (const output of outputs)
      if (output.kind === 'notice')
        for (const [change, users] of output.batch)
          for (const user of users) seen.set(user, (seen.get(user) ?? 0) + (change === 'joined' ? 1 : -1))
    const here = new Set(people.all().map(({ user }) => user))
    for (const [user, balance] of seen) expect(balance, user).to.equal(here.has(user) ? 1 : 0)
    expect([...seen].filter(([, balance]) => balance === 1).map(([user]) => user)).to.have.members([...here])
  })

  it('are away when nobody types at any of their clients, and back with the first key', () => {
    people.handleVisible(0, 'alice', true)
    people.handleOpen(0, 'a1', 'alice')
    people.handleOpen(0, 'a2', 'alice')
    until(100)
    notices()
    people.handleIdle(100, 'a1', 'alice', 10)
    until(200)
    expect([people.find('alice')?.state, notices()]).to.deep.equal(['here', []])
    people.handleIdle(200, 'a2', 'alice', 50)
    until(300)
    expect([people.find('alice'), notices()]).to.deep.equal([
      { user: 'alice', state: 'away', since: 50 },
      ['away alice'],
    ])
    people.handleIdle(300, 'a1', 'alice', undefined)
    until(400)
    expect([people.find('alice')?.state, notices()]).to.deep.equal(['here', ['back alice']])
    people.handleClosed(400, 'a1', 'alice')
    until(500)
    expect([people.find('alice')?.state, notices()]).to.deep.equal(['away', ['away alice']])
    people.handleVisible(500, 'alice', false)
    people.handleClosed(500, 'a2', 'alice')
    until(600)
    expect(notices()).to.deep.equal([])
  })

  it('who are invisible are not told of, whatever they do', () => {
    people.handleOpen(0, 'b1', 'bob')
    people.handleIdle(0, 'b1', 'bob', 0)
    people.handleIdle(1, 'b1', 'bob', undefined)
    people.handleClosed(2, 'b1', 'bob')
    until(60_000)
    expect([outputs, people.all()]).to.deep.equal([[], []])
    people.handleVisible(now, 'bob', true)
    people.handleOpen(now, 'b1', 'bob')
    people.handleVisible(now, 'bob', false)
    people.handleIdle(now, 'b1', 'bob', 60_000)
    until(120_000)
    expect([notices(), people.find('bob')]).to.deep.equal([['joined bob', 'left bob'], undefined])
  })

  it('are told as many as a notice has room for, with their number, and never of themselves', () => {
    const batch = new Map([['joined' as const, ['a', 'b', 'c', 'd']]])
    expect(noticeFor(batch, 't', 2)).to.deep.equal({ at: 't', joined: { count: 4, users: ['a', 'b'] } })
    expect(noticeFor(batch, 't', 2, 'a')).to.deep.equal({ at: 't', joined: { count: 3, users: ['b', 'c'] } })
    expect(noticeFor(new Map([['left' as const, ['a']]]), 't', 2, 'a')).to.equal(undefined)
  })
})
