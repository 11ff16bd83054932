import { MsgError } from '../errors.ts'
import type { Instant } from '../time/instant.ts'
import { normalizeHost, parseIp, type HostPort } from '../wire/address.ts'
import type { AccountIndex } from './accounts.ts'
import { Connections, type Departure, type SignIn } from './connections.ts'
import { Deadlines } from './deadlines.ts'
import { Introductions } from './introductions.ts'
import { Listings } from './listings.ts'
import type { Method, Params, Result } from './methods.ts'
import { Presence } from './presence.ts'
import { Rooms } from './rooms.ts'
import { restoreSession, Sessions } from './sessions.ts'
import {
  isPresent,
  type Connection,
  type ConnectionId,
  type DirectoryLimits,
  type DirectoryState,
  type NameChannel,
  type Output,
  type User,
} from './state.ts'
import { settle, userOf } from './users.ts'
import type { DirectorySnapshot, Keep } from './writes.ts'

/** What {@link Directory} is built with. */
export interface DirectoryDeps {
  readonly accounts: AccountIndex
  /** Called synchronously, before what it keeps changes here. */
  readonly keep: Keep
  readonly limits: DirectoryLimits
  /** @default no relay */
  readonly nameChannel?: NameChannel
  /** What was open when the server stopped; everybody counts as vanished. */
  readonly snapshot: DirectorySnapshot
  /** Microseconds since the Unix epoch, as every `now` here; never goes backwards. */
  readonly now: Instant
}

/** Methods that a signed-in connection may ask of the directory. */
export type DirectoryMethod = Exclude<
  Method,
  'hello' | 'register' | 'login' | 'login.device' | 'signout' | 'link.server' | 'plugin' | 'plugin.answer'
>

/**
 * Who is here, who talks to whom, who is introduced to whom: the server's whole knowledge, as a state machine.
 *
 * Feed it sign-ins, requests, observed addresses and the clock; after each call drain `pollOutputs` and arrange for `handleTimeout`
 * at `pollTimeout`. What is to survive a restart is kept before it happens, so that memory never holds what the store does not. A call
 * that throws has changed nothing.
 */
export class Directory {
  readonly #state: DirectoryState
  readonly #introductions: Introductions
  readonly #presence: Presence
  readonly #sessions: Sessions
  readonly #rooms: Rooms
  readonly #connections: Connections
  readonly listings: Listings

