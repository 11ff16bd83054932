import { expect } from 'chai'
import { FakeServer } from '../../helpers/fake-server.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { turns } from '../../helpers/lone-courier.ts'
import { Correspondent } from '../../helpers/courier.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'
import { conversationKey, type Conversation } from '../../../src/core/chat/conversation.ts'
import { newDeviceKey } from '../../../src/core/client/profile/profile.ts'
import type { ClientOptions } from '../../../src/core/client/api.ts'
import type { Candidate } from '../../../src/core/transport/endpoint-api.ts'
import type { ClientDeps } from '../../../src/core/client/deps.ts'

describe('a client and the server it is signed in to', () => {
  const temp = useTempDir()
  const timers = useFakeTimers()
  let server: FakeServer
  beforeEach(() => {
    server = new FakeServer()
  })
  afterEach(() => server.end())
  const signedIn = async (options: Partial<ClientOptions> = {}) => {
    const person = await server.client(temp(), options)
    await person.client.register('alice', 'secret')
    return person
  }

  it('says hello, then signs in with its device key and its own addresses', async () => {
    const { client, types } = await signedIn()
    expect(server.methods()).to.deep.equal(['hello', 'register', 'udp.hosts'])
    expect(server.paramsOf('register')).to.include({ user: 'alice', password: 'secret', listening: true })
    expect(client.whoami()).to.include({ user: 'alice', virtualAddress: '100.64.0.1', status: 'active' })
    expect(types()).to.deep.equal(['signed-in'])
  })

  it('makes links with the congestion control it was given, and refuses one that there is none', async () => {
    const asked: unknown[] = []
    const bind: ClientDeps['bind'] = async (_key, instance, options) => {
      asked.push(options)
      return server.network.endpoint(instance)
    }
    for (const options of [{ congestion: 'cubic' }, {}] as const) {
      const { client } = await server.client(temp(), options, { bind })
      await client.register('alice', 'secret')
      await client.destroy()
    }
    expect(asked).to.deep.equal([{ congestion: 'cubic' }, {}])
    const wrong = { congestion: 'toString' } as unknown as ClientOptions
    const error = await expectRejects(server.client(temp(), wrong), 'MSG_ERR_USAGE')
    expect(error.message).to.contain('one of bbr, cubic, fast')
  })

  it('knows where the relay is before it is introduced to anybody, at every sign-in', async () => {
    const told: Array<readonly Candidate[]> = []
    const bind: ClientDeps['bind'] = async (_key, instance) =>
      Object.assign(server.network.endpoint(instance), {
        guide: (_instance: string, candidates: readonly Candidate[]) => told.push(candidates),
      })
    const { publicKey } = newDeviceKey()
    const device = Buffer.from(publicKey).toString('base64url')
    let channel = '0011223344556677'
    // UDP is quicker than the answer: the server has seen this client's socket.
    server.before('udp.hosts', () =>
      server.tell('peer.introduced', { instance: 'b'.repeat(32), user: 'bob', device, candidates: [], channel }),
    )
    const { client } = await server.client(temp(), {}, { bind })
    await client.register('alice', 'secret')
    channel = '8899aabbccddeeff'
    server.answer('login.device', {
      user: 'alice',
      virtualAddress: '100.64.0.1',
      status: 'active',
      udp: { token: 'cd'.repeat(16), port: 2 },
    })
    await server.drop()
    timers.tick(500)
    await turns(20)
    const host = '127.0.0.1'
    expect(told).to.deep.equal([
      [{ host, port: 1, channel: '0011223344556677', kind: 'relay' }],
      [{ host, port: 2, channel, kind: 'relay' }],
    ])
  })

  it('lets its links say goodbye before it gives up the leg of the relay', async () => {
    const done: string[] = []
    const bind: ClientDeps['bind'] = async (_key, instance) => {
      const endpoint = server.network.endpoint(instance)
      const close = endpoint.close.bind(endpoint)
      return Object.assign(endpoint, {
        useLeg: () => void done.push('leg'),
        close: () => {
          done.push('endpoint')
          return close()
        },
      })
    }
    const { client } = await server.client(temp(), {}, { bind })
    await client.register('alice', 'secret')
    await client.destroy()
    expect(done.slice(-2)).to.deep.equal(['endpoint', 'leg'])
  })

  it('is connected for the first time once', async () => {
    const { client, events } = await signedIn()
    expect(client.server.firstUse).to.equal(true)
    await server.drop()
    timers.tick(500)
    await turns(20)
    expect(events.find(({ type }) => type === 'connected')).to.include({ firstUse: false })
    expect(client.server.firstUse).to.equal(false)
  })

  it('signs in again by its key after the connection was lost, and is as visible as before', async () => {
    const { client, types } = await signedIn()
    await client.setStatus('inactive')
    await server.drop()
    expect(client.connected).to.equal(false)
    timers.tick(500)
    await turns(20)
    expect(server.methods().slice(4)).to.deep.equal(['hello', 'login.device', 'presence.set', 'udp.hosts'])
    expect(client.status).to.equal('inactive')
    expect(types()).to.deep.equal(['signed-in', 'reconnecting', 'connected', 'signed-in'])
  })

  it('waits ever longer for a server that does not come back, and fails requests meanwhile', async () => {
    const { client, events } = await signedIn()
    server.isDown = true
    await server.drop()
    await expectRejects(client.users(), 'MSG_ERR_SERVER_UNREACHABLE')
    for (const ms of [500, 1_000, 2_000, 4_000]) {
      timers.tick(ms)
      await turns(10)
    }
    const delays = events.flatMap((event) => (event.type === 'reconnecting' ? [event.delayMs] : []))
    expect(delays).to.deep.equal([500, 1_000, 2_000, 4_000, 8_000])
    await client.close()
    expect(timers.waiting, 'nothing is tried after the end').to.equal(0)
  })

  it('gives up on a server that no longer knows its device', async () => {
    const { types, client } = await signedIn()
    server.fail('login.device', 'MSG_ERR_DEVICE_UNKNOWN')
    await server.drop()
    timers.tick(500)
    await turns(20)
    expect(types().at(-1)).to.equal('disconnected')
    expect(client.connected).to.equal(false)
    timers.tick(600_000)
    await turns()
    expect(server.methods().filter((method) => method === 'hello')).to.have.length(2)
  })

  it('asks, and turns to who says yes', async () => {
    const { client } = await signedIn()
    const opening = client.open('bob')
    await turns()
    server.tell('session.opened', { user: 'bob', present: true })
    expect(await opening).to.deep.equal({ user: 'bob', present: true })
    expect(client.conversation).to.deep.equal({ kind: 'session', user: 'bob' })
  })

  it('tells the server how it is mapped as soon as it knows', async () => {
    await signedIn()
    await turns()
    expect(server.methods().filter((method) => method === 'udp.hosts')).to.have.lengthOf(2)
    expect(server.paramsOf('udp.hosts')).to.deep.include({ mapping: 'none' })
  })

  it('withdraws what it asked, also while the question is on its way', async () => {
    const { client } = await signedIn()
    for (const isEarly of [true, false]) {
      const stop = new AbortController()
      const opening = client.open('bob', { signal: stop.signal })
      if (!isEarly) await turns()
      stop.abort()
      await expectRejects(opening, 'MSG_ERR_CANCELLED')
      await turns()
      expect(lastAsked(server), String(isEarly)).to.equal('session.close')
    }
    await expectRejects(client.open('bob', { signal: AbortSignal.abort() }), 'MSG_ERR_CANCELLED')
    expect(client.conversation).to.equal(undefined)
  })

  it('does not close a session that opened before it was withdrawn', async () => {
    const { client } = await signedIn()
    const stop = new AbortController()
    const opening = client.open('bob', { signal: stop.signal })
    await turns()
    server.tell('session.opened', { user: 'bob', present: true })
    stop.abort()
    await opening
    expect(server.methods()).not.to.include('session.close')
  })

  it('leaves one conversation for another, unless it keeps several', async () => {
    const { client } = await signedIn()
    server.tell('session.opened', { user: 'bob', present: true })
    server.answer('session.open', { user: 'eve', state: 'open' })
    await client.open('eve')
    expect(server.paramsOf('session.close')).to.deep.equal({ user: 'bob' })
    expect(client.conversations().map(({ conversation }) => conversation)).to.deep.equal([
      { kind: 'session', user: 'eve' },
    ])
  })

  it('keeps several conversations when told to', async () => {
    const { client } = await signedIn({ keepOpen: true })
    server.tell('session.opened', { user: 'bob', present: true })
    server.answer('session.open', { user: 'eve', state: 'open' })
    await client.open('eve')
    expect(client.conversations().map(({ current }) => current)).to.deep.equal([false, true])
  })

  it('answers requests as its policy says', async () => {
    const { client } = await signedIn({ accept: 'everyone' })
    server.tell('session.request', { user: 'bob' })
    await turns()
    expect(lastAsked(server)).to.equal('session.accept')
    expect(client.conversation).to.deep.equal({ kind: 'session', user: 'bob' })
    server.tell('session.request', { user: 'eve' })
    await turns()
    expect(server.paramsOf('session.decline'), 'one conversation at a time').to.deep.equal({
      user: 'eve',
      reason: 'busy',
    })
    expect(client.requests).to.deep.equal([])
  })

  it('accepts contacts by itself and asks about others', async () => {
    const { client } = await signedIn({ accept: 'contacts', keepOpen: true })
    server.tell('session.request', { user: 'bob' })
    expect(client.requests).to.deep.equal(['bob'])
    await client.accept('bob', { always: true })
    server.tell('session.closed', { user: 'bob', reason: 'left' })
    server.tell('session.request', { user: 'BOB' })
    await turns()
    expect(lastAsked(server)).to.equal('session.accept')
  })

  it('takes in what is told while it signs in, afterwards', async () => {
    const person = await server.client(temp())
    server.before('register', () => server.tell('session.opened', { user: 'bob', present: false }))
    await person.client.register('alice', 'secret')
    await turns()
    expect(person.types()).to.deep.equal(['signed-in', 'session.opened'])
  })

  it('says who ended a session', async () => {
    const { client, events } = await signedIn()
    server.tell('session.opened', { user: 'bob', present: true })
    await client.leave()
    server.tell('session.opened', { user: 'bob', present: true })
    server.tell('session.closed', { user: 'bob', reason: 'left' })
    await turns()
    const closed = events.flatMap((event) => (event.type === 'session.closed' ? [event.by] : []))
    expect(closed).to.deep.equal(['you', 'them'])
  })

  it('warns before it leaves a room that closes by that', async () => {
    const { client } = await signedIn()
    server.answer('room.members', {
      room: 'lab',
      owner: 'alice',
      members: ['alice', 'bob'].map((user) => ({ user, present: true })),
      next: null,
    })
    await client.createRoom('lab')
    expect((await client.members()).members).to.have.length(2)
    await expectRejects(client.leave(), 'MSG_ERR_OWNER_LEAVING')
    await expectRejects(client.open('bob'), 'MSG_ERR_OWNER_LEAVING')
    await client.leave({ to: 'bob' })
    expect(server.paramsOf('room.leave')).to.deep.equal({ room: 'lab', to: 'bob' })
    expect(client.conversation).to.equal(undefined)
    await expectRejects(client.members(), 'MSG_ERR_NO_CONVERSATION')
    await expectRejects(client.closeRoom(), 'MSG_ERR_NO_CONVERSATION')
  })

  it('finds who is away when something waits for them, and asks when they come', async () => {
    const { client } = await signedIn()
    server.answer('user.watch', { user: 'Bob', status: 'offline' })
    expect(await client.send('later', { to: { kind: 'session', user: 'bob' } })).to.deep.include({
      state: 'queued',
      to: { kind: 'session', user: 'Bob' },
    })
    await turns()
    expect(server.methods()).not.to.include('session.open')
    server.tell('user.active', { user: 'Bob' })
    await turns()
    expect(server.paramsOf('session.open')).to.deep.equal({ user: 'Bob' })
    server.tell('user.active', { user: 'Bob' })
    await turns()
    expect(server.methods().filter((method) => method === 'session.open')).to.have.length(1)
  })

  it('does not ask again who left while something waits, before they were away', async () => {
    const { client } = await signedIn()
    server.tell('session.opened', { user: 'bob', present: true })
    await client.send('hi')
    server.answer('user.watch', { user: 'bob', status: 'active' })
    server.tell('session.closed', { user: 'bob', reason: 'left' })
    await turns()
    expect(server.methods().slice(-1)).to.deep.equal(['user.watch'])
    server.tell('session.opened', { user: 'bob', present: true })
    server.tell('session.closed', { user: 'bob', reason: 'gone' })
    await turns()
    expect(server.methods().slice(-1)).to.deep.equal(['session.open'])
  })

  describe('with somebody in reach', () => {
    const peerOf = (user: string, instance: string) => {
      const key = newDeviceKey()
      const endpoint = server.network.endpoint(instance)
      const device = Buffer.from(key.publicKey).toString('base64url')
      return { endpoint, introduced: { instance, user, device, candidates: [endpoint.address] } }
    }
    const members = (...users: string[]): void =>
      server.answer('room.members', {
        room: 'lab',
        owner: 'bob',
        members: users.map((user) => ({ user, present: true })),
        next: null,
      })

    it('admits messages to this user in a session, and of members in a room, and no others', async () => {
      const { client } = await signedIn()
      const bob = new Correspondent(server.network, temp(), 'bob', '0'.repeat(32))
      members('alice', 'bob')
      server.tell('session.opened', { user: 'bob', present: true })
      server.tell('room.entered', { room: 'lab', owner: 'bob' })
      await turns()
      const own = server.paramsOf('register') as { instance: string; device: string }
      const me = server.network.addressOf(own.instance)!
      bob.links.introduce({ instance: own.instance, user: 'alice', device: own.device, candidates: [me] })
      server.tell('peer.introduced', {
        instance: bob.instance,
        user: 'bob',
        device: Buffer.from(bob.key.publicKey).toString('base64url'),
        candidates: [bob.endpoint.address],
      })
      const say = (text: string, conversation: Conversation): void => {
        bob.courier.outbox.openThread('alice', conversationKey(conversation))
        void bob.courier.send(text, conversation, ['alice'])
      }
      say('to you', { kind: 'session', user: 'alice' })
      say('to all', { kind: 'room', room: 'lab' })
      const events = client.events()
      const texts: string[] = []
      void (async () => {
        for await (const event of events) if (event.type === 'message') texts.push(event.text)
      })()
      await turns(30)
      expect(texts).to.deep.equal(['to you', 'to all'])
      say('to a room of others', { kind: 'room', room: 'other' })
      await turns(10)
      expect(bob.courier.waiting).to.equal(1)
      await bob.crash()
    })

    it('drops what waits for a room it is in no more, or for who left it', async () => {
      const { client } = await signedIn()
      members('alice', 'bob', 'eve')
      server.tell('room.entered', { room: 'lab', owner: 'bob' })
      await turns()
      await client.send('hi')
      const queued = (): number => client.conversations()[0]?.queued ?? 0
      expect(queued()).to.equal(2)
      server.tell('room.member', { room: 'lab', user: 'eve', change: 'left' })
      expect(queued()).to.equal(1)
      server.tell('room.closed', { room: 'lab', reason: 'closed' })
      expect(await client.flush({ timeoutMs: 1 })).to.deep.equal({ waiting: 0 })
    })

    it('forgets what the server does not tell again, and keeps what it does', async () => {
      const { client, types } = await signedIn({ keepOpen: true })
      members('alice', 'bob')
      for (const user of ['bob', 'eve']) server.tell('session.opened', { user, present: true })
      server.tell('room.entered', { room: 'lab', owner: 'bob' })
      await turns()
      server.before('login.device', () => server.tell('session.opened', { user: 'bob', present: true }))
      await server.drop()
      timers.tick(500)
      await turns(30)
      expect(client.conversations().map(({ conversation }) => conversation)).to.deep.equal([
        { kind: 'session', user: 'bob' },
      ])
      expect(types().slice(-2)).to.deep.equal(['session.closed', 'room.closed'])
    })

    it('probes who the server does not introduce again, after five seconds', async () => {
      const { client } = await signedIn()
      const { introduced } = peerOf('bob', 'f'.repeat(32))
      server.tell('peer.introduced', introduced)
      await turns()
      expect(client.peers()).to.have.length(1)
      await server.drop()
      timers.tick(500)
      await turns(20)
      timers.tick(4_999)
      expect(client.peers()).to.have.length(1)
      timers.tick(1)
      expect(client.peers()).to.have.length(0)
    })

    it('keeps who the server introduces again', async () => {
      const { client } = await signedIn()
      const { introduced } = peerOf('bob', 'f'.repeat(32))
      server.tell('peer.introduced', introduced)
      server.before('login.device', () => server.tell('peer.introduced', introduced))
      await server.drop()
      timers.tick(500)
      await turns(20)
      timers.tick(5_000)
      expect(client.peers()).to.have.length(1)
      server.tell('peer.gone', { instance: introduced.instance, reason: 'left' })
      expect(client.peers()).to.have.length(0)
    })

    it('compares safety numbers of whoever it is linked with, and marks only when told', async () => {
      const { client } = await signedIn()
      await expectRejects(client.verify('bob'), 'MSG_ERR_SESSION_UNKNOWN')
      server.tell('peer.introduced', peerOf('Bob', 'f'.repeat(32)).introduced)
      const [first] = await client.verify('bOB')
      expect(first!.number).to.match(/^\d{60}$/u)
      expect((await client.verify('bob'))[0]!.verified).to.equal(false)
      expect((await client.verify('bob', { mark: true }))[0]!.verified).to.equal(true)
      expect((await client.verify('bob'))[0]!.verified).to.equal(true)
      await expectRejects(client.verify('eve'), 'MSG_ERR_SESSION_UNKNOWN')
    })
  })

  it('signs in where no UDP socket can be had, and says that messages wait', async () => {
    const { client, events } = await server.client(temp(), {}, { bind: () => Promise.reject(new Error('refused')) })
    await client.register('alice', 'secret')
    await turns()
    expect(events[0]).to.include({ type: 'warning', code: 'MSG_ERR_LINK_CLOSED' })
    expect(client.peers()).to.deep.equal([])
    expect(server.methods()).not.to.include('udp.hosts')
  })

  it('signs in once at a time, and says as whom', async () => {
    const { client } = await server.client(temp())
    const first = client.register('alice', 'secret')
    await expectRejects(client.register('bob', 'x'), 'MSG_ERR_SIGNED_IN')
    await first
    expect((await expectRejects(client.login('alice', 'x'), 'MSG_ERR_SIGNED_IN')).detail).to.equal('alice')
  })

  it('can try again after a sign-in that failed', async () => {
    const { client } = await server.client(temp())
    server.fail('login', 'MSG_ERR_SIGN_IN_FAILED')
    await expectRejects(client.login('alice', 'wrong'), 'MSG_ERR_SIGN_IN_FAILED')
    expect(client.user).to.equal(undefined)
    await client.register('alice', 'secret')
    expect(client.user).to.equal('alice')
  })

  it('tells the server when it leaves, and takes nothing afterwards', async () => {
    const { client, types } = await signedIn()
    await client.close()
    await client.close()
    expect(server.methods().slice(-1)).to.deep.equal(['signout'])
    await turns()
    expect(types().at(-1)).to.equal('disconnected')
    for (const call of [client.send('x'), client.open('bob'), client.login('alice'), client.leave()])
      await expectRejects(call, 'MSG_ERR_NOT_CONNECTED')
  })

  it('goes at once when it is destroyed', async () => {
    const { client } = await signedIn()
    await client.destroy()
    expect(server.methods()).not.to.include('signout')
    expect(server.isOpen).to.equal(false)
  })
})

/** The last request that is about people: where this machine is, is told when it is found out. */
function lastAsked(server: FakeServer): string | undefined {
  return server.methods().findLast((method) => method !== 'udp.hosts')
}
