import { mock } from 'node:test'
import { expect } from 'chai'
import { newInstance, proveDevice } from '../../../src/core/control/device-proof.ts'
import { CONTROL_PROTOCOL, type Method } from '../../../src/core/control/methods.ts'
import { encodeRequest } from '../../../src/core/control/rpc.ts'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { now } from '../../../src/core/io/clock.ts'
import { EventHub } from '../../../src/core/io/event-hub.ts'
import type { Passwords } from '../../../src/core/io/passwords.ts'
import { exporterOf } from '../../../src/core/io/tls-exporter.ts'
import type { ServerEvent } from '../../../src/core/server/api.ts'
import { ControlConnection, type ControlDeps } from '../../../src/core/server/control-connection.ts'
import { DirectoryHost } from '../../../src/core/server/directory-host.ts'
import { resolveLimits } from '../../../src/core/server/limits.ts'
import { SignInDesk } from '../../../src/core/server/sign-in.ts'
import { WatchedStore } from '../../../src/core/server/watched-store.ts'
import { FailingStore } from '../../helpers/failing-store.ts'
import { FakeSocket, turn } from '../../helpers/fake-socket.ts'

/** Everybody's. */
const KEY = deviceKey(Buffer.alloc(32, 1))

/** One client of the connection under test: writes requests, reads answers. */
class Caller {
  readonly socket = new FakeSocket()
  readonly connection: ControlConnection
  readonly instance = newInstance(KEY.publicKey)
  #lastId = 0

  constructor(id: number, deps: ControlDeps) {
    this.connection = new ControlConnection(id, this.socket.asTls, '192.0.2.1', deps)
  }

