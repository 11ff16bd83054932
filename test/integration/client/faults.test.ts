import { expect } from 'chai'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MsgError } from '../../../src/core/errors.ts'
import { dialControl } from '../../../src/core/io/control-channel.ts'
import { createClient } from '../../../src/core/client/create-client.ts'
import { keptSignIns } from '../../../src/core/client/profiles.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { World } from '../../helpers/world.ts'

describe('clients when things go wrong', () => {
  let world: World
  beforeEach(async () => {
    world = await World.start()
  })
  afterEach(() => world.end())

  it('keep what a vanished peer has not acknowledged, and deliver it once when they are back', async () => {
    const [alice, bob] = await world.pair()
    await alice.client.send('before')
    await bob.messages(1)
    await alice.client.flush()
    await bob.client.destroy()
    await alice.heard('session.opened', ({ present }) => !present)
    let last = ''
    for (let i = 0; i < 20; i++) {
      const { id, state } = await alice.client.send(`m${i}`)
      expect(state).to.equal('queued')
      last = id
    }
    expect((await alice.client.flush({ timeoutMs: 1 })).waiting).to.equal(20)
    expect(alice.client.conversations()[0]).to.include({ present: false, queued: 20 })
    const back = await world.again('bob')
    expect(await back.messages(20)).to.deep.equal(Array.from({ length: 20 }, (_, i) => `m${i}`))
    expect(await alice.client.flush()).to.deep.equal({ waiting: 0 })
    await alice.heard('message.delivered', ({ id }) => id === last)
    expect(alice.events.filter(({ type }) => type === 'message.delivered')).to.have.length(21)
  })

  it('keep the outbox over their own death, and send it once when both are back', async () => {
    const [alice, bob] = await world.pair()
    await bob.client.destroy()
    await alice.heard('session.opened', ({ present }) => !present)
    await alice.client.send('from the grave')
    await alice.client.destroy()
    const bob2 = await world.again('bob')
    const alice2 = await world.again('alice')
    expect(await bob2.messages(1)).to.deep.equal(['from the grave'])
    expect(await alice2.client.flush()).to.deep.equal({ waiting: 0 })
  })

  it('ask for a session by themselves when somebody appears for whom messages wait', async () => {
    const [alice, bob] = await world.pair()
    await bob.client.close()
    await alice.heard('session.closed')
    await alice.client.send('when you are back', { to: { kind: 'session', user: 'bob' } })
    const back = await world.again('bob', { accept: 'everyone' })
    expect(await back.messages(1)).to.deep.equal(['when you are back'])
    expect(await alice.client.flush()).to.deep.equal({ waiting: 0 })
  })

  it('tell again after a crash what was received and not shown', async () => {
    const alice = await world.person('alice')
    const silent = await createClient({ server: world.address, dataDir: join(world.dir, 'bob'), accept: 'everyone' })
    await silent.register('bob', "bob's password")
    await alice.client.open('bob')
    await alice.client.send('unseen')
    await alice.client.flush()
    await silent.destroy()
    const back = await world.again('bob')
    expect(await back.messages(1)).to.deep.equal(['unseen'])
    await back.client.destroy()
    const later = await world.again('bob')
    await alice.client.send('only this')
    expect(await later.messages(1)).to.deep.equal(['only this'])
  })

  it('go on over their links while the server is away, and have everything again when it is back', async () => {
    const [alice, bob] = await world.pair({ keepOpen: true })
    await alice.client.createRoom('lab')
    await bob.client.enterRoom('lab')
    await alice.heard('path')
    await alice.client.send('hi')
    await bob.messages(1)
    await world.restart(async () => {
      await alice.heard('reconnecting')
      expect(alice.client.connected).to.equal(false)
      await expectRejects(alice.client.users(), 'MSG_ERR_SERVER_UNREACHABLE')
      await alice.client.send('without a server')
      await bob.messages(2)
      await alice.client.send('session too', { to: { kind: 'session', user: 'bob' } })
      await bob.messages(3)
    })
    for (const person of [alice, bob])
      expect(await person.heard('signed-in', ({ restored }) => restored)).to.include({ restored: true })
    expect(await alice.heard('connected')).to.include({ firstUse: false })
    expect(alice.client.connected).to.equal(true)
    expect(alice.client.conversations().map(({ conversation }) => conversation)).to.deep.equal([
      { kind: 'session', user: 'bob' },
      { kind: 'room', room: 'lab' },
    ])
    await bob.client.send('back')
    expect(await alice.messages(1)).to.deep.equal(['back'])
    const eve = await world.person('eve')
    await eve.client.enterRoom('lab')
    await alice.heard('room.joined', ({ user }) => user === 'eve')
    await alice.client.send('hello eve', { to: { kind: 'room', room: 'lab' } })
    expect(await eve.messages(1)).to.deep.equal(['hello eve'])
    expect(alice.events.filter(({ type }) => type === 'session.closed' || type === 'room.closed')).to.deep.equal([])
  })

  it('refuse a server whose key has changed, and one that is not as given', async () => {
    const alice = await world.person('alice')
    const { fingerprint, firstUse } = alice.client.server
    expect([fingerprint, firstUse]).to.deep.equal([world.server.address.fingerprint, true])
    expect(keptSignIns(world.address, { dataDir: join(world.dir, 'alice') })).to.deep.include({
      users: ['alice'],
      fingerprint,
    })
    const known = { version: 1, servers: { [world.address]: 'SHA256:another' } }
    writeFileSync(join(world.dir, 'alice', 'known-servers.json'), JSON.stringify(known))
    const options = { server: world.address, dataDir: join(world.dir, 'alice') }
    await expectRejects(createClient(options), 'MSG_ERR_FINGERPRINT_CHANGED')
    await expectRejects(
      createClient({ ...options, fingerprint: `SHA256:${'w'.repeat(43)}` }),
      'MSG_ERR_FINGERPRINT_MISMATCH',
    )
    const trusting = await world.visitor('alice', { fingerprint })
    expect(await trusting.client.login('alice')).to.include({ user: 'alice' })
  })

  it('do not go on with a server that comes back with another key', async () => {
    const alice = await world.person('alice')
    await world.replace()
    const { reason } = await alice.heard('disconnected')
    expect(reason).to.match(/key has changed/)
    expect(alice.client.connected).to.equal(false)
    await expectRejects(alice.client.users(), 'MSG_ERR_SERVER_UNREACHABLE')
  })

  it('learn on return what was closed while they could not be told', async () => {
    let isCut = false
    const dial: typeof dialControl = (options) =>
      isCut ? Promise.reject(new MsgError('MSG_ERR_SERVER_UNREACHABLE', { detail: 'cut off' })) : dialControl(options)
    const alice = await world.visitor('alice', { keepOpen: true }, { dial })
    await alice.client.register('alice', 'x')
    const bob = await world.person('bob', { keepOpen: true })
    await world.introduce(alice, bob)
    await bob.client.createRoom('lab')
    await alice.client.enterRoom('lab')
    isCut = true
    await world.restart()
    await alice.heard('reconnecting')
    await bob.heard('signed-in', ({ restored }) => restored)
    await bob.client.leave({ conversation: { kind: 'session', user: 'alice' } })
    await bob.client.closeRoom('lab')
    isCut = false
    expect(await alice.heard('session.closed')).to.include({ with: 'bob', reason: 'gone' })
    expect(await alice.heard('room.closed')).to.include({ room: 'lab' })
    expect(alice.client.conversations()).to.deep.equal([])
  })

  it('forget a request that rang when the server went', async () => {
    const [alice, bob] = [await world.person('alice'), await world.person('bob')]
    const opening = alice.client.open('bob')
    await bob.heard('session.request')
    const lost = expectRejects(opening, 'MSG_ERR_CONNECTION_CLOSED')
    await world.restart()
    await lost
    await bob.heard('session.withdrawn')
    expect(bob.client.requests).to.deep.equal([])
  })

  it('say what is wrong with their own files', async () => {
    await (await world.person('alice')).client.close()
    const [profile] = [join(world.dir, 'alice', 'servers')]
    const { readdirSync } = await import('node:fs')
    writeFileSync(join(profile, readdirSync(profile)[0]!, '@alice', 'state.db'), 'damaged'.repeat(1_000))
    await expectRejects(world.again('alice'), 'MSG_ERR_STORE_CORRUPT')
    writeFileSync(join(world.dir, 'file'), '')
    await expectRejects(
      createClient({ server: world.address, dataDir: join(world.dir, 'file', 'x') }),
      'MSG_ERR_DIRECTORY_ACCESS',
    )
    await expectRejects(createClient({ server: '127.0.0.1:1', dataDir: world.dir }), 'MSG_ERR_SERVER_UNREACHABLE')
    await expectRejects(createClient({ server: 'not an address', dataDir: world.dir }), 'MSG_ERR_USAGE')
  })

  it('stay away when told not to reconnect, and say so', async () => {
    const alice = await world.visitor('alice', { reconnect: false })
    await alice.client.register('alice', 'x')
    await world.restart()
    await alice.heard('disconnected')
    expect(alice.client.connected).to.equal(false)
  })

  it('take part in nothing when they do not listen', async () => {
    const bob = await world.person('bob')
    const once = await world.visitor('alice', { listening: false })
    await once.client.register('alice', 'x')
    expect((await once.client.users({ connected: true })).map(({ user }) => user)).to.deep.equal(['bob'])
    await expectRejects(bob.client.open('alice'), 'MSG_ERR_USER_OFFLINE')
    await expectRejects(once.client.send('x', { to: { kind: 'session', user: 'bob' } }), 'MSG_ERR_USAGE')
    await once.client.close()
  })

  it('leave cleanly: peers are told, events end, nothing more is taken', async () => {
    const [alice, bob] = await world.pair()
    await alice.client.send('bye')
    await alice.client.close()
    expect(await bob.messages(1)).to.deep.equal(['bye'])
    expect(await bob.heard('session.closed')).to.include({ with: 'alice', reason: 'left' })
    await alice.heard('disconnected')
    await expectRejects(alice.client.send('x'), 'MSG_ERR_NOT_CONNECTED')
    await alice.client.close()
  })
})
