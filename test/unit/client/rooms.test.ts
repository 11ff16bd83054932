import { expect } from 'chai'
import type { ClientEvent } from '../../../src/core/client/api.ts'
import { Rooms } from '../../../src/core/client/rooms.ts'

type Members = Array<{ user: string; present: boolean }>

const rig = (answers: Array<Members | Error>) => {
  const events: ClientEvent[] = []
  const calls: string[] = []
  let answer: () => void = () => {}
  const rooms = new Rooms({
    emit: (event) => void events.push(event),
    onMember: (room, user) => void calls.push(`${room}+${user}`),
    onMemberLeft: (room, user) => void calls.push(`${room}-${user}`),
    onClosed: (room) => void calls.push(`closed ${room}`),
    fetchMembers: (room) =>
      new Promise((resolve, reject) => {
        answer = () => {
          const members = answers.shift()!
          if (members instanceof Error) reject(members)
          else resolve({ room, owner: 'alice', members })
        }
      }),
  })
  const load = async (): Promise<void> => {
    answer()
    await rooms.settled()
  }
  return { rooms, events, calls, load, types: () => events.map(({ type }) => type) }
}
const here = (...users: string[]): Members => users.map((user) => ({ user, present: true }))

describe('client rooms', () => {
  it('know their members, who comes, goes, is away and back', async () => {
    const { rooms, calls, load, types } = rig([here('alice', 'bob')])
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    await load()
    for (const [user, change] of [
      ['eve', 'entered'],
      ['bob', 'away'],
      ['bob', 'back'],
      ['bob', 'left'],
    ] as const)
      rooms.handleMember({ room: 'lab', user, change })
    expect(rooms.members('lab').sort()).to.deep.equal(['alice', 'eve'])
    expect(calls).to.deep.equal(['lab+alice', 'lab+bob', 'lab+eve', 'lab-bob'])
    expect(types()).to.deep.equal(['room.entered', 'room.joined', 'room.away', 'room.back', 'room.left'])
  })

  it('count what changes while the members are fetched as newer', async () => {
    const { rooms, load } = rig([here('alice', 'bob', 'eve')])
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    rooms.handleMember({ room: 'lab', user: 'bob', change: 'left' })
    rooms.handleMember({ room: 'lab', user: 'dan', change: 'entered' })
    await load()
    expect(rooms.members('lab').sort()).to.deep.equal(['alice', 'dan', 'eve'])
  })

  it('ask for their members once while the answer is under way', async () => {
    const { rooms, load } = rig([here('alice'), here('nobody')])
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    rooms.handleMember({ room: 'lab', user: 'bob', change: 'entered' })
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    await load()
    expect(rooms.members('lab').sort()).to.deep.equal(['alice', 'bob'])
  })

  it('do not announce twice who came in', async () => {
    const { rooms, load, types } = rig([here('alice')])
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    await load()
    for (let i = 0; i < 2; i++) rooms.handleMember({ room: 'lab', user: 'bob', change: 'entered' })
    expect(types()).to.deep.equal(['room.entered', 'room.joined'])
  })

  it('refresh their members when the server is back, and drop rooms it does not tell again', async () => {
    const { rooms, calls, load, types } = rig([here('alice', 'bob'), here('alice', 'eve')])
    rooms.handleEntered({ room: 'lab', owner: 'bob' })
    await load()
    rooms.handleDisconnected()
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    await load()
    rooms.handleDisconnected()
    rooms.dropStale()
    expect(calls).to.deep.equal(['lab+alice', 'lab+bob', 'lab-bob', 'lab+eve', 'lab-alice', 'lab-eve', 'closed lab'])
    expect(types()).to.deep.equal(['room.entered', 'room.owner', 'room.closed'])
  })

  it('keep what they know when the members cannot be fetched', async () => {
    const { rooms, load } = rig([here('alice'), new Error('gone')])
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    await load()
    rooms.handleEntered({ room: 'lab', owner: 'alice' })
    await load()
    expect(rooms.members('lab')).to.deep.equal(['alice'])
    expect(rooms.isAnybodyPresent('lab', 'alice')).to.equal(false)
    expect(rooms.isMember('lab', 'alice')).to.equal(true)
  })

  it('ignore what concerns rooms they are not in', () => {
    const { rooms, events } = rig([])
    rooms.handleMember({ room: 'x', user: 'a', change: 'entered' })
    rooms.handleOwner({ room: 'x', owner: 'a' })
    rooms.handleClosed({ room: 'x', reason: 'closed' })
    expect(events).to.deep.equal([])
  })
})
