import { expect } from 'chai'
import type { Conversation } from '../../../src/core/chat/conversation.ts'
import { Outbox } from '../../../src/core/chat/outbox.ts'
import { Conversations, type ConversationsDeps } from '../../../src/core/client/conversations.ts'
import { Rooms } from '../../../src/core/client/rooms.ts'
import { Sessions } from '../../../src/core/client/sessions.ts'
import { outboxRow } from '../../helpers/chat.ts'
import { expectCode } from '../../helpers/errors.ts'

const session = (user: string): Conversation => ({ kind: 'session', user })
const room = (name: string): Conversation => ({ kind: 'room', room: name })

const rig = ({ keepOpen = false } = {}) => {
  const asked: Array<[string, object]> = []
  const outbox = new Outbox()
  const waits: string[] = []
  const sessions = new Sessions({
    emit: () => {},
    onOpened: (user) => conversations.handleOpened(session(user)),
    onClosed: (user) => conversations.handleClosed(session(user)),
  })
  const members = ['alice', 'bob'].map((user) => ({ user, present: true }))
  const rooms: Rooms = new Rooms({
    emit: () => {},
    onMember: () => {},
    onMemberLeft: () => {},
    onClosed: (name) => conversations.handleClosed(room(name)),
    fetchMembers: async (name) => ({ room: name, owner: rooms.ownerOf(name) ?? '', members }),
  })
  const deps = {
    uplink: {
      request: async (method: string, params: { room?: string; user?: string }) => {
        asked.push([method, params])
        return { ...params, closed: params.room !== undefined && rooms.ownerOf(params.room) === 'alice' }
      },
    },
    sessions,
    rooms,
    keepOpen,
    self: () => 'alice',
    courier: () => ({
      outbox,
      until: async (isDone: () => boolean) => void waits.push(isDone() ? 'nothing' : 'something'),
    }),
  }
  const conversations: Conversations = new Conversations(deps as unknown as ConversationsDeps)
  const enter = async (name: string, owner: string): Promise<void> => {
    rooms.handleEntered({ room: name, owner })
    await rooms.settled()
  }
  return { conversations, sessions, rooms, outbox, asked, waits, enter }
}

