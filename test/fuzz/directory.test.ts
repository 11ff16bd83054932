import { expect } from 'chai'
import fc from 'fast-check'
import { MsgError } from '../../src/core/errors.ts'
import { DirectoryLab, seconds } from '../helpers/directory-lab.ts'

const USERS = ['alice', 'bob', 'carol', 'dave']
const ROOMS = ['lab', 'pub']

/** What a client makes of what it is told: the picture that must agree with the directory at all times. */
interface View {
  readonly user: string
  readonly instance: string
  readonly isListening: boolean
  readonly peers: Map<string, string>
}

/** Replays random operations, and follows what each connection is told. */
class Model {
  readonly lab = new DirectoryLab({ connectionsPerUser: 3 })
  readonly views = new Map<number, View>()

  run(op: Operation): void {
    const ids = [...this.views.keys()]
    const id = ids[op.who % Math.max(1, ids.length)]
    try {
      if (op.kind === 'disk') this.lab.isDiskFull = op.amount % 3 !== 0
      else if (op.kind === 'signIn') this.#signIn(op)
      else if (op.kind === 'pass') this.lab.pass(seconds(op.amount))
      else if (op.kind === 'restart') {
        if (op.amount % 5 !== 0) return
        this.lab.restart()
        this.views.clear()
      } else if (id !== undefined) this.#act(id, op)
    } catch (error) {
      if (!MsgError.is(error)) throw error
    }
    this.#listen()
  }

  #signIn({ user, amount, listening }: Operation): void {
    const given = {
      instance: `${user}-${amount % 3}`,
      listening,
      observed: amount % 2 === 0 ? `192.0.2.${amount % 7}` : null,
    }
    const id = this.lab.signIn(user, given)
    for (const closed of this.lab.closed.splice(0)) this.views.delete(closed)
    this.views.set(id, { user, instance: given.instance, isListening: listening, peers: new Map() })
  }

  #act(id: number, { kind, user, room, amount }: Operation): void {
    const { lab } = this
    if (kind === 'go') {
      // Throws when the store is full and it was to leave for good: then it is still there.
      lab.go(id, (['left', 'signed-out', 'vanished'] as const)[amount % 3])
      this.views.delete(id)
      lab.told.delete(id)
    } else if (kind === 'see') lab.see(id, `192.0.2.${amount % 7}`)
    else if (kind === 'hosts') lab.ask(id, 'udp.hosts', { addresses: [{ host: `10.0.0.${amount % 5}`, port: 1 }] })
    else if (kind === 'status') lab.ask(id, 'presence.set', { status: amount % 2 ? 'active' : 'inactive' })
    else if (kind === 'open') lab.ask(id, 'session.open', { user })
    else if (kind === 'accept') lab.ask(id, 'session.accept', { user })
    else if (kind === 'decline') lab.ask(id, 'session.decline', { user, reason: 'busy' })
    else if (kind === 'close') lab.ask(id, 'session.close', { user })
    else if (kind === 'create') lab.ask(id, 'room.create', { room })
    else if (kind === 'enter') lab.ask(id, 'room.enter', { room })
    else if (kind === 'leave') lab.ask(id, 'room.leave', { room, ...(amount % 2 ? { to: user } : {}) })
    else if (kind === 'end') lab.ask(id, 'room.close', { room })
    else if (kind === 'watch') lab.ask(id, 'user.watch', { user })
  }

  #listen(): void {
    for (const [id, lines] of this.lab.told) {
      const view = this.views.get(id)
      expect(view, `connection ${id} is told "${lines[0]}" after it went`).not.to.equal(undefined)
      for (const line of lines) {
        const [method, instance = '', user = ''] = line.split(' ')
        if (method === 'peer.introduced') view?.peers.set(instance, user.toLowerCase())
        if (method === 'peer.gone')
          expect(view?.peers.delete(instance), `${line}, but it was not introduced`).to.equal(true)
      }
    }
    this.lab.told.clear()
  }

  check(): void {
    const { sessions, rooms } = this.lab.store.load()
    for (const { owner, members } of rooms) {
      expect(members, 'every room has its owner as a member').to.include(owner)
      expect(new Set(members).size).to.equal(members.length)
    }
    const share = (a: string, b: string): boolean =>
      a === b ||
      sessions.some(({ users }) => users.includes(a) && users.includes(b)) ||
      rooms.some(({ members }) => members.includes(a) && members.includes(b))
    const live = [...this.views.values()]
    for (const view of live) {
      if (!view.isListening) expect(view.peers.size, 'one-shots are introduced to nobody').to.equal(0)
      for (const [instance, user] of view.peers) {
        const other = live.find((candidate) => candidate.instance === instance)
        expect(other?.user, `${view.instance} knows ${instance}`).to.equal(user)
        expect(other?.peers.has(view.instance), `${view.instance} and ${instance} know each other`).to.equal(true)
        expect(share(view.user, user), `${view.user} and ${user} share something`).to.equal(true)
      }
    }
    const open = this.lab.directory.listings.allSessions().filter(({ state }) => state !== 'ringing')
    const kept = sessions.map(({ users }) => [...users].sort().join()).sort()
    expect(
      open
        .map(({ users }) =>
          [...users]
            .map((user) => user.toLowerCase())
            .sort()
            .join(),
        )
        .sort(),
      'memory and store agree',
    ).to.deep.equal(kept)
    const listed = this.lab.directory.listings
      .allRooms()
      .map(({ room, owner, members }) => [room, owner.toLowerCase(), members])
    expect(listed).to.deep.equal(rooms.map(({ name, owner, members }) => [name, owner, members.length]).sort())
    expect(this.lab.directory.connectionCount).to.equal(live.length)
  }

  /** Once everybody's patience is over, those who share something know each other. */
  checkComplete(): void {
    this.lab.pass(seconds(2))
    this.#listen()
    this.check()
    const live = [...this.views.values()].filter(({ isListening }) => isListening)
    const { sessions, rooms } = this.lab.store.load()
    for (const a of live) {
      for (const b of live) {
        const isShared =
          a.user === b.user ||
          sessions.some(({ users }) => users.includes(a.user) && users.includes(b.user)) ||
          rooms.some(({ members }) => members.includes(a.user) && members.includes(b.user))
        if (a !== b) expect(a.peers.has(b.instance), `${a.instance} knows ${b.instance}`).to.equal(isShared)
      }
    }
  }
}

