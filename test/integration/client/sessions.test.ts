import { expect } from 'chai'
import { expectRejects } from '../../helpers/errors.ts'
import { World } from '../../helpers/world.ts'

describe('clients in sessions', () => {
  let world: World
  beforeEach(async () => {
    world = await World.start()
  })
  afterEach(() => world.end())

  it('register, open, accept and talk both ways over a link', async () => {
    const [alice, bob] = await world.pair()
    const sent = await alice.client.send('hello bob')
    expect(await bob.messages(1)).to.deep.equal(['hello bob'])
    await bob.client.send('hello alice')
    expect(await alice.messages(1)).to.deep.equal(['hello alice'])
    const delivered = await alice.heard('message.delivered')
    expect(delivered).to.deep.include({ id: sent.id, to: 'bob', room: null })
    expect(bob.events.find(({ type }) => type === 'message')).to.deep.include({
      from: 'alice',
      with: 'alice',
      own: false,
      id: sent.id,
    })
    expect(await alice.client.flush()).to.deep.equal({ waiting: 0 })
    expect(alice.client.peers()[0]).to.deep.include({
      user: 'bob',
      state: 'open',
      path: 'lan',
      queued: 0,
      verified: false,
    })
    expect(alice.client.conversations()).to.deep.equal([
      { conversation: { kind: 'session', user: 'bob' }, present: true, current: true, queued: 0 },
    ])
  })

  it('carry the largest message and refuse a larger one', async () => {
    const [alice, bob] = await world.pair()
    const largest = 'ö'.repeat(32_768)
    await alice.client.send(largest)
    await expectRejects(alice.client.send(`${largest}x`), 'MSG_ERR_MESSAGE_TOO_LONG')
    await alice.client.send('\x1b[31mred\x1b[0m\nsecond line')
    expect(await bob.messages(2)).to.deep.equal([largest, '\x1b[31mred\x1b[0m\nsecond line'])
  })

  it('keep the order of many messages both ways', async () => {
    const [alice, bob] = await world.pair()
    const numbered = Array.from({ length: 3_000 }, (_, i) => `n${i}`)
    for (const text of numbered) {
      void alice.client.send(text)
      void bob.client.send(text)
    }
    expect(await bob.messages(3_000)).to.deep.equal(numbered)
    expect(await alice.messages(3_000)).to.deep.equal(numbered)
    expect(await alice.client.flush()).to.deep.equal({ waiting: 0 })
  })

  it('are declined plainly, time out, and are taken back', async () => {
    await world.end()
    world = await World.start({ ringMs: 200 })
    const [alice, bob] = [await world.person('alice'), await world.person('bob')]
    const declined = alice.client.open('bob')
    await bob.heard('session.request')
    expect(bob.client.requests).to.deep.equal(['alice'])
    await bob.client.decline('alice')
    await expectRejects(declined, 'MSG_ERR_SESSION_DECLINED')
    const busy = alice.client.open('bob')
    await bob.heard('session.request', () => true, bob.events.length)
    await bob.client.decline('alice', { reason: 'busy' })
    await expectRejects(busy, 'MSG_ERR_USER_BUSY')
    await expectRejects(alice.client.open('bob'), 'MSG_ERR_TIMEOUT')
    const abort = new AbortController()
    const from = bob.events.length
    const taken = alice.client.open('bob', { signal: abort.signal })
    await bob.heard('session.request', () => true, from)
    abort.abort()
    await expectRejects(taken, 'MSG_ERR_CANCELLED')
    await bob.heard('session.withdrawn', () => true, from)
    await expectRejects(bob.client.accept('alice'), 'MSG_ERR_REQUEST_UNKNOWN')
  })

  it('say what is wrong with a request', async () => {
    const alice = await world.person('alice')
    const { client } = alice
    await expectRejects(client.open('zoe'), 'MSG_ERR_USER_UNKNOWN')
    await expectRejects(client.open('ALICE'), 'MSG_ERR_SELF')
    await expectRejects(client.send('nobody there'), 'MSG_ERR_NO_CONVERSATION')
    await expectRejects(client.send('x', { to: { kind: 'session', user: 'alice' } }), 'MSG_ERR_SELF')
    await expectRejects(client.send('x', { to: { kind: 'room', room: 'lab' } }), 'MSG_ERR_NOT_ROOM_MEMBER')
    await expectRejects(client.leave(), 'MSG_ERR_NO_CONVERSATION')
    await expectRejects(client.register('bob', 'x'), 'MSG_ERR_SIGNED_IN')
    await expectRejects(client.closeRoom(), 'MSG_ERR_NO_CONVERSATION')
    await expectRejects(client.verify('bob'), 'MSG_ERR_SESSION_UNKNOWN')
  })

  it('need a sign-in, a right password and a free name', async () => {
    const visitor = await world.visitor('home')
    await expectRejects(visitor.client.open('bob'), 'MSG_ERR_SIGN_IN_REQUIRED')
    expect(() => visitor.client.whoami()).to.throw('sign in first')
    await expectRejects(visitor.client.login('bob'), 'MSG_ERR_PROFILE_UNKNOWN')
    await expectRejects(visitor.client.login('bob', 'x'), 'MSG_ERR_SIGN_IN_FAILED')
    await expectRejects(visitor.client.register('a b', 'x'), 'MSG_ERR_NAME_INVALID')
    await world.person('bob')
    await expectRejects(visitor.client.register('BOB', 'x'), 'MSG_ERR_NAME_TAKEN')
    await expectRejects(visitor.client.login('bob', 'wrong'), 'MSG_ERR_SIGN_IN_FAILED')
    expect(await visitor.client.login('Bob', "bob's password")).to.include({ user: 'bob' })
    expect(visitor.client.whoami()).to.include({ user: 'bob', status: 'active', server: world.address })
  })

  it('list users by name and status, and are opened by virtual address', async () => {
    const [alice, bob] = [await world.person('alice'), await world.person('Bob')]
    await bob.client.setStatus('inactive')
    expect(bob.client.status).to.equal('inactive')
    expect((await alice.client.users()).map(({ user, status }) => [user, status])).to.deep.equal([
      ['alice', 'active'],
      ['Bob', 'offline'],
    ])
    await expectRejects(alice.client.open('bob'), 'MSG_ERR_USER_OFFLINE')
    await bob.client.setStatus('active')
    const opening = alice.client.open(bob.client.virtualAddress!)
    await bob.heard('session.request')
    await bob.client.accept(alice.client.virtualAddress!)
    expect(await opening).to.deep.equal({ user: 'Bob', present: true })
    await alice.client.send('hi', { to: { kind: 'session', user: 'BOB' } })
    expect(await bob.messages(1)).to.deep.equal(['hi'])
  })

  it('leave the previous conversation when another is opened, unless several are kept', async () => {
    const [alice, bob, eve] = [
      await world.person('alice'),
      await world.person('bob'),
      await world.person('eve', { keepOpen: true }),
    ]
    await world.introduce(alice, bob)
    await alice.client.send('last words')
    await world.introduce(alice, eve)
    await bob.heard('session.closed')
    expect(bob.texts(), 'what was said before leaving arrives').to.deep.equal(['last words'])
    expect(bob.client.conversation).to.equal(undefined)
    expect(alice.client.conversations().map(({ conversation }) => conversation)).to.deep.equal([
      { kind: 'session', user: 'eve' },
    ])
    await world.introduce(eve, bob)
    expect(eve.client.conversations()).to.have.length(2)
    expect(eve.client.conversation).to.deep.equal({ kind: 'session', user: 'bob' })
    expect(await eve.client.leave()).to.deep.equal({ left: { kind: 'session', user: 'bob' }, closed: false })
    await expectRejects(eve.client.leave({ conversation: { kind: 'session', user: 'bob' } }), 'MSG_ERR_SESSION_UNKNOWN')
  })

  it('answer by themselves as the policy says', async () => {
    const alice = await world.person('alice')
    const open = await world.person('open', { accept: 'everyone' })
    const eve = await world.person('eve', { accept: 'contacts' })
    await alice.client.open('open')
    expect(open.client.conversation).to.deep.equal({ kind: 'session', user: 'alice' })
    await expectRejects(eve.client.open('open'), 'MSG_ERR_USER_BUSY')
    const first = alice.client.open('eve')
    await eve.heard('session.request')
    await eve.client.accept('alice', { always: true })
    await first
    await alice.client.leave()
    await eve.heard('session.closed')
    await alice.client.open('eve')
    expect(eve.events.filter(({ type }) => type === 'session.request')).to.have.length(1)
  })

  it('open when both ask at the same time', async () => {
    const [alice, bob] = [await world.person('alice'), await world.person('bob')]
    const both = await Promise.all([alice.client.open('bob'), bob.client.open('alice')])
    expect(both.map(({ user }) => user)).to.deep.equal(['bob', 'alice'])
    await alice.client.send('crossed')
    expect(await bob.messages(1)).to.deep.equal(['crossed'])
  })

  it('give own connections copies, and every connection of the other the message', async () => {
    const [alice, bob] = await world.pair()
    const alice2 = await world.again('alice')
    const bob2 = await world.again('bob', { home: 'elsewhere' })
    await alice.heard('path', ({ with: peer }) => peer === 'alice')
    await bob2.heard('path', ({ with: peer }) => peer === 'alice')
    await alice.client.send('to all')
    expect(await bob.messages(1)).to.deep.equal(['to all'])
    expect(await bob2.messages(1)).to.deep.equal(['to all'])
    const copy = await alice2.heard('message')
    expect(copy).to.deep.include({ from: 'alice', with: 'bob', own: true, text: 'to all' })
    expect(await alice.heard('peer.device', ({ changed }) => changed)).to.include({ with: 'bob' })
  })

  it('show both sides the same safety number, and remember that it was compared', async () => {
    const [alice, bob] = await world.pair()
    await alice.heard('path')
    await bob.heard('path')
    const [seen] = await alice.client.verify('bob', { mark: true })
    const [back] = await bob.client.verify('alice')
    expect(seen!.number)
      .to.match(/^\d{60}$/)
      .and.equal(back!.number)
    expect([seen!.verified, back!.verified]).to.deep.equal([true, false])
    expect(seen!.device).to.equal(bob.client.whoami().device)
    expect(alice.client.peers()[0]!.verified).to.equal(true)
  })
})
