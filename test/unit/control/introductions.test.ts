import { expect } from 'chai'
import { DirectoryLab, seconds } from '../../helpers/directory-lab.ts'

describe('control/introductions', () => {
  let lab: DirectoryLab
  beforeEach(() => {
    lab = new DirectoryLab()
  })
  const peers = (id: number): string[] => lab.heard(id).filter((line) => line.startsWith('peer.'))

  it('introduces every connection of two users who open a session, both ways', () => {
    const [alice, alice2, bob] = [lab.signIn('alice'), lab.signIn('alice'), lab.signIn('bob')]
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.forget()
    lab.ask(bob, 'session.accept', { user: 'alice' })
    expect(peers(alice)).to.deep.equal(['peer.introduced i3 Bob d-bob [192.0.2.3:5000]'])
    expect(peers(alice2)).to.deep.equal(['peer.introduced i3 Bob d-bob [192.0.2.3:5000]'])
    expect(peers(bob)).to.deep.equal([
      'peer.introduced i1 Alice d-alice [192.0.2.1:5000]',
      'peer.introduced i2 Alice d-alice [192.0.2.2:5000]',
    ])
  })

  it('introduces a user’s own connections to each other, and no strangers', () => {
    const alice = lab.signIn('alice')
    const bob = lab.signIn('bob')
    const alice2 = lab.signIn('alice')
    expect(peers(alice)).to.deep.equal(['peer.introduced i3 Alice d-alice [192.0.2.3:5000]'])
    expect(peers(alice2)).to.deep.equal(['peer.introduced i1 Alice d-alice [192.0.2.1:5000]'])
    expect(peers(bob)).to.deep.equal([])
  })

  it('introduces all members of a room', () => {
    const [alice, bob, carol] = [lab.signIn('alice'), lab.signIn('bob'), lab.signIn('carol')]
    lab.ask(alice, 'room.create', { room: 'lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    lab.forget()
    lab.ask(carol, 'room.enter', { room: 'lab' })
    expect(peers(alice)).to.have.lengthOf(1)
    expect(peers(bob)).to.have.lengthOf(1)
    expect(peers(carol)).to.have.lengthOf(2)
  })

  it('introduces once however much two users share, and parts them with the last of it', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(alice, 'room.create', { room: 'lab' })
    lab.ask(bob, 'room.enter', { room: 'lab' })
    expect(peers(alice)).to.deep.equal([])
    lab.ask(alice, 'session.close', { user: 'bob' })
    expect(peers(bob)).to.deep.equal([])
    lab.ask(alice, 'room.close', { room: 'lab' })
    expect(peers(alice)).to.deep.equal(['peer.gone i2 left'])
    expect(peers(bob)).to.deep.equal(['peer.gone i1 left'])
  })

  it('waits for the address of a connection, and introduces it as soon as that is seen', () => {
    const alice = lab.signIn('alice')
    const bob = lab.signIn('bob', { observed: null })
    lab.session(alice, bob, ['alice', 'bob'])
    expect(peers(alice)).to.deep.equal([])
    lab.ask(bob, 'udp.hosts', { addresses: [{ host: '10.0.0.2', port: 6 }] })
    expect(peers(alice)).to.deep.equal([])
    lab.see(bob, '::ffff:192.0.2.50')
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.50:5000]'])
    expect(peers(bob)).to.deep.equal(['peer.introduced i1 Alice d-alice [192.0.2.1:5000]'])
    lab.pass(seconds(10))
    expect(peers(alice)).to.deep.equal([])
  })

  it('does not wait longer than two seconds', () => {
    const alice = lab.signIn('alice')
    const bob = lab.signIn('bob', { observed: null, address: '192.0.2.1' })
    lab.ask(bob, 'udp.hosts', { addresses: [{ host: '10.0.0.2', port: 6 }] })
    lab.ask(alice, 'session.open', { user: 'bob' })
    lab.ask(bob, 'session.accept', { user: 'alice' })
    lab.forget()
    lab.pass(seconds(1))
    expect(peers(alice)).to.deep.equal([])
    lab.pass(seconds(1))
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [10.0.0.2:6]'])
    lab.see(bob, '192.0.2.1')
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.1:5000 10.0.0.2:6]'])
  })

  it('introduces again when candidates change, and only then', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.see(bob, '192.0.2.2')
    expect(peers(alice)).to.deep.equal([])
    lab.see(bob, '192.0.2.2', 5_001)
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.2:5001]'])
    expect(peers(bob)).to.deep.equal([])
    lab.ask(bob, 'udp.hosts', { addresses: [{ host: '10.0.0.2', port: 6 }] })
    expect(peers(alice)).to.deep.equal([])
    lab.see(alice, '192.0.2.2')
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.2:5001 10.0.0.2:6]'])
    expect(peers(bob)).to.deep.equal(['peer.introduced i1 Alice d-alice [192.0.2.2:5000]'])
  })

  it('does not wait for the address of one who has another way through the relay', () => {
    const alice = lab.signIn('alice')
    const bob = lab.signIn('bob', { observed: null })
    lab.session(alice, bob, ['alice', 'bob'])
    lab.step((directory) => directory.handleAttached(bob))
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob []'])
    expect(peers(bob)).to.deep.equal(['peer.introduced i1 Alice d-alice [192.0.2.1:5000]'])
    lab.step((directory) => directory.handleAttached(bob))
    lab.step((directory) => directory.handleAttached(99))
    expect(peers(alice)).to.deep.equal([])
  })

  it('tells how the other one is mapped, and tells it again when that changes', () => {
    const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
    lab.session(alice, bob, ['alice', 'bob'])
    lab.ask(bob, 'udp.hosts', { addresses: [], mapping: 'dependent' })
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.2:5000] dependent'])
    lab.ask(bob, 'udp.hosts', { addresses: [], mapping: 'dependent' })
    expect(peers(alice)).to.deep.equal([])
    const mapped = { host: '::ffff:192.0.2.2', port: 9 }
    lab.ask(bob, 'udp.hosts', { addresses: [], mapping: 'dependent', mapped })
    expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.2:5000 192.0.2.2:9] dependent'])
    expect(peers(bob)).to.deep.equal([])
  })

  describe('with a relay', () => {
    beforeEach(() => {
      lab = new DirectoryLab({}, (one, other) => [one.instance, other.instance].sort().join('-'))
    })

    it('give both sides one channel, which goes with the introduction', () => {
      const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
      lab.ask(alice, 'session.open', { user: 'bob' })
      lab.ask(bob, 'session.accept', { user: 'alice' })
      expect(lab.relay).to.deep.equal([{ kind: 'channel', channel: 'i1-i2', ends: [bob, alice] }])
      expect(peers(alice)).to.deep.equal(['peer.introduced i2 Bob d-bob [192.0.2.2:5000] i1-i2'])
      expect(peers(bob)).to.deep.equal(['peer.introduced i1 Alice d-alice [192.0.2.1:5000] i1-i2'])
      lab.forget()
      lab.ask(alice, 'session.close', { user: 'bob' })
      expect(lab.relay).to.deep.equal([{ kind: 'channel-gone', channel: 'i1-i2' }])
    })

    it('end every channel of a connection that goes', () => {
      const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
      lab.session(alice, bob, ['alice', 'bob'])
      const bob2 = lab.signIn('bob')
      lab.forget()
      lab.go(alice)
      expect(lab.relay.map((output) => ('channel' in output ? output.channel : ''))).to.have.members(['i1-i2', 'i1-i3'])
      lab.forget()
      lab.go(bob2, 'signed-out')
      expect(lab.relay).to.deep.equal([{ kind: 'channel-gone', channel: 'i2-i3' }])
    })

    it('keep the channels of one that comes back on another connection', () => {
      const [alice, bob] = [lab.signIn('alice'), lab.signIn('bob')]
      lab.session(alice, bob, ['alice', 'bob'])
      const again = lab.signIn('bob', { instance: 'i2', observed: null })
      expect(lab.relay).to.deep.equal([{ kind: 'replaced', older: bob, newer: again }])
      expect(peers(again)).to.deep.equal(['peer.introduced i1 Alice d-alice [192.0.2.1:5000] i1-i2'])
      expect(peers(alice)).to.deep.equal([])
      lab.go(again)
      expect(lab.relay.at(-1)).to.deep.equal({ kind: 'channel-gone', channel: 'i1-i2' })
    })
  })

  it('introduces no one-shots', () => {
    const alice = lab.signIn('alice')
    const once = lab.signIn('alice', { listening: false })
    lab.pass(seconds(5))
    expect(peers(alice)).to.deep.equal([])
    expect(peers(once)).to.deep.equal([])
  })
})