interface Operation {
  readonly kind: (typeof KINDS)[number]
  readonly who: number
  readonly user: string
  readonly room: string
  readonly amount: number
  readonly listening: boolean
}

const KINDS = [
  ...(['signIn', 'signIn', 'signIn', 'open', 'open', 'accept', 'accept', 'enter', 'enter', 'create'] as const),
  ...([
    'pass',
    'restart',
    'disk',
    'go',
    'see',
    'hosts',
    'status',
    'decline',
    'close',
    'leave',
    'end',
    'watch',
  ] as const),
] as const

const operation = fc.record<Operation>({
  kind: fc.constantFrom(...KINDS),
  who: fc.nat(20),
  user: fc.constantFrom(...USERS),
  room: fc.constantFrom(...ROOMS),
  amount: fc.oneof(fc.nat(100), fc.nat(100_000)),
  listening: fc.nat(4).map((n) => n > 0),
})

describe('fuzz: directory', () => {
  it('keeps its invariants under any sequence of operations, on a disk that is full now and then', function () {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 20, maxLength: 120 }), (operations) => {
        const model = new Model()
        for (const op of operations) {
          model.run(op)
          model.check()
        }
        model.checkComplete()
      }),
      { numRuns: 2_000, interruptAfterTimeLimit: 5_000 },
    )
  })

  it('forgets everything when everybody has gone for good', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 20, maxLength: 80 }), (operations) => {
        const model = new Model()
        for (const op of operations) model.run(op)
        model.lab.isDiskFull = false
        for (const id of model.views.keys()) model.lab.go(id)
        model.lab.pass(seconds(90_000))
        for (const user of USERS) expect(model.lab.directory.user(user), user).to.equal(undefined)
        expect(model.lab.directory.pollTimeout()).to.equal(undefined)
        expect(model.lab.store.load()).to.deep.equal({ sessions: [], rooms: [] })
      }),
      { numRuns: 500, interruptAfterTimeLimit: 4_000 },
    )
  })
})
