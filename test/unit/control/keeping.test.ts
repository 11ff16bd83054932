import { expect } from 'chai'
import type { DirectoryWrite } from '../../../src/core/control/writes.ts'
import { DirectoryLab, seconds } from '../../helpers/directory-lab.ts'
import { expectCode } from '../../helpers/errors.ts'

/** What survives a restart happens in memory only after it is kept, and not at all when it cannot be. */
describe('control/directory, when nothing can be kept', () => {
  let lab: DirectoryLab
  let alice: number
  let bob: number

  beforeEach(() => {
    lab = new DirectoryLab()
    alice = lab.signIn('alice')
    bob = lab.signIn('bob')
  })

  const picture = (): unknown => [
    lab.directory.listings.allSessions(),
    lab.directory.listings.allRooms(),
    lab.directory.listings.allRooms().map(({ room }) => lab.directory.members(room)),
    lab.directory.pollTimeout(),
    lab.store.load(),
  ]
  /** Tries `act` on a full disk: it is refused, and nobody can tell that it was tried. Then it works. */
  const refused = (act: () => unknown, writes: DirectoryWrite[]): void => {
    lab.forget()
    const before = picture()
    lab.isDiskFull = true
    expectCode(act, 'MSG_ERR_STORAGE_FAILED')
    expect(picture()).to.deep.equal(before)
    expect([...lab.told.keys()], 'somebody was told').to.deep.equal([])
    expect(lab.events).to.deep.equal([])
    lab.isDiskFull = false
    act()
    expect(lab.writes).to.deep.equal(writes)
    expect(picture()).not.to.deep.equal(before)
  }

  it('opens no session by accepting, and the request rings on', () => {
    lab.ask(alice, 'session.open', { user: 'bob' })
    refused(
      () => lab.ask(bob, 'session.accept', { user: 'alice' }),
      [{ op: 'session.put', users: ['alice', 'bob'], since: 1_000_000 }],
    )
  })

  it('opens no session by asking back, and the request rings on', () => {
    lab.ask(alice, 'session.open', { user: 'bob' })
    refused(
      () => lab.ask(bob, 'session.open', { user: 'alice' }),
      [{ op: 'session.put', users: ['alice', 'bob'], since: 1_000_000 }],
    )
  })

  it('closes no session', () => {
    lab.session(alice, bob, ['alice', 'bob'])
    refused(() => lab.ask(bob, 'session.close', { user: 'alice' }), [{ op: 'session.delete', users: ['alice', 'bob'] }])
  })

  it('makes no room', () => {
    refused(
      () => lab.ask(alice, 'room.create', { room: 'Lab' }),
      [
        { op: 'room.put', room: 'lab', name: 'Lab', owner: 'alice' },
        { op: 'member.put', room: 'lab', user: 'alice' },
      ],
    )
  })

  it('lets nobody into a room', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    refused(() => lab.ask(bob, 'room.enter', { room: 'lab' }), [{ op: 'member.put', room: 'lab', user: 'bob' }])
  })

  it('lets nobody out of a room', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    refused(() => lab.ask(bob, 'room.leave', { room: 'lab' }), [{ op: 'member.delete', room: 'lab', user: 'bob' }])
  })

  it('hands nothing over: owner and membership change together', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    refused(
      () => lab.ask(alice, 'room.leave', { room: 'lab', to: 'bob' }),
      [
        { op: 'room.owner', room: 'lab', from: 'alice', to: 'bob' },
        { op: 'member.delete', room: 'lab', user: 'alice' },
      ],
    )
  })

  it('closes no room, by closing or by leaving', () => {
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    refused(() => lab.ask(alice, 'room.close', { room: 'lab' }), [{ op: 'room.delete', room: 'lab' }])
    lab.ask(alice, 'room.create', { room: 'Lab' })
    refused(() => lab.ask(alice, 'room.leave', { room: 'lab' }), [{ op: 'room.delete', room: 'lab' }])
  })

  it('ends nothing of somebody who leaves, who is still there then', () => {
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Hers' })
    lab.ask(bob, 'room.create', { room: 'His' })
    lab.ask(alice, 'room.enter', { room: 'his' })
    refused(
      () => lab.go(alice, 'left'),
      [
        { op: 'session.delete', users: ['alice', 'bob'] },
        { op: 'room.delete', room: 'hers' },
        { op: 'member.delete', room: 'his', user: 'alice' },
      ],
    )
    expect(lab.directory.connectionCount).to.equal(1)
  })

  it('lets go whoever has nothing to end, or ends nothing', () => {
    const carol = lab.signIn('carol')
    lab.session(alice, bob, ['alice', 'bob'])
    const alice2 = lab.signIn('alice')
    lab.isDiskFull = true
    // Not the last terminal, a broken connection, a sign-out that keeps what is open: there is nothing to keep.
    lab.go(alice2, 'left')
    lab.go(alice)
    lab.go(bob, 'signed-out')
    expect(lab.directory.connectionCount).to.equal(1)
    expect(lab.directory.listings.allSessions().map(({ state }) => state)).to.deep.equal(['waiting'])
    lab.isDiskFull = false
    lab.go(carol, 'left')
  })

  it('goes on with what needs no keeping', () => {
    const carol = lab.signIn('carol')
    lab.session(alice, bob, ['alice', 'bob'])
    lab.isDiskFull = true
    expect(lab.ask(alice, 'users.list', { connected: true }).users).to.have.lengthOf(3)
    lab.ask(alice, 'presence.set', { status: 'inactive' })
    lab.ask(bob, 'session.open', { user: 'carol' })
    lab.ask(carol, 'session.decline', { user: 'bob', reason: 'busy' })
    lab.see(bob, '192.0.2.99')
    const again = lab.signIn('alice')
    expect(lab.heard(again)[0]).to.equal('session.opened Bob true')
    lab.pass(seconds(100))
  })

  it('gives up what a vanished user had once it can be kept, a minute at a time', () => {
    lab.session(alice, bob, ['alice', 'bob'])
    lab.go(alice)
    lab.forget()
    lab.isDiskFull = true
    lab.pass(seconds(86_400 + 30))
    expect(lab.heard(bob)).to.deep.equal([])
    expect(lab.store.load().sessions).to.have.lengthOf(1)
    lab.isDiskFull = false
    lab.pass(seconds(29))
    expect(lab.heard(bob)).to.deep.equal([])
    lab.pass(seconds(1))
    expect(lab.heard(bob)).to.deep.equal(['session.closed Alice gone'])
    expect(lab.store.load().sessions).to.have.lengthOf(0)
    expect(lab.directory.pollTimeout()).to.equal(undefined)
  })

  it('does not give up somebody who came back before it could be kept', () => {
    lab.session(alice, bob, ['alice', 'bob'])
    lab.go(alice)
    lab.isDiskFull = true
    lab.pass(seconds(86_410))
    lab.signIn('alice')
    lab.isDiskFull = false
    lab.pass(seconds(600))
    expect(lab.store.load().sessions).to.have.lengthOf(1)
  })

  it('keeps everything that one leaving ends in one go', () => {
    lab = new DirectoryLab()
    ;[alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Hers' })
    const batches: number[] = []
    const { store } = lab
    const apply = store.apply.bind(store)
    store.apply = (writes) => {
      batches.push(writes.length)
      apply(writes)
    }
    lab.go(alice, 'left')
    expect(batches).to.deep.equal([2])
  })
})
