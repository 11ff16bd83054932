import { expect } from 'chai'
import { DirectoryLab, seconds } from '../../helpers/directory-lab.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('control/directory', () => {
  let lab: DirectoryLab
  beforeEach(() => {
    lab = new DirectoryLab()
  })

  it('answers nobody who has not signed in', () => {
    expectCode(() => lab.ask(7, 'users.list', { connected: false }), 'MSG_ERR_SIGN_IN_REQUIRED')
    const alice = lab.signIn('alice')
    lab.go(alice)
    expectCode(() => lab.ask(alice, 'rooms.list', {}), 'MSG_ERR_SIGN_IN_REQUIRED')
  })

  it('takes the going of a connection that it does not know for nothing', () => {
    lab.go(99)
    const alice = lab.signIn('alice')
    lab.go(alice)
    lab.forget()
    lab.go(alice)
    expect(lab.events).to.deep.equal([])
    expect(lab.directory.connectionCount).to.equal(0)
  })

  it('takes an address seen for a connection that has gone for nothing', () => {
    const alice = lab.signIn('alice', { observed: null })
    lab.go(alice)
    lab.see(alice, '192.0.2.1')
    lab.see(77, '192.0.2.1')
    expect(lab.directory.connectionCount).to.equal(0)
  })

  it('writes addresses in one way, so that another spelling is nothing new', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.see(bob, '::ffff:192.0.2.2')
    lab.ask(bob, 'udp.hosts', { addresses: [{ host: '::FFFF:10.0.0.1', port: 5 }] })
    lab.ask(bob, 'udp.hosts', { addresses: [{ host: '10.0.0.1', port: 5 }] })
    expect(lab.heard(alice)).to.deep.equal([])
  })

  it('wants to be woken for what is due next, and for nothing when nothing is', () => {
    expect(lab.directory.pollTimeout()).to.equal(undefined)
    const alice = lab.signIn('alice', { observed: null })
    lab.signIn('bob')
    expect(lab.directory.pollTimeout()).to.equal(lab.now + seconds(2))
    lab.see(alice, '192.0.2.1')
    expect(lab.directory.pollTimeout()).to.equal(undefined)
    lab.ask(alice, 'session.open', { user: 'bob' })
    expect(lab.directory.pollTimeout()).to.equal(lab.now + seconds(60))
    lab.ask(alice, 'session.close', { user: 'bob' })
    expect(lab.directory.pollTimeout()).to.equal(undefined)
  })

  it('does nothing when it is woken early', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    lab.now += seconds(59)
    lab.step((directory) => directory.handleTimeout(lab.now))
    expect([lab.heard(alice), lab.heard(bob)]).to.deep.equal([[], []])
  })

  it('does everything that is due when it is woken late', () => {
    const [alice, bob, carol] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('carol')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.now += seconds(1)
    lab.ask(alice, 'session.open', { user: 'carol' })
    lab.forget()
    lab.now += seconds(600)
    lab.step((directory) => directory.handleTimeout(lab.now))
    expect(lab.heard(alice)).to.deep.equal(['session.declined Bob timeout', 'session.declined Carol timeout'])
    expect([lab.heard(bob), lab.heard(carol)]).to.deep.equal([
      ['session.closed Alice withdrawn'],
      ['session.closed Alice withdrawn'],
    ])
  })

  it('hands out what there is to do once', () => {
    lab.directory.signIn(lab.now, 5, {
      account: lab.store.account('alice')!,
      instance: 'x',
      device: 'd',
      listening: true,
      address: '192.0.2.1',
    })
    expect(lab.directory.pollOutputs()).to.have.lengthOf(2)
    expect(lab.directory.pollOutputs()).to.deep.equal([])
  })

  it('forgets users who are gone with nothing open, so that memory is bounded by what is open', () => {
    for (let i = 0; i < 50; i++) lab.go(lab.signIn('alice', { instance: `x${i}` }))
    expect(lab.directory.user('alice')).to.equal(undefined)
    expect(lab.directory.pollTimeout()).to.equal(undefined)
  })

  it('starts without sessions and rooms of accounts that are not there any more', () => {
    lab.store.apply([
      { op: 'session.put', users: ['alice', 'ghost'], since: 1 },
      { op: 'session.put', users: ['alice', 'bob'], since: 1 },
      { op: 'room.put', room: 'haunted', name: 'Haunted', owner: 'ghost' },
      { op: 'member.put', room: 'haunted', user: 'ghost' },
      { op: 'room.put', room: 'lab', name: 'Lab', owner: 'alice' },
      { op: 'member.put', room: 'lab', user: 'ghost' },
      { op: 'member.put', room: 'lab', user: 'alice' },
    ])
    lab.restart()
    expect(lab.directory.listings.allSessions().map(({ users }) => users)).to.deep.equal([['Alice', 'Bob']])
    expect(lab.directory.listings.allRooms()).to.deep.equal([{ room: 'Lab', owner: 'Alice', members: 1 }])
  })

  it('gives everybody the full time to come back after a restart', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.pass(seconds(86_000))
    lab.restart()
    lab.pass(seconds(86_399))
    expect(lab.store.load().sessions).to.have.lengthOf(1)
    lab.pass(seconds(1))
    expect(lab.store.load().sessions).to.have.lengthOf(0)
  })

  it('changes nothing when it refuses', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.forget()
    const before = [lab.store.load(), lab.directory.listings.allSessions(), lab.directory.listings.allRooms()]
    const refused: Array<() => unknown> = [
      () => lab.ask(bob, 'room.create', { room: 'LAB' }),
      () => lab.ask(bob, 'room.create', { room: 'no room' }),
      () => lab.ask(bob, 'room.close', { room: 'lab' }),
      () => lab.ask(bob, 'room.leave', { room: 'lab' }),
      () => lab.ask(alice, 'room.leave', { room: 'lab', to: 'bob' }),
      () => lab.ask(alice, 'room.leave', { room: 'lab', to: 'nobody' }),
      () => lab.ask(alice, 'session.accept', { user: 'carol' }),
      () => lab.ask(alice, 'session.decline', { user: 'bob', reason: 'busy' }),
      () => lab.ask(alice, 'session.close', { user: 'carol' }),
      () => lab.ask(alice, 'session.open', { user: 'carol' }),
    ]
    for (const act of refused) expect(act).to.throw()
    expect([lab.store.load(), lab.directory.listings.allSessions(), lab.directory.listings.allRooms()]).to.deep.equal(
      before,
    )
    expect([lab.heard(alice), lab.heard(bob), lab.writes, lab.events]).to.deep.equal([[], [], [], []])
  })
})
