import { expect } from 'chai'
import { DirectoryLab, seconds } from '../../helpers/directory-lab.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('control/presence', () => {
  let lab: DirectoryLab
  beforeEach(() => {
    lab = new DirectoryLab()
  })
  const connected = (id: number): string[] =>
    lab.ask(id, 'users.list', { connected: true }).users.map(({ user }) => user)

  it('lists everybody, and as connected those who listen and are visible', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.signIn('carol', { listening: false })
    expect(lab.ask(alice, 'users.list', { connected: false })).to.deep.equal({
      users: [
        { user: 'Alice', status: 'active', virtualAddress: '100.64.0.1' },
        { user: 'Bob', status: 'active', virtualAddress: '100.64.0.2' },
        { user: 'Carol', status: 'offline', virtualAddress: '100.64.0.3' },
        { user: 'Dave', status: 'offline', virtualAddress: '100.64.0.4' },
        { user: 'Eve', status: 'offline', virtualAddress: '100.64.0.5' },
      ],
      next: null,
    })
    expect(connected(alice)).to.deep.equal(['Alice', 'Bob'])
    lab.ask(bob, 'presence.set', { status: 'inactive' })
    expect(connected(alice)).to.deep.equal(['Alice'])
    lab.ask(bob, 'presence.set', { status: 'active' })
    expect(connected(alice)).to.deep.equal(['Alice', 'Bob'])
  })

  it('tells watchers whenever somebody becomes visible, and not otherwise', () => {
    const alice = lab.signIn('alice')
    expect(lab.ask(alice, 'user.watch', { user: 'bob' })).to.deep.equal({ user: 'Bob', status: 'offline' })
    lab.ask(alice, 'user.watch', { user: 'BOB' })
    const once = lab.signIn('bob', { listening: false })
    expect(lab.heard(alice)).to.deep.equal([])
    const bob = lab.signIn('bob')
    expect(lab.heard(alice)).to.deep.equal(['user.active Bob'])
    lab.signIn('bob')
    lab.ask(bob, 'presence.set', { status: 'inactive' })
    expect(lab.heard(alice)).to.deep.equal([])
    lab.ask(once, 'presence.set', { status: 'active' })
    lab.ask(bob, 'presence.set', { status: 'active' })
    expect(lab.heard(alice)).to.deep.equal(['user.active Bob'])
    expect(lab.ask(alice, 'user.watch', { user: 'bob' }).status).to.equal('active')
  })

  it('says who can be seen and who cannot any more: users, not connections, and nothing of who is invisible', () => {
    const seen = (): string[] => lab.seen.splice(0)
    const bob = lab.signIn('bob', { instance: 'first' })
    expect(seen()).to.deep.equal(['+Bob'])
    const second = lab.signIn('bob')
    lab.signIn('bob', { listening: false })
    lab.signIn('bob', { instance: 'first' })
    lab.go(second)
    expect(seen()).to.deep.equal([])
    lab.ask(bob + 3, 'presence.set', { status: 'inactive' })
    lab.ask(bob + 3, 'presence.set', { status: 'inactive' })
    expect(seen()).to.deep.equal(['-Bob'])
    lab.go(bob + 3)
    const again = lab.signIn('bob')
    expect(seen()).to.deep.equal([])
    lab.ask(again, 'presence.set', { status: 'active' })
    lab.go(again, 'left')
    expect(seen()).to.deep.equal(['+Bob', '-Bob'])
  })

  it('keeps somebody invisible who comes back to a server that has forgotten, from the first moment', () => {
    lab.signIn('bob', { status: 'inactive' })
    expect(lab.seen).to.deep.equal([])
    const alice = lab.signIn('alice', { instance: 'a' })
    lab.signIn('alice', { instance: 'a', status: 'inactive' })
    expect(lab.seen).to.deep.equal(['+Alice', '-Alice'])
    expect(connected(alice + 1)).to.deep.equal([])
  })

  it('forgets what a connection watched when it goes, and limits it', () => {
    const alice = lab.signIn('alice')
    lab.ask(alice, 'user.watch', { user: 'bob' })
    lab.go(alice)
    lab.signIn('bob')
    expect(lab.heard(alice)).to.deep.equal([])
    expectCode(() => lab.ask(alice, 'user.watch', { user: 'bob' }), 'MSG_ERR_SIGN_IN_REQUIRED')
    const carol = lab.signIn('carol')
    for (let i = 0; i < 100; i++) {
      lab.store.createAccount({ user: `u${i}`, name: `u${i}`, verifier: '' })
      lab.ask(carol, 'user.watch', { user: `u${i}` })
    }
    lab.ask(carol, 'user.watch', { user: 'u5' })
    expectCode(() => lab.ask(carol, 'user.watch', { user: 'bob' }), 'MSG_ERR_LIMIT')
    expectCode(() => lab.ask(carol, 'user.watch', { user: 'nobody' }), 'MSG_ERR_USER_UNKNOWN')
  })

  it('keeps a user invisible across a broken connection, not across a goodbye', () => {
    const bob = lab.signIn('bob')
    lab.ask(bob, 'presence.set', { status: 'inactive' })
    lab.go(bob)
    const again = lab.signIn('bob')
    expect(connected(again)).to.deep.equal([])
    lab.go(again, 'left')
    expect(connected(lab.signIn('bob'))).to.deep.equal(['Bob'])
  })

  it('forgets an invisible user who does not come back', () => {
    const bob = lab.signIn('bob')
    lab.ask(bob, 'presence.set', { status: 'inactive' })
    lab.go(bob)
    lab.pass(seconds(86_400))
    expect(lab.directory.user('bob')).to.equal(undefined)
    expect(lab.directory.pollTimeout()).to.equal(undefined)
  })
})
