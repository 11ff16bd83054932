import { expect } from 'chai'
import { DirectoryLab, seconds } from '../../helpers/directory-lab.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('control/sessions', () => {
  let lab: DirectoryLab
  beforeEach(() => {
    lab = new DirectoryLab()
  })

  it('rings every listening connection of the other user, and no one-shot', () => {
    const alice = lab.signIn('alice')
    const [bob, bob2, once] = [lab.signIn('bob'), lab.signIn('bob'), lab.signIn('bob', { listening: false })]
    lab.forget()
    expect(lab.ask(alice, 'session.open', { user: 'bob' })).to.deep.equal({ user: 'Bob', state: 'ringing' })
    expect(lab.heard(bob)).to.deep.equal(['session.request Alice'])
    expect(lab.heard(bob2)).to.deep.equal(['session.request Alice'])
    expect(lab.heard(once)).to.deep.equal([])
    expect(lab.heard(alice)).to.deep.equal([])
  })

  it('opens for both users and everything they have connected when one accepts', () => {
    const [alice, bob, bob2] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'BOB' })
    lab.forget()
    expect(lab.ask(bob, 'session.accept', { user: 'alice' })).to.deep.equal({ user: 'Alice' })
    expect(lab.heard(alice)[0]).to.equal('session.opened Bob true')
    expect(lab.heard(bob)[0]).to.equal('session.opened Alice true')
    expect(lab.heard(bob2)[0]).to.equal('session.opened Alice true')
    expect(lab.writes).to.deep.equal([{ op: 'session.put', users: ['alice', 'bob'], since: 1_000_000 }])
    expect(lab.events).to.deep.equal([{ type: 'session.opened', users: ['Bob', 'Alice'] }])
  })

  it('answers open when it is, and opens at once when both have asked', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    expect(lab.ask(bob, 'session.open', { user: 'alice' })).to.deep.equal({ user: 'Alice', state: 'open' })
    expect(lab.heard(alice)[0]).to.equal('session.opened Bob true')
    expect(lab.ask(alice, 'session.open', { user: 'bob' })).to.deep.equal({ user: 'Bob', state: 'open' })
    lab.pass(seconds(120))
    expect(lab.heard(alice).filter((line) => line.startsWith('session.'))).to.deep.equal([])
  })

  it('finds users by virtual address', () => {
    const [alice] = [lab.signIn('alice'), lab.signIn('bob')]
    expect(lab.ask(alice, 'session.open', { user: '100.64.0.2' }).user).to.equal('Bob')
  })

  it('refuses strangers, oneself, those who are away and those who are invisible', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    for (const user of ['nobody', 'no body', '', '100.64.9.9'])
      expectCode(() => lab.ask(alice, 'session.open', { user }), 'MSG_ERR_USER_UNKNOWN')
    for (const user of ['alice', 'ALICE', '100.64.0.1'])
      expectCode(() => lab.ask(alice, 'session.open', { user }), 'MSG_ERR_SELF')
    expectCode(() => lab.ask(alice, 'session.open', { user: 'carol' }), 'MSG_ERR_USER_OFFLINE')
    lab.signIn('dave', { listening: false })
    expectCode(() => lab.ask(alice, 'session.open', { user: 'dave' }), 'MSG_ERR_USER_OFFLINE')
    lab.ask(bob, 'presence.set', { status: 'inactive' })
    expectCode(() => lab.ask(alice, 'session.open', { user: 'bob' }), 'MSG_ERR_USER_OFFLINE')
  })

  it('answers open for an open session even when the other is invisible or away', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(bob, 'presence.set', { status: 'inactive' })
    expect(lab.ask(alice, 'session.open', { user: 'bob' }).state).to.equal('open')
    lab.go(bob)
    expect(lab.ask(alice, 'session.open', { user: 'bob' }).state).to.equal('open')
  })

  it('does not ring again when asked again', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    lab.pass(seconds(30))
    expect(lab.ask(alice, 'session.open', { user: 'bob' }).state).to.equal('ringing')
    expect(lab.heard(bob)).to.deep.equal([])
    lab.pass(seconds(30))
    expect(lab.heard(alice)).to.deep.equal(['session.declined Bob timeout'])
    expect(lab.heard(bob)).to.deep.equal(['session.closed Alice withdrawn'])
    expectCode(() => lab.ask(bob, 'session.accept', { user: 'alice' }), 'MSG_ERR_REQUEST_UNKNOWN')
  })

  it('tells the asker of a decline, and the decliner’s other connections that it is answered', () => {
    const [alice, bob, bob2] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('bob')]
    for (const reason of ['declined', 'busy'] as const) {
      lab.ask(alice, 'session.open', { user: 'bob' })
      lab.forget()
      expect(lab.ask(bob, 'session.decline', { user: 'alice', reason })).to.deep.equal({ user: 'Alice' })
      expect(lab.heard(alice)).to.deep.equal([`session.declined Bob ${reason}`])
      expect(lab.heard(bob2)).to.deep.equal(['session.closed Alice withdrawn'])
      expect(lab.heard(bob)).to.deep.equal([])
    }
    lab.pass(seconds(120))
    expect(lab.heard(alice)).to.deep.equal([])
    expectCode(() => lab.ask(bob, 'session.decline', { user: 'alice', reason: 'busy' }), 'MSG_ERR_REQUEST_UNKNOWN')
  })

  it('tells the asker when the other goes while it rings, and the other when the asker goes', () => {
    const [alice, bob, bob2] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    lab.go(bob, 'left')
    expect(lab.heard(alice)).to.deep.equal([])
    lab.go(bob2)
    expect(lab.heard(alice)).to.deep.equal(['session.declined Bob gone'])
    const bob3 = lab.signIn('bob')
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    lab.go(alice)
    expect(lab.heard(bob3)).to.deep.equal(['session.closed Alice withdrawn'])
    lab.pass(seconds(120))
    expect(lab.heard(bob3)).to.deep.equal([])
  })

  it('goes on ringing while the asker has another connection', () => {
    const [alice, alice2, bob] = [lab.signIn('alice'), lab.signIn('alice'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.go(alice)
    lab.forget()
    lab.ask(bob, 'session.accept', { user: 'alice' })
    expect(lab.heard(alice2)[0]).to.equal('session.opened Bob true')
  })

  it('tells a connection that signs in what rings there', () => {
    const alice = lab.signIn('alice')
    lab.signIn('bob')
    lab.ask(alice, 'session.open', { user: 'bob' })
    expect(lab.heard(lab.signIn('bob'))[0]).to.equal('session.request Alice')
  })

  it('gives a request asked anew its full time', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.pass(seconds(30))
    lab.ask(bob, 'session.decline', { user: 'alice', reason: 'busy' })
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    lab.pass(seconds(59))
    expect(lab.heard(alice)).to.deep.equal([])
    lab.pass(seconds(1))
    expect(lab.heard(alice)).to.deep.equal(['session.declined Bob timeout'])
  })

  it('takes back a request that rings', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    expect(lab.ask(alice, 'session.close', { user: 'bob' })).to.deep.equal({ user: 'Bob' })
    expect(lab.heard(bob)).to.deep.equal(['session.closed Alice withdrawn'])
    expectCode(() => lab.ask(alice, 'session.close', { user: 'bob' }), 'MSG_ERR_SESSION_UNKNOWN')
  })

  it('closes a session for both, and tells everybody but the connection that asked', () => {
    const [alice, alice2, bob] = [lab.signIn('alice'), lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'session.close', { user: 'bob' })
    expect(lab.heard(bob)[0]).to.equal('session.closed Alice left')
    expect(lab.heard(alice2)[0]).to.equal('session.closed Bob left')
    expect(lab.heard(alice).filter((line) => line.startsWith('session'))).to.deep.equal([])
    expect(lab.writes).to.deep.equal([{ op: 'session.delete', users: ['alice', 'bob'] }])
    expectCode(() => lab.ask(bob, 'session.close', { user: 'alice' }), 'MSG_ERR_SESSION_UNKNOWN')
  })

  it('accepts twice without harm: two terminals may answer at once', () => {
    const [alice, bob, bob2] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.ask(bob, 'session.accept', { user: 'alice' })
    lab.forget()
    expect(lab.ask(bob2, 'session.accept', { user: 'alice' })).to.deep.equal({ user: 'Alice' })
    expect(lab.heard(alice)).to.deep.equal([])
  })

  it('limits how many sessions and requests a user has', () => {
    lab = new DirectoryLab({ sessionsPerUser: 2 })
    const [alice, bob, dave] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('dave')]
    lab.signIn('carol')
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'session.open', { user: 'carol' })
    expectCode(() => lab.ask(alice, 'session.open', { user: 'dave' }), 'MSG_ERR_LIMIT')
    expectCode(() => lab.ask(dave, 'session.open', { user: 'alice' }), 'MSG_ERR_LIMIT')
  })

  it('lists sessions as open, waiting and ringing', () => {
    const [alice, bob, carol] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('carol')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.session(alice, carol, ['alice', 'carol'])
    lab.go(carol)
    lab.signIn('dave')
    lab.now += seconds(5)
    lab.ask(alice, 'session.open', { user: 'dave' })
    expect(lab.directory.listings.allSessions()).to.deep.equal([
      { users: ['Alice', 'Bob'], state: 'open', since: seconds(1_000) },
      { users: ['Alice', 'Carol'], state: 'waiting', since: seconds(1_000) },
      { users: ['Alice', 'Dave'], state: 'ringing', since: seconds(1_005) },
    ])
  })
})
