import { expect } from 'chai'
import { Outbox } from '../../../src/core/chat/outbox.ts'
import { Outreach, type OutreachDeps } from '../../../src/core/client/outreach.ts'
import { Sessions } from '../../../src/core/client/sessions.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { outboxRow } from '../../helpers/chat.ts'
import { turns } from '../../helpers/lone-courier.ts'

const rig = () => {
  const outbox = new Outbox()
  const asked: string[] = []
  const active = new Set<string>()
  const world = { state: 'ringing', isAway: false }
  const sessions = new Sessions({ emit: () => {}, onOpened: () => {}, onClosed: () => {} })
  const outreach = new Outreach({
    uplink: {
      request: async (method: string, { user }: { user: string }) => {
        asked.push(`${method} ${user}`)
        if (world.isAway) throw new MsgError('MSG_ERR_SERVER_UNREACHABLE')
        if (method === 'user.watch') return { user, status: active.has(user) ? 'active' : 'offline' }
        return { user, state: world.state }
      },
    },
    courier: { outbox },
    sessions,
  } as unknown as OutreachDeps)
  return { outbox, asked, active, world, sessions, outreach }
}

describe('outreach', () => {
  it('looks after everybody for whom something waits in a session, when it starts', async () => {
    const { outbox, outreach, asked, active } = rig()
    active.add('bob')
    outbox.add(outboxRow(1, 'bob'))
    outbox.add(outboxRow(2, 'bob'))
    outbox.add(outboxRow(3, 'eve'))
    outbox.add(outboxRow(4, 'dan', { kind: 'room', room: 'lab' }))
    outreach.start()
    await turns()
    expect(asked).to.deep.equal(['user.watch bob', 'user.watch eve', 'session.open bob'])
  })

  it('asks once while the question rings', async () => {
    const { outbox, outreach, asked, sessions } = rig()
    outbox.add(outboxRow(1))
    void outreach.handleActive('bob')
    void outreach.handleActive('bob')
    await turns()
    expect(asked).to.deep.equal(['session.open bob'])
    sessions.handleDeclined({ user: 'bob', reason: 'declined' })
    await turns()
    void outreach.handleActive('bob')
    await turns()
    expect(asked, 'again when they are seen again').to.deep.equal(['session.open bob', 'session.open bob'])
  })

  it('asks nobody who is in a session, or for whom nothing waits', async () => {
    const { outbox, outreach, asked, sessions } = rig()
    await outreach.handleActive('bob')
    outbox.add(outboxRow(1, 'bob', { kind: 'room', room: 'lab' }))
    await outreach.handleActive('bob')
    outbox.add(outboxRow(2))
    sessions.handleOpened({ user: 'bob', present: true })
    await outreach.handleActive('bob')
    expect(asked).to.deep.equal([])
  })

  it('watches who is away and does not ask', async () => {
    const { outbox, outreach, asked } = rig()
    outbox.add(outboxRow(1))
    await outreach.seek('bob')
    expect(asked).to.deep.equal(['user.watch bob'])
  })

  it('does not wait for an answer where there is no question', async () => {
    const { outbox, outreach, world, asked } = rig()
    world.state = 'open'
    outbox.add(outboxRow(1))
    await outreach.handleActive('bob')
    await outreach.handleActive('bob')
    expect(asked).to.have.length(2)
  })

  it('bears a server that is away', async () => {
    const { outbox, outreach, world, asked } = rig()
    world.isAway = true
    outbox.add(outboxRow(1))
    await outreach.seek('bob')
    expect(await outreach.watch('bob')).to.equal(undefined)
    await outreach.handleActive('bob')
    world.isAway = false
    world.state = 'open'
    await outreach.handleActive('bob')
    expect(asked.filter((one) => one === 'session.open bob')).to.have.length(2)
  })
})
