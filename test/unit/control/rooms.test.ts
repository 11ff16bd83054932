import { expect } from 'chai'
import { DirectoryLab } from '../../helpers/directory-lab.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('control/rooms', () => {
  let lab: DirectoryLab
  let alice: number
  let bob: number
  const rooms = (id: number): string[] => lab.heard(id).filter((line) => line.startsWith('room.'))

  beforeEach(() => {
    lab = new DirectoryLab()
    alice = lab.signIn('alice')
    bob = lab.signIn('bob')
    lab.forget()
  })

  it('makes the creator owner and member, and tells all of their connections', () => {
    const alice2 = lab.signIn('alice')
    expect(lab.ask(alice, 'room.create', { room: 'Lab' })).to.deep.equal({ room: 'Lab' })
    expect(rooms(alice)).to.deep.equal(['room.entered Lab Alice'])
    expect(rooms(alice2)).to.deep.equal(['room.entered Lab Alice'])
    expect(lab.directory.members('lab')).to.deep.equal({
      room: 'Lab',
      owner: 'Alice',
      members: [{ user: 'Alice', present: true }],
    })
    expect(lab.writes).to.deep.equal([
      { op: 'room.put', room: 'lab', name: 'Lab', owner: 'alice' },
      { op: 'member.put', room: 'lab', user: 'alice' },
    ])
  })

  it('refuses a name that is taken or no name', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    expectCode(() => lab.ask(bob, 'room.create', { room: 'LAB' }), 'MSG_ERR_ROOM_TAKEN')
    expectCode(() => lab.ask(bob, 'room.create', { room: 'a room' }), 'MSG_ERR_NAME_INVALID')
    expectCode(() => lab.ask(bob, 'room.enter', { room: 'a room' }), 'MSG_ERR_ROOM_UNKNOWN')
    expectCode(() => lab.ask(bob, 'room.members', { room: 'nowhere' }), 'MSG_ERR_ROOM_UNKNOWN')
  })

  it('tells members who enters, and nobody who enters again', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.forget()
    expect(lab.ask(bob, 'room.enter', { room: 'lab' })).to.deep.equal({ room: 'Lab', owner: 'Alice' })
    expect(rooms(alice)).to.deep.equal(['room.member Lab Bob entered'])
    expect(rooms(bob)).to.deep.equal(['room.entered Lab Alice'])
    expect(lab.ask(bob, 'room.enter', { room: 'lab' })).to.deep.equal({ room: 'Lab', owner: 'Alice' })
    expect(rooms(alice)).to.deep.equal([])
    expect(lab.ask(bob, 'rooms.list', {})).to.deep.equal({
      rooms: [{ room: 'Lab', owner: 'Alice', members: 2 }],
      next: null,
    })
  })

  it('lets a member leave, and tells the others and the member’s other connections', () => {
    const bob2 = lab.signIn('bob')
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    lab.forget()
    expect(lab.ask(bob, 'room.leave', { room: 'lab' })).to.deep.equal({ room: 'Lab', closed: false })
    expect(rooms(alice)).to.deep.equal(['room.member Lab Bob left'])
    expect(rooms(bob2)).to.deep.equal(['room.closed Lab left'])
    expect(rooms(bob)).to.deep.equal([])
    expectCode(() => lab.ask(bob, 'room.leave', { room: 'lab' }), 'MSG_ERR_NOT_ROOM_MEMBER')
  })

  it('closes for everybody when the owner leaves without handing over', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    lab.forget()
    expect(lab.ask(alice, 'room.leave', { room: 'lab' })).to.deep.equal({ room: 'Lab', closed: true })
    expect(rooms(bob)).to.deep.equal(['room.closed Lab owner-left'])
    expect(rooms(alice)).to.deep.equal([])
    expectCode(() => lab.ask(bob, 'room.enter', { room: 'lab' }), 'MSG_ERR_ROOM_UNKNOWN')
    expect(lab.store.load().rooms).to.deep.equal([])
  })

  it('is handed over to a member, who may then close it', () => {
    const carol = lab.signIn('carol')
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    lab.ask(carol, 'room.enter', { room: 'lab' })
    lab.forget()
    expect(lab.ask(alice, 'room.leave', { room: 'lab', to: 'BOB' })).to.deep.equal({ room: 'Lab', closed: false })
    expect(rooms(bob)).to.deep.equal(['room.owner Lab Bob', 'room.member Lab Alice left'])
    expect(rooms(carol)).to.deep.equal(['room.owner Lab Bob', 'room.member Lab Alice left'])
    expect(lab.store.load().rooms[0]).to.deep.include({ owner: 'bob', members: ['bob', 'carol'] })
    expect(lab.ask(bob, 'room.close', { room: 'lab' })).to.deep.equal({ room: 'Lab' })
    expect(rooms(carol)).to.deep.equal(['room.closed Lab closed'])
  })

  it('is not handed over by somebody else, to nobody, to a stranger or to oneself', () => {
    lab.signIn('carol')
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    expectCode(() => lab.ask(bob, 'room.leave', { room: 'lab', to: 'alice' }), 'MSG_ERR_NOT_ROOM_OWNER')
    for (const to of ['nobody', 'carol', 'dave', 'alice']) {
      expectCode(() => lab.ask(alice, 'room.leave', { room: 'lab', to }), 'MSG_ERR_USER_UNKNOWN')
    }
    expect(lab.directory.members('lab').owner).to.equal('Alice')
  })

  it('is closed by its owner only', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    lab.forget()
    expectCode(() => lab.ask(bob, 'room.close', { room: 'lab' }), 'MSG_ERR_NOT_ROOM_OWNER')
    lab.ask(alice, 'room.close', { room: 'lab' })
    expect(rooms(bob)).to.deep.equal(['room.closed Lab closed'])
    expectCode(() => lab.ask(alice, 'room.close', { room: 'lab' }), 'MSG_ERR_ROOM_UNKNOWN')
  })

  it('limits rooms of a user and members of a room', () => {
    for (const room of ['r1', 'r2', 'r3']) lab.ask(alice, 'room.create', { room })
    expectCode(() => lab.ask(alice, 'room.create', { room: 'r4' }), 'MSG_ERR_LIMIT')
    for (const user of ['bob', 'carol', 'dave'])
      lab.ask(user === 'bob' ? bob : lab.signIn(user), 'room.enter', { room: 'r1' })
    expectCode(() => lab.ask(lab.signIn('eve'), 'room.enter', { room: 'r1' }), 'MSG_ERR_LIMIT')
  })

  it('lists rooms and members in the order of their names', () => {
    for (const room of ['zoo', 'Bar', 'attic']) lab.ask(alice, 'room.create', { room })
    expect(lab.ask(bob, 'rooms.list', {}).rooms.map(({ room }) => room)).to.deep.equal(['attic', 'Bar', 'zoo'])
    expect(lab.ask(bob, 'rooms.list', { after: 'bar' }).rooms.map(({ room }) => room)).to.deep.equal(['zoo'])
    lab.ask(bob, 'room.enter', { room: 'zoo' })
    lab.go(bob)
    expect(lab.ask(alice, 'room.members', { room: 'zoo' })).to.deep.equal({
      room: 'zoo',
      owner: 'Alice',
      members: [
        { user: 'Alice', present: true },
        { user: 'Bob', present: false },
      ],
      next: null,
    })
  })
})