  constructor({ accounts, keep, limits, nameChannel = () => undefined, snapshot, now }: DirectoryDeps) {
    this.#state = {
      accounts,
      keep,
      limits,
      nameChannel,
      users: new Map(),
      connections: new Map(),
      instances: new Map(),
      rooms: new Map(),
      rings: new Map(),
      watchers: new Map(),
      deadlines: new Deadlines(),
      outputs: [],
    }
    this.#introductions = new Introductions(this.#state)
    this.#presence = new Presence(this.#state)
    this.#sessions = new Sessions(this.#state, this.#introductions)
    this.#rooms = new Rooms(this.#state, this.#introductions)
    this.listings = new Listings(this.#state, this.#presence)
    this.#connections = new Connections(this.#state, {
      introductions: this.#introductions,
      presence: this.#presence,
      sessions: this.#sessions,
      rooms: this.#rooms,
    })
    this.#restore(snapshot, now)
  }

  /** Signed-in connections. */
  get connectionCount(): number {
    return this.#state.connections.size
  }

  /** The live state of a user, or `undefined` when nobody is connected and nothing is open. */
  user(key: string): User | undefined {
    return this.#state.users.get(key)
  }

  /** A connection has proven who it is; see {@link Connections.signIn}. @throws MSG_ERR_SIGNED_IN, MSG_ERR_LIMIT */
  signIn(now: Instant, id: ConnectionId, who: SignIn): { readonly status: 'active' | 'inactive' } {
    return this.#connections.signIn(now, id, who)
  }

  /** A connection went. @throws what {@link DirectoryDeps.keep} throws, when it `left` with something open. */
  remove(now: Instant, id: ConnectionId, how: Departure): void {
    this.#connections.remove(now, id, how)
  }

  /** Answers a request of a signed-in connection. @throws what the method's own documentation says. */
  handleRequest<M extends DirectoryMethod>(now: Instant, id: ConnectionId, method: M, params: Params<M>): Result<M> {
    const connection = this.#state.connections.get(id)
    if (!connection) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
    const handle: Requests[M] = this.#requests[method]
    return handle(now, connection, params)
  }

  /**
   * The rendezvous port saw a datagram with this connection's token.
   *
   * @param isProven - its sender has read there what was sent there.
   * @returns false when it came by the other family than the control connection's, or is nobody's
   */
  handleObserved(id: ConnectionId, address: HostPort, isProven: boolean): boolean {
    const connection = this.#state.connections.get(id)
    if (!connection) return false
    const observed = normalized(address)
    const [family, main] = [observed.host, connection.address].map((host) => parseIp(host)?.byteLength)
    const isMain = main === undefined || family === main
    const before = isMain ? connection.observed : connection.observedAcross
    const isSame = before?.host === observed.host && before.port === observed.port
    if (isSame && (!isMain || connection.isProven || !isProven)) return isMain
    if (isMain) {
      connection.observed = observed
      connection.isProven = isProven
      this.#locate(connection)
    } else {
      connection.observedAcross = observed
      this.#introductions.refresh(connection)
    }
    return isMain
  }

  /** This connection has a way through the relay that needs no UDP: there is nothing more to wait for. */
  handleAttached(id: ConnectionId): void {
    const connection = this.#state.connections.get(id)
    if (connection?.patience) this.#locate(connection)
  }

  /** Never throws: what cannot be kept stays as it is, and is tried again later. */
  handleTimeout(now: Instant): void {
    for (let due = this.#state.deadlines.take(now); due; due = this.#state.deadlines.take(now)) {
      if (due.kind === 'ring') this.#sessions.expire(due.ring.from, due.ring.to)
      else if (due.kind === 'expiry') this.#connections.expire(now, due.user)
      else {
        due.connection.patience = undefined
        this.#introductions.introduce(due.connection)
      }
    }
  }

  /** When `handleTimeout` wants to be called, or `undefined` for never. */
  pollTimeout(): Instant | undefined {
    return this.#state.deadlines.next()
  }

  /** What to do, oldest first, since the last call. */
  pollOutputs(): Output[] {
    return this.#state.outputs.splice(0)
  }

  readonly #requests: Requests = {
    'udp.hosts': (_now, connection, { addresses, mapping, mapped }) => {
      connection.hosts = addresses.map(normalized)
      connection.mapping = mapping
      connection.mapped = mapped && normalized(mapped)
      if (!connection.patience) this.#introductions.refresh(connection)
      return {}
    },
    'users.list': (_now, _connection, { connected, after = '' }) => this.listings.users(connected, after),
    'rooms.list': (_now, _connection, { after = '' }) => this.listings.rooms(after),
    'room.members': (_now, _connection, { room, after = '' }) => this.listings.members(this.#rooms.find(room), after),
    'presence.set': (now, { user }, { status }) => {
      this.#presence.setStatus(now, user, status)
      return {}
    },
    'user.watch': (_now, connection, { user }) => this.#presence.watch(connection, user),
    'session.open': (now, connection, { user }) => this.#sessions.open(now, connection, user),
    'session.accept': (now, connection, { user }) => this.#sessions.accept(now, connection, user),
    'session.decline': (_now, connection, { user, reason }) => this.#sessions.decline(connection, user, reason),
    'session.close': (now, connection, { user }) => this.#sessions.close(now, connection, user),
    'room.create': (now, connection, { room }) => this.#rooms.create(now, connection, room),
    'room.enter': (now, connection, { room }) => this.#rooms.enter(now, connection, room),
    'room.leave': (now, connection, { room, to }) => this.#rooms.leave(now, connection, room, to),
    'room.close': (now, connection, { room }) => this.#rooms.close(now, connection, room),
  }

  /** A room by any spelling of its name. @throws MSG_ERR_ROOM_UNKNOWN */
  members(name: string): { room: string; owner: string; members: Array<{ user: string; present: boolean }> } {
    const room = this.#rooms.find(name)
    const members = [...room.members].map((user) => ({ user: user.name, present: isPresent(user) }))
    return { room: room.name, owner: room.owner.name, members: members.sort((a, b) => (a.user < b.user ? -1 : 1)) }
  }

  /** Where a connection can be reached is new: introduce it if that is what was waited for. */
  #locate(connection: Connection): void {
    if (!connection.isListening) return
    if (!connection.patience) {
      this.#introductions.refresh(connection)
      return
    }
    connection.patience.cancel()
    connection.patience = undefined
    this.#introductions.introduce(connection)
  }

  #restore({ sessions, rooms }: DirectorySnapshot, now: Instant): void {
    for (const { users, since } of sessions) restoreSession(this.#state, users, since)
    for (const { room: key, name, owner, members } of rooms) {
      const present = members
        .flatMap((member) => this.#state.accounts.account(member) ?? [])
        .map((account) => userOf(this.#state, account))
      const room = { room: key, name, owner: present.find(({ user }) => user === owner), members: new Set(present) }
      if (!room.owner) continue
      this.#state.rooms.set(key, { ...room, owner: room.owner })
    }
    for (const room of this.#state.rooms.values()) for (const member of room.members) member.rooms.add(room)
    for (const user of [...this.#state.users.values()]) settle(this.#state, user, now)
  }
}

/** One answer for each method the directory serves. */
type Requests = {
  readonly [M in DirectoryMethod]: (now: Instant, connection: Connection, params: Params<M>) => Result<M>
}

const normalized = ({ host, port }: HostPort): HostPort => ({ host: normalizeHost(host), port })
