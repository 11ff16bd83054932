import { expect } from 'chai'
import type { ClientEvent } from '../../../src/core/client/api.ts'
import { Sessions } from '../../../src/core/client/sessions.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { expectRejects } from '../../helpers/errors.ts'

const rig = () => {
  const events: ClientEvent[] = []
  const calls: string[] = []
  const sessions = new Sessions({
    emit: (event) => void events.push(event),
    onOpened: (user) => void calls.push(`opened ${user}`),
    onClosed: (user, reason) => void calls.push(`closed ${user} ${reason}`),
  })
  return { sessions, events, calls, types: () => events.map(({ type }) => type) }
}

describe('client sessions', () => {
  it('open with an answer, or at once when they are open already', async () => {
    const { sessions, calls } = rig()
    const [first, second] = [sessions.answer('bob'), sessions.answer('bob')]
    sessions.handleOpened({ user: 'bob', present: true })
    expect(await Promise.all([first, second, sessions.answer('bob')])).to.deep.equal(
      Array(3).fill({ user: 'bob', present: true }),
    )
    expect(calls).to.deep.equal(['opened bob'])
    expect(sessions.list()).to.deep.equal([{ user: 'bob', present: true }])
  })

  it('say plainly why they do not open', async () => {
    const reasons = {
      declined: 'MSG_ERR_SESSION_DECLINED',
      busy: 'MSG_ERR_USER_BUSY',
      timeout: 'MSG_ERR_TIMEOUT',
      gone: 'MSG_ERR_USER_OFFLINE',
    } as const
    for (const [reason, code] of Object.entries(reasons)) {
      const { sessions } = rig()
      const answer = sessions.answer('bob')
      sessions.handleDeclined({ user: 'bob', reason: reason as keyof typeof reasons })
      await expectRejects(answer, code)
    }
  })

  it('tell of absence and return once each', () => {
    const { sessions, events, calls } = rig()
    for (const present of [true, true, false, false, true]) sessions.handleOpened({ user: 'bob', present })
    expect(events).to.deep.equal(
      [true, false, true].map((present) => ({ type: 'session.opened', with: 'bob', present })),
    )
    expect(calls).to.deep.equal(['opened bob'])
    expect(sessions.isPresent('bob')).to.equal(true)
  })

  it('list requests, oldest first, until they are answered or taken back', () => {
    const { sessions, types } = rig()
    for (const user of ['eve', 'bob', 'dan']) sessions.handleRequest({ user })
    sessions.handleAnswered('bob')
    sessions.handleClosed({ user: 'eve', reason: 'withdrawn' })
    expect(sessions.requests).to.deep.equal(['dan'])
    sessions.handleOpened({ user: 'dan', present: true })
    expect(sessions.requests).to.deep.equal([])
    expect(types()).to.deep.equal([
      'session.request',
      'session.request',
      'session.request',
      'session.withdrawn',
      'session.opened',
    ])
  })

  it('survive a lost server, except those it does not tell again', async () => {
    const { sessions, calls } = rig()
    for (const user of ['bob', 'eve']) sessions.handleOpened({ user, present: true })
    sessions.handleRequest({ user: 'dan' })
    const answer = sessions.answer('fay')
    sessions.handleDisconnected()
    await expectRejects(answer, 'MSG_ERR_CONNECTION_CLOSED')
    expect(sessions.requests).to.deep.equal([])
    expect(sessions.has('eve')).to.equal(true)
    sessions.handleOpened({ user: 'bob', present: true })
    sessions.dropStale()
    sessions.dropStale()
    expect(sessions.list().map(({ user }) => user)).to.deep.equal(['bob'])
    expect(calls).to.deep.equal(['opened bob', 'opened eve', 'closed eve gone'])
  })

  it('reject a question that was taken back', async () => {
    const { sessions } = rig()
    const answer = sessions.answer('bob')
    sessions.withdraw('bob', new MsgError('MSG_ERR_CANCELLED'))
    await expectRejects(answer, 'MSG_ERR_CANCELLED')
  })
})