  async ask(method: Method | 'no.such', params: object = {}): Promise<Record<string, unknown>> {
    await this.socket.deliver(encodeRequest(++this.#lastId, method, params))
    const answer = this.socket.answers().find(({ id }) => id === this.#lastId)
    if (!answer) throw new Error(`no answer to ${method}`)
    return (answer['result'] ?? codeOf(answer)) as Record<string, unknown>
  }

  greet(): Promise<unknown> {
    return this.ask('hello', { protocol: CONTROL_PROTOCOL, agent: 'test' })
  }

  signIn(method: 'register' | 'login', user: string, password = 'secret'): Promise<Record<string, unknown>> {
    return this.ask(method, { ...this.proof(user), password })
  }

  /** @param instance - of another connection of the same client's. */
  proof(user: string, instance = this.instance): object {
    const exporter = exporterOf(this.socket.asTls)
    return { user, listening: true, ...proveDevice(KEY, exporter, user, instance) }
  }
}

const codeOf = (answer: Record<string, unknown>): unknown => (answer['error'] as { data: { code: string } }).data.code

describe('server/control-connection', () => {
  let store: FailingStore
  let host: DirectoryHost
  let events: ServerEvent[]
  let seen: string[]
  let tokens: Map<string, number>
  let limits: ReturnType<typeof resolveLimits>
  let gate: Promise<void> | undefined
  let deps: ControlDeps
  let lastId: number

  beforeEach(() => {
    store = new FailingStore()
    events = []
    seen = []
    tokens = new Map()
    gate = undefined
    lastId = 0
    limits = resolveLimits({ requestsPerSecond: 1e6, requestBurst: 1e6 })
    const hub = new EventHub<ServerEvent>()
    hub.publish = (event) => void events.push(event)
    const watched = new WatchedStore(store, (event) => events.push(event))
    host = new DirectoryHost(watched, limits, hub)
    const passwords: Pick<Passwords, 'hash' | 'verify'> = {
      hash: async (password) => {
        await gate
        return password
      },
      verify: async (verifier, password) => {
        await gate
        return verifier === password
      },
    }
    deps = {
      host,
      desk: new SignInDesk(watched, passwords as Passwords),
      limits,
      name: 'the lab',
      version: '1.2.3',
      udpPort: () => 4_242,
      issueToken: (id) => {
        const token = id.toString(16).padStart(32, 'a')
        tokens.set(token, id)
        return token
      },
      revokeToken: (token) => void tokens.delete(token),
      publish: (event) => events.push(event),
      onSignedIn: ({ id }) => void seen.push(`in ${id}`),
      onSignedOut: ({ id }) => void seen.push(`out ${id}`),
      onClosed: ({ id }) => void seen.push(`closed ${id}`),
    }
  })
  afterEach(() => {
    mock.timers.reset()
    host.close()
  })

  const call = (over: Partial<ControlDeps> = {}): Caller => new Caller(++lastId, { ...deps, ...over })
  const greeted = async (over: Partial<ControlDeps> = {}): Promise<Caller> => {
    const caller = call(over)
    await caller.greet()
    return caller
  }
  const signedUp = async (user: string): Promise<Caller> => {
    const caller = await greeted()
    await caller.signIn('register', user)
    return caller
  }

  describe('before sign-in', () => {
    it('says who it is', async () => {
      const { time, ...said } = (await call().greet()) as Record<string, unknown>
      expect(said).to.deep.equal({ protocol: 1, server: 'the lab', version: '1.2.3', plugins: {}, packages: {} })
      expect(new Date(String(time)).toISOString()).to.equal(time)
    })

    it('refuses everything before hello, and hello after hello', async () => {
      const caller = call()
      expect(await caller.ask('users.list')).to.equal('MSG_ERR_PROTOCOL')
      expect(await caller.signIn('login', 'alice')).to.equal('MSG_ERR_PROTOCOL')
      await caller.greet()
      expect(await caller.greet()).to.equal('MSG_ERR_PROTOCOL')
      expect(caller.socket.writableEnded).to.equal(false)
    })

    it('says which versions do not match, and closes', async () => {
      const caller = call()
      await caller.socket.deliver(encodeRequest(1, 'hello', { protocol: 2, agent: 'new' }))
      const [answer] = caller.socket.answers()
      expect(codeOf(answer!)).to.equal('MSG_ERR_VERSION')
      expect(JSON.stringify(answer)).to.contain('the server speaks 1, the client 2')
      expect(caller.socket.writableEnded).to.equal(true)
    })

    it('serves nothing but hello and sign-in', async () => {
      const caller = await greeted()
      const params: Array<[Method, object]> = [
        ['users.list', {}],
        ['rooms.list', {}],
        ['session.open', { user: 'bob' }],
        ['room.create', { room: 'lab' }],
        ['udp.hosts', { addresses: [] }],
        ['signout', { leave: true }],
      ]
      for (const [method, given] of params)
        expect(await caller.ask(method, given), method).to.equal('MSG_ERR_SIGN_IN_REQUIRED')
    })

    it('refuses what it does not know, and parameters that do not fit, with their id', async () => {
      const caller = await greeted()
      expect(await caller.ask('no.such')).to.equal('MSG_ERR_METHOD_UNKNOWN')
      expect(await caller.ask('session.open', { user: 7 })).to.equal('MSG_ERR_PROTOCOL')
      expect(caller.socket.writableEnded).to.equal(false)
    })

    it('names the field that does not fit, in at most 200 letters', async () => {
      const caller = await greeted()
      await caller.socket.deliver(encodeRequest(9, 'udp.hosts', { addresses: [{ host: 'x', port: 0 }] }))
      const { error } = caller.socket.answers()[0] as { error: { code: number; data: { detail: string } } }
      expect(error.code).to.equal(-32_602)
      expect(error.data.detail).to.match(/^addresses\.0\.port: /)
      expect(error.data.detail.length).to.be.at.most(200)
    })

    it('hears notifications and answers without a word', async () => {
      const caller = await greeted()
      await caller.socket.deliver('{"jsonrpc":"2.0","method":"x"}\n{"jsonrpc":"2.0","id":1,"result":1}\n')
      expect(caller.socket.answers()).to.deep.equal([])
    })

    for (const [what, bytes] of [
      ['what is not JSON', Buffer.from('{\n')],
      ['what is no object', Buffer.from('[1]\n')],
      ['what is not UTF-8', Buffer.of(0xff, 0x0a)],
      ['a line over the limit', Buffer.alloc(65_536, 'x')],
    ] as const) {
      it(`answers ${what} with id null, and closes`, async () => {
        const caller = await greeted()
        await caller.socket.deliver(bytes)
        const answers = caller.socket.answers()
        expect(answers.map(({ id }) => id)).to.deep.equal([null])
        expect(caller.socket.writableEnded).to.equal(true)
        await caller.socket.deliver(encodeRequest(2, 'users.list', {}))
        expect(caller.socket.answers()).to.deep.equal([])
      })
    }

    it('goes on after an object that is no request', async () => {
      const caller = await greeted()
      await caller.socket.deliver('{"jsonrpc":"2.0","id":5}\n')
      expect(caller.socket.answers().map(({ id }) => id)).to.deep.equal([5])
      expect(await caller.ask('users.list')).to.equal('MSG_ERR_SIGN_IN_REQUIRED')
    })
  })

  describe('its time to sign in', () => {
    const seconds = (n: number): number => n * 1_000_000

    it('is ten seconds until it says something, then two minutes from each request', async () => {
      const caller = call()
      const begin = now()
      expect(caller.connection.isOverdue(begin + seconds(9))).to.equal(false)
      expect(caller.connection.isOverdue(begin + seconds(11))).to.equal(true)
      await caller.greet()
      expect(caller.connection.isOverdue(begin + seconds(110))).to.equal(false)
      expect(caller.connection.isOverdue(now() + seconds(121))).to.equal(true)
    })

    it('is not prolonged by what is no request', async () => {
      const caller = call()
      const begin = now()
      await caller.socket.deliver('{"jsonrpc":"2.0","method":"x"}\n{"jsonrpc":"2.0","id":5}\n')
      expect(caller.connection.isOverdue(begin + seconds(11))).to.equal(true)
    })

    it('does not run while a password is checked, or once it is signed in', async () => {
      const caller = await greeted()
      let open!: () => void
      gate = new Promise((resolve) => (open = resolve))
      const later = now() + seconds(1_000)
      await caller.socket.deliver(encodeRequest(7, 'register', { ...caller.proof('alice'), password: 'x' }))
      expect(caller.connection.isOverdue(later)).to.equal(false)
      open()
      await turn()
      expect(caller.connection.user).to.equal('alice')
      expect(caller.connection.isOverdue(later)).to.equal(false)
      await caller.ask('signout', { leave: true })
      expect(caller.connection.isOverdue(later)).to.equal(true)
    })

    it('is over once: a connection that is closing is not overdue again', () => {
      const caller = call()
      const later = now() + seconds(1_000)
      expect(caller.connection.isOverdue(later)).to.equal(true)
      caller.connection.close()
      expect(caller.connection.isOverdue(later)).to.equal(false)
    })

    it('is no longer than the limit that was set', () => {
      const caller = call({ limits: { ...limits, signInTimeoutMs: 50 } })
      expect(caller.connection.isOverdue(now() + 60_000)).to.equal(true)
    })
  })

  describe('signing in', () => {
    it('answers with the account, the port and a token for it, and says so', async () => {
      const caller = await greeted()
      expect(await caller.signIn('register', 'Alice')).to.deep.equal({
        user: 'Alice',
        virtualAddress: '100.64.0.1',
        status: 'active',
        udp: { port: 4_242, token: '1'.padStart(32, 'a') },
      })
      expect(caller.connection.user).to.equal('alice')
      expect(seen).to.deep.equal(['in 1'])
      expect([...tokens.values()]).to.deep.equal([1])
      expect(events).to.deep.equal([
        { type: 'registered', user: 'Alice' },
        { type: 'signed-in', user: 'Alice', address: '192.0.2.1' },
      ])
    })

    it('reads nothing while the password is checked, then answers in order', async () => {
      const caller = await greeted()
      let open!: () => void
      gate = new Promise((resolve) => (open = resolve))
      const params = { ...caller.proof('alice'), password: 'x' }
      await caller.socket.deliver(encodeRequest('a', 'register', params) + encodeRequest('b', 'users.list', {}))
      expect(caller.socket.answers()).to.deep.equal([])
      open()
      await turn()
      expect(caller.socket.answers().map(({ id }) => id)).to.deep.equal(['a', 'b'])
    })

    it('tells its console of a wrong password, and the client no more than that', async () => {
      await signedUp('alice')
      events.length = 0
      const caller = await greeted()
      expect(await caller.signIn('login', 'alice', 'guess')).to.equal('MSG_ERR_SIGN_IN_FAILED')
      expect(events).to.deep.equal([{ type: 'sign-in.failed', user: 'alice', address: '192.0.2.1' }])
      expect(await caller.signIn('login', 'alice')).to.have.property('user', 'alice')
    })

    it('refuses a second sign-in on the same connection', async () => {
      const caller = await signedUp('alice')
      expect(await caller.signIn('login', 'alice')).to.equal('MSG_ERR_SIGNED_IN')
    })

    it('makes nothing of a sign-in whose connection has gone meanwhile', async () => {
      const caller = await greeted()
      let open!: () => void
      gate = new Promise((resolve) => (open = resolve))
      const params = { ...caller.proof('alice'), password: 'x' }
      await caller.socket.deliver(encodeRequest(1, 'register', params))
      caller.socket.destroy()
      await turn()
      open()
      await turn()
      expect(host.directory.connectionCount).to.equal(0)
      expect(events).to.deep.equal([])
      expect(seen).to.deep.equal(['closed 1'])
      expect(tokens.size).to.equal(0)
    })

    it('leaves nothing behind when the directory refuses', async () => {
      const full = await Promise.all(
        Array.from({ length: 16 }, async (_, i) => {
          const caller = await greeted()
          return caller.signIn(i === 0 ? 'register' : 'login', 'alice')
        }),
      )
      expect(full).to.have.lengthOf(16)
      seen.length = 0
      const caller = await greeted()
      expect(await caller.signIn('login', 'alice')).to.equal('MSG_ERR_LIMIT')
      expect(caller.connection.user).to.equal(undefined)
      expect(seen).to.deep.equal([])
    })
  })

  describe('signed in', () => {
    it('answers before it tells what the answer brought about', async () => {
      const caller = await signedUp('alice')
      await caller.socket.deliver(encodeRequest(50, 'room.create', { room: 'Lab' }))
      const lines = caller.socket.answers()
      expect(lines.map(({ id, method }) => id ?? method)).to.deep.equal([50, 'room.entered'])
    })

    it('tells what others do', async () => {
      const [alice, bob] = [await signedUp('alice'), await signedUp('bob')]
      await alice.ask('session.open', { user: 'bob' })
      await turn()
      expect(bob.socket.answers().map(({ method, params }) => [method, params])).to.deep.equal([
        ['session.request', { user: 'alice' }],
      ])
    })

    it('tells a client plainly that nothing can be saved, changes nothing, and goes on', async () => {
      const caller = await signedUp('alice')
      store.writing = 'SQLITE_FULL'
      await caller.socket.deliver(encodeRequest(60, 'room.create', { room: 'Lab' }))
      const [answer] = caller.socket.answers()
      expect(answer).to.deep.equal({
        jsonrpc: '2.0',
        id: 60,
        error: {
          code: -32_066,
          message: "nothing can be saved: the server's disk is full",
          data: { code: 'MSG_ERR_STORAGE_FAILED', detail: "the server's disk is full" },
        },
      })
      expect((await caller.ask('rooms.list'))['rooms']).to.deep.equal([])
      store.writing = undefined
      expect(await caller.ask('room.create', { room: 'Lab' })).to.deep.equal({ room: 'Lab' })
      expect(events.map(({ type }) => type).filter((type) => type.startsWith('storage'))).to.deep.equal([
        'storage.failed',
        'storage.recovered',
      ])
    })

    for (const [leave, reason] of [
      [true, 'left'],
      [false, 'signed-out'],
    ] as const) {
      it(`signs out (${reason}), and may sign in again`, async () => {
        const caller = await signedUp('alice')
        events.length = 0
        expect(await caller.ask('signout', { leave })).to.deep.equal({})
        expect(events).to.deep.equal([{ type: 'signed-out', user: 'alice', reason }])
        expect(caller.connection.user).to.equal(undefined)
        expect(tokens.size).to.equal(0)
        expect(await caller.ask('users.list')).to.equal('MSG_ERR_SIGN_IN_REQUIRED')
        expect(await caller.signIn('login', 'alice')).to.have.property('user', 'alice')
        expect(seen).to.deep.equal(['in 1', 'out 1', 'in 1'])
      })
    }

    it('stays signed in when leaving cannot be saved', async () => {
      const caller = await signedUp('alice')
      await caller.ask('room.create', { room: 'Lab' })
      store.writing = 'SQLITE_FULL'
      expect(await caller.ask('signout', { leave: true })).to.equal('MSG_ERR_STORAGE_FAILED')
      expect(caller.connection.user).to.equal('alice')
      expect(tokens.size).to.equal(1)
      expect((await caller.ask('rooms.list'))['rooms']).to.have.lengthOf(1)
      expect(seen).to.deep.equal(['in 1'])
    })

    it('calls a broken connection vanished', async () => {
      const caller = await signedUp('alice')
      events.length = 0
      caller.socket.destroy()
      await turn()
      expect(events).to.deep.equal([{ type: 'signed-out', user: 'alice', reason: 'vanished' }])
      expect(seen).to.deep.equal(['in 1', 'out 1', 'closed 1'])
      expect([host.directory.connectionCount, host.clients.size, tokens.size]).to.deep.equal([0, 0, 0])
    })

    it('is told that the server stops, and is not called vanished then', async () => {
      const caller = await signedUp('alice')
      events.length = 0
      caller.connection.stop()
      await turn()
      expect(caller.socket.answers()).to.deep.equal([
        { jsonrpc: '2.0', method: 'server.closing', params: { reason: 'stopping' } },
      ])
      await caller.socket.hangUp()
      expect(events).to.deep.equal([{ type: 'signed-out', user: 'alice', reason: 'server stopped' }])
    })

    it('is closed without a word when another connection takes its place', async () => {
      const first = await signedUp('alice')
      const second = await greeted()
      await second.ask('login', { ...second.proof('alice', first.instance), password: 'secret' })
      expect(first.socket.writableEnded).to.equal(true)
      events.length = 0
      await first.socket.hangUp()
      expect(events).to.deep.equal([])
      expect(host.directory.connectionCount).to.equal(1)
    })
  })

  it('lets what is over the rate wait', async () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const caller = await greeted({ limits: { ...limits, requestsPerSecond: 1, requestBurst: 3 } })
    const ids = [11, 12, 13, 14]
    await caller.socket.deliver(ids.map((id) => encodeRequest(id, 'users.list', {})).join(''))
    expect(caller.socket.answers().map(({ id }) => id)).to.deep.equal([11, 12, 13])
    expect(caller.socket.isPaused()).to.equal(true)
  })
})