describe('conversations', () => {
  it('speak into the first that opens, until it closes', () => {
    const { conversations, sessions } = rig()
    for (const user of ['bob', 'eve']) sessions.handleOpened({ user, present: true })
    expect(conversations.current).to.deep.equal(session('bob'))
    sessions.handleClosed({ user: 'eve', reason: 'left' })
    expect(conversations.isCurrent(session('bob'))).to.equal(true)
    sessions.handleClosed({ user: 'bob', reason: 'left' })
    expect(conversations.current).to.equal(undefined)
  })

  it('leave one for another, after what was said last', async () => {
    const { conversations, sessions, outbox, asked, waits } = rig()
    sessions.handleOpened({ user: 'bob', present: true })
    outbox.add(outboxRow(1, 'bob'))
    sessions.handleOpened({ user: 'eve', present: true })
    await conversations.switchTo(session('eve'))
    expect(waits).to.deep.equal(['something'])
    expect(asked).to.deep.equal([['session.close', { user: 'bob' }]])
    expect(conversations.list().map(({ conversation, current }) => [conversation, current])).to.deep.equal([
      [session('eve'), true],
    ])
  })

  it('stay where they are when they switch to the present one, and when several are kept', async () => {
    const { conversations, sessions, asked } = rig()
    sessions.handleOpened({ user: 'bob', present: true })
    await conversations.switchTo(session('bob'))
    expect(asked).to.deep.equal([])
    const keeping = rig({ keepOpen: true })
    for (const user of ['bob', 'eve']) keeping.sessions.handleOpened({ user, present: true })
    await keeping.conversations.switchTo(session('eve'))
    expect(keeping.asked).to.deep.equal([])
    expect(keeping.conversations.list()).to.have.length(2)
  })

  it('do not leave what was closed while they waited', async () => {
    const { conversations, sessions, asked } = rig()
    sessions.handleOpened({ user: 'bob', present: true })
    const switching = conversations.switchTo(session('eve'))
    sessions.handleClosed({ user: 'bob', reason: 'left' })
    await switching
    expect(asked).to.deep.equal([])
    expect(conversations.current).to.deep.equal(session('eve'))
  })

  it('tell a session and a room of one name apart', async () => {
    const { conversations, sessions, enter } = rig({ keepOpen: true })
    sessions.handleOpened({ user: 'bob', present: true })
    await enter('bob', 'eve')
    expect(conversations.isCurrent(room('bob'))).to.equal(false)
    conversations.handleClosed(room('bob'))
    expect(conversations.current).to.deep.equal(session('bob'))
  })

  it('warn before a room closes for others, and only then', async () => {
    const { conversations, rooms, enter } = rig()
    await enter('lab', 'alice')
    await conversations.switchTo(room('lab'))
    expectCode(() => conversations.checkSwitch(), 'MSG_ERR_OWNER_LEAVING')
    expectCode(() => conversations.checkSwitch('other'), 'MSG_ERR_OWNER_LEAVING')
    conversations.checkSwitch('LAB')
    rooms.handleMember({ room: 'lab', user: 'bob', change: 'left' })
    conversations.checkSwitch()
    rooms.handleMember({ room: 'lab', user: 'bob', change: 'entered' })
    rooms.handleOwner({ room: 'lab', owner: 'bob' })
    conversations.checkSwitch()
    conversations.checkOwner(session('bob'))
  })

  it('are found however their name is typed, or said to be missing', async () => {
    const { conversations, sessions, enter } = rig({ keepOpen: true })
    expectCode(() => conversations.find(undefined), 'MSG_ERR_NO_CONVERSATION')
    sessions.handleOpened({ user: 'Bob', present: true })
    await enter('Lab', 'eve')
    expect(conversations.find(session('bOB'))).to.deep.equal(session('Bob'))
    expect(conversations.find(room('lab'))).to.deep.equal(room('Lab'))
    expectCode(() => conversations.find(session('lab')), 'MSG_ERR_SESSION_UNKNOWN')
    expectCode(() => conversations.find(room('bob')), 'MSG_ERR_NOT_ROOM_MEMBER')
  })

  it('say whether a room was closed by leaving it', async () => {
    const { conversations, enter, asked } = rig({ keepOpen: true })
    await enter('mine', 'alice')
    await enter('other', 'eve')
    expect(await conversations.leave(room('other'))).to.equal(false)
    expect(await conversations.leave(room('mine'), 'bob')).to.equal(true)
    expect(asked.map(([, params]) => params)).to.deep.equal([{ room: 'other' }, { room: 'mine', to: 'bob' }])
    expect(conversations.list()).to.deep.equal([])
  })

  it('are under way while somebody who is there has yet to acknowledge', async () => {
    const { conversations, sessions, rooms, outbox, enter } = rig({ keepOpen: true })
    sessions.handleOpened({ user: 'bob', present: false })
    await enter('lab', 'eve')
    outbox.add(outboxRow(1, 'bob'))
    expect(conversations.isUnderWay(), 'an absent user is not waited for').to.equal(false)
    sessions.handleOpened({ user: 'bob', present: true })
    expect([
      conversations.isUnderWay(),
      conversations.isUnderWay('s:bob'),
      conversations.isUnderWay('r:lab'),
    ]).to.deep.equal([true, true, false])
    outbox.add(outboxRow(2, 'bob', room('lab')))
    expect(conversations.isUnderWay('r:lab')).to.equal(true)
    rooms.handleMember({ room: 'lab', user: 'bob', change: 'away' })
    expect(conversations.isUnderWay('r:lab')).to.equal(false)
    expect(conversations.list().map(({ present, queued }) => [present, queued])).to.deep.equal([
      [true, 1],
      [false, 1],
    ])
  })
})
