import { expect } from 'chai'
import { DirectoryLab, seconds } from '../../helpers/directory-lab.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('control/connections', () => {
  let lab: DirectoryLab
  beforeEach(() => {
    lab = new DirectoryLab()
  })

  it('keeps sessions and rooms of a user whose connection breaks, and restores them', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(bob, 'room.create', { room: 'Lab' })
    lab.ask(alice, 'room.enter', { room: 'lab' })
    lab.forget()
    lab.go(bob)
    expect(lab.heard(alice)).to.deep.equal([
      'peer.gone i2 vanished',
      'session.opened Bob false',
      'room.member Lab Bob away',
    ])
    expect(lab.writes).to.deep.equal([])
    const again = lab.signIn('bob', { observed: null })
    expect(lab.heard(again)).to.deep.equal(['session.opened Alice true', 'room.entered Lab Bob'])
    expect(lab.heard(alice)).to.deep.equal(['session.opened Bob true', 'room.member Lab Bob back'])
  })

  it('says nothing while the user has another listening connection', () => {
    const [alice, bob, bob2] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.go(bob, 'left')
    expect(lab.heard(alice)).to.deep.equal(['peer.gone i2 left'])
    expect(lab.heard(bob2)).to.deep.equal(['peer.gone i2 left'])
    lab.signIn('bob', { observed: null })
    expect(lab.heard(alice)).to.deep.equal([])
  })

  it('tells a second sign-in what is open', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Lab' })
    expect(lab.heard(lab.signIn('alice', { observed: null }))).to.deep.equal([
      'session.opened Bob true',
      'room.entered Lab Alice',
    ])
  })

  it('ends what is open when the last listening connection says goodbye', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    const once = lab.signIn('bob', { listening: false })
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Hers' })
    lab.ask(bob, 'room.enter', { room: 'hers' })
    lab.ask(bob, 'room.create', { room: 'His' })
    lab.ask(alice, 'room.enter', { room: 'his' })
    lab.forget()
    lab.go(bob, 'left')
    expect(lab.heard(alice)).to.deep.equal([
      'peer.gone i2 left',
      'session.closed Bob left',
      'room.member Hers Bob left',
      'room.closed His owner-left',
    ])
    expect(lab.heard(once)).to.deep.equal([])
    expect(lab.store.load()).to.deep.equal({
      sessions: [],
      rooms: [{ room: 'hers', name: 'Hers', owner: 'alice', members: ['alice'] }],
    })
  })

  it('keeps what is open when a connection signs out without leaving', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.go(bob, 'signed-out')
    expect(lab.heard(alice)).to.deep.equal(['peer.gone i2 left', 'session.opened Bob false'])
    expect(lab.store.load().sessions).to.have.lengthOf(1)
  })

  it('changes nothing when a one-shot comes and goes', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    const once = lab.signIn('bob', { listening: false })
    lab.go(once, 'left')
    expect(lab.heard(alice)).to.deep.equal([])
    expect(lab.heard(once)).to.deep.equal([])
    lab.go(bob)
    lab.forget()
    lab.go(lab.signIn('bob', { listening: false }), 'left')
    expect(lab.heard(alice)).to.deep.equal([])
    expect(lab.store.load().sessions).to.have.lengthOf(1)
  })

  it('gives up what a vanished user had after a day', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Hers' })
    lab.ask(bob, 'room.enter', { room: 'hers' })
    lab.ask(bob, 'room.create', { room: 'His' })
    lab.ask(alice, 'room.enter', { room: 'his' })
    lab.go(bob)
    lab.forget()
    lab.pass(seconds(86_399))
    expect(lab.heard(alice)).to.deep.equal([])
    lab.pass(seconds(1))
    expect(lab.heard(alice)).to.deep.equal([
      'session.closed Bob gone',
      'room.member Hers Bob left',
      'room.closed His expired',
    ])
    expect(lab.directory.user('bob')).to.equal(undefined)
  })

  it('does not give up somebody who came back', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.go(bob)
    lab.pass(seconds(86_000))
    const again = lab.signIn('bob')
    lab.pass(seconds(86_400))
    expect(lab.store.load().sessions).to.have.lengthOf(1)
    lab.go(again)
    lab.pass(seconds(86_399))
    expect(lab.store.load().sessions).to.have.lengthOf(1)
    lab.pass(seconds(1))
    expect(lab.store.load().sessions).to.have.lengthOf(0)
  })

  it('counts the day from the last time somebody vanished', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.go(bob)
    lab.pass(seconds(86_000))
    lab.go(lab.signIn('bob'))
    lab.pass(seconds(86_399))
    expect(lab.store.load().sessions).to.have.lengthOf(1)
    lab.pass(seconds(1))
    expect(lab.store.load().sessions).to.have.lengthOf(0)
  })

  it('takes the place of an older connection of the same process without a word to anybody', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    const again = lab.signIn('bob', { instance: 'i2', observed: null })
    expect(lab.closed).to.deep.equal([bob])
    expect(lab.heard(alice)).to.deep.equal([])
    expect(lab.heard(again)).to.deep.equal([
      'session.opened Alice true',
      'peer.introduced i1 Alice d-alice [192.0.2.1:5000]',
    ])
    lab.go(bob)
    expect(lab.heard(alice)).to.deep.equal([])
    lab.see(again, '192.0.2.77')
    expect(lab.heard(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.77:5000]'])
    lab.go(again)
    expect(lab.heard(alice)).to.deep.equal(['peer.gone i2 vanished', 'session.opened Bob false'])
  })

  it('lets a process turn from one-shot to listening', () => {
    lab.signIn('bob', { instance: 'x', listening: false })
    const bob = lab.signIn('bob', { instance: 'x' })
    expect(lab.ask(bob, 'users.list', { connected: true }).users.map(({ user }) => user)).to.deep.equal(['Bob'])
    expect(lab.directory.connectionCount).to.equal(1)
  })

  it('refuses an instance that is another user’s or device’s', () => {
    lab.signIn('bob', { instance: 'x' })
    expectCode(() => lab.signIn('alice', { instance: 'x' }), 'MSG_ERR_SIGNED_IN')
    expectCode(() => lab.signIn('bob', { instance: 'x', device: 'other' }), 'MSG_ERR_SIGNED_IN')
    expect(lab.directory.connectionCount).to.equal(1)
  })

  it('limits the connections of a user', () => {
    for (let i = 0; i < 4; i++) lab.signIn('bob', { instance: `x${i}` })
    expectCode(() => lab.signIn('bob'), 'MSG_ERR_LIMIT')
    lab.signIn('bob', { instance: 'x0' })
    expect(lab.directory.connectionCount).to.equal(4)
  })

  it('has sessions and rooms again after a restart, everybody away until they sign in', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    lab.now += seconds(100)
    lab.restart()
    expect(lab.directory.listings.allSessions()).to.deep.equal([
      { users: ['Alice', 'Bob'], state: 'waiting', since: seconds(1_000) },
    ])
    const alice2 = lab.signIn('alice', { observed: null })
    expect(lab.heard(alice2)).to.deep.equal(['session.opened Bob false', 'room.entered Lab Alice'])
    lab.signIn('bob', { observed: null })
    expect(lab.heard(alice2)).to.deep.equal(['session.opened Bob true', 'room.member Lab Bob back'])
    lab.restart()
    lab.pass(seconds(86_400))
    expect(lab.store.load()).to.deep.equal({ sessions: [], rooms: [] })
  })

  it('tells its console what happens', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'Lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    lab.ask(bob, 'room.leave', { room: 'lab' })
    lab.go(alice, 'left')
    expect(lab.events).to.deep.equal([
      { type: 'room.created', room: 'Lab', owner: 'Alice' },
      { type: 'room.joined', room: 'Lab', user: 'Bob' },
      { type: 'room.left', room: 'Lab', user: 'Bob' },
      { type: 'session.closed', users: ['Alice', 'Bob'] },
      { type: 'room.closed', room: 'Lab' },
      { type: 'signed-out', user: 'Alice', reason: 'left' },
    ])
  })
})
