import { mock } from 'node:test'
import { expect } from 'chai'
import { now } from '../../../src/core/io/clock.ts'
import { EventHub } from '../../../src/core/io/event-hub.ts'
import type { ServerEvent } from '../../../src/core/server/api.ts'
import { DirectoryHost, type DirectoryClient } from '../../../src/core/server/directory-host.ts'
import { resolveLimits } from '../../../src/core/server/limits.ts'
import { Overview } from '../../../src/core/server/overview.ts'
import type { ControlConnection } from '../../../src/core/server/control-connection.ts'
import { FailingStore } from '../../helpers/failing-store.ts'
import { expectCode, expectRejects } from '../../helpers/errors.ts'

/** Writes down what it is given. */
class FakeClient implements DirectoryClient {
  readonly log: string[] = []

  send(line: string): void {
    this.log.push((JSON.parse(line) as { method: string }).method)
  }

  close(reason: string): void {
    this.log.push(`close ${reason}`)
  }
}

describe('server/directory-host', () => {
  let store: FailingStore
  let events: ServerEvent[]
  let host: DirectoryHost
  let clients: Record<string, FakeClient>

  const create = (): DirectoryHost => {
    const hub = new EventHub<ServerEvent>()
    hub.publish = (event) => void events.push(event)
    return new DirectoryHost(store, resolveLimits({ ringMs: 1_000 }), hub)
  }
  const signIn = (id: number, user: string, instance = `i${id}`): void => {
    const account =
      store.account(user) ?? store.createAccount({ user, name: user[0]!.toUpperCase() + user.slice(1), verifier: '' })!
    host.attach(id, (clients[user] ??= new FakeClient()))
    host.run((directory) =>
      directory.signIn(now(), id, { account, instance, device: `d-${user}`, listening: true, address: '192.0.2.1' }),
    )
  }
  const open = (): void => {
    host.run((directory) => directory.handleRequest(now(), 1, 'session.open', { user: 'bob' }))
  }

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] })
    store = new FailingStore()
    events = []
    clients = {}
    host = create()
    signIn(1, 'alice')
    signIn(2, 'bob')
    events.length = 0
  })
  afterEach(() => {
    host.close()
    mock.timers.reset()
  })

  it('gives back what the step gave, and answers before it tells', () => {
    const log: string[] = []
    clients['alice']!.send = () => void log.push('told')
    const result = host.run(
      (directory) => directory.handleRequest(now(), 1, 'room.create', { room: 'Lab' }),
      ({ room }) => log.push(`answered ${room}`),
    )
    expect(result).to.deep.equal({ room: 'Lab' })
    expect(log).to.deep.equal(['answered Lab', 'told'])
  })

  it('has kept what it answers', () => {
    host.run(
      (directory) => directory.handleRequest(now(), 1, 'room.create', { room: 'Lab' }),
      () => expect(store.load().rooms.map(({ room }) => room)).to.deep.equal(['lab']),
    )
  })

  it('tells those who are attached, and publishes what happened', () => {
    open()
    host.run((directory) => directory.handleRequest(now(), 2, 'session.accept', { user: 'alice' }))
    expect(clients['bob']!.log).to.deep.equal(['session.request', 'session.opened'])
    expect(clients['alice']!.log).to.deep.equal(['session.opened'])
    expect(events).to.deep.equal([{ type: 'session.opened', users: ['Bob', 'Alice'] }])
  })

  it('tells nobody who was detached', () => {
    expect([...host.clients.keys()]).to.deep.equal([1, 2])
    host.detach(2)
    open()
    expect(clients['bob']!.log).to.deep.equal([])
    expect([...host.clients.keys()]).to.deep.equal([1])
  })

  it('closes the connection that another one replaces', () => {
    const older = clients['alice']!
    clients['alice'] = new FakeClient()
    signIn(3, 'alice', 'i1')
    expect(older.log).to.deep.equal(['close replaced'])
    expect(clients['alice'].log).to.deep.equal([])
  })

  it('answers, tells and changes nothing when the store fails', () => {
    store.writing = 'SQLITE_FULL'
    let answers = 0
    expectCode(
      () =>
        host.run(
          (directory) => directory.handleRequest(now(), 1, 'room.create', { room: 'Lab' }),
          () => answers++,
        ),
      'MSG_ERR_STORAGE_FAILED',
    )
    expect([answers, clients['alice']!.log, events]).to.deep.equal([0, [], []])
    expect(host.directory.listings.allRooms()).to.deep.equal([])
  })

  it('tells what happened though the answer could not be written', () => {
    const broken = (): never => {
      throw new Error('broken pipe')
    }
    expect(() =>
      host.run((directory) => directory.handleRequest(now(), 1, 'room.create', { room: 'Lab' }), broken),
    ).to.throw('broken pipe')
    expect(clients['alice']!.log).to.deep.equal(['room.entered'])
  })

  it('starts with what the store has', () => {
    open()
    host.run((directory) => directory.handleRequest(now(), 2, 'session.accept', { user: 'alice' }))
    const again = create()
    expect(again.directory.listings.allSessions().map(({ users, state }) => [...users, state])).to.deep.equal([
      ['Alice', 'Bob', 'waiting'],
    ])
    again.close()
  })

  it('gives the directory the time when something is due, and not once it is closed', () => {
    const woken: number[] = []
    const { directory } = host
    const handleTimeout = directory.handleTimeout.bind(directory)
    directory.handleTimeout = (at) => {
      woken.push(at)
      handleTimeout(at)
    }
    open()
    mock.timers.tick(900)
    const early = woken.length
    mock.timers.tick(200)
    expect(woken.length).to.be.above(early)
    host.close()
    const before = woken.length
    host.run((state) => state.handleRequest(now(), 1, 'session.close', { user: 'bob' }))
    expect(directory.pollTimeout()).not.to.equal(undefined)
    mock.timers.tick(10_000_000)
    expect(woken).to.have.lengthOf(before)
  })

  it('does not fall over when the store fails while it gives up what somebody had', () => {
    open()
    host.run((directory) => directory.handleRequest(now(), 2, 'session.accept', { user: 'alice' }))
    host.run((directory) => directory.remove(now(), 1, 'vanished'))
    store.writing = 'SQLITE_FULL'
    host.run((directory) => directory.handleTimeout(now() + 90_000 * 1_000_000))
    expect(host.directory.listings.allSessions()).to.have.lengthOf(1)
  })

  describe('server/overview', () => {
    const connection = (user: string, address: string): ControlConnection => ({ user, address }) as ControlConnection
    const overview = (...connections: ControlConnection[]): Overview =>
      new Overview(store, host.directory, new Set(connections))

    it('shows every account with its status and where it is connected from', async () => {
      store.createAccount({ user: 'carol', name: 'Carol', verifier: '' })
      host.run((directory) => directory.handleRequest(now(), 2, 'presence.set', { status: 'inactive' }))
      const shown = overview(
        connection('alice', '192.0.2.1'),
        connection('alice', '192.0.2.1'),
        connection('alice', '192.0.2.2'),
        connection('bob', '192.0.2.3'),
      )
      const all = await shown.users()
      expect(all).to.deep.equal([
        {
          user: 'Alice',
          status: 'active',
          virtualAddress: '100.64.0.1',
          connections: 3,
          addresses: ['192.0.2.1', '192.0.2.2'],
        },
        { user: 'Bob', status: 'inactive', virtualAddress: '100.64.0.2', connections: 1, addresses: ['192.0.2.3'] },
        { user: 'Carol', status: 'offline', virtualAddress: '100.64.0.3', connections: 0, addresses: [] },
      ])
      expect(await shown.users({ connected: true })).to.deep.equal(all.slice(0, 2))
    })

    it('shows a user with something open but nobody connected as offline', async () => {
      host.run((directory) => directory.handleRequest(now(), 1, 'room.create', { room: 'Lab' }))
      host.run((directory) => directory.remove(now(), 1, 'vanished'))
      expect((await overview().users()).map(({ status }) => status)).to.deep.equal(['offline', 'active'])
      expect(await overview().members('LAB')).to.deep.equal({
        room: 'Lab',
        owner: 'Alice',
        members: [{ user: 'Alice', present: false }],
      })
    })

    it('shows sessions with the time in words a program reads', async () => {
      open()
      const [session] = await overview().sessions()
      expect(session?.state).to.equal('ringing')
      expect(new Date(session!.since).toISOString()).to.equal(session!.since)
    })

    it('does not know a room that there is not', async () => {
      await expectRejects(overview().members('nowhere'), 'MSG_ERR_ROOM_UNKNOWN')
      expect(await overview().rooms()).to.deep.equal([])
    })
  })
})
