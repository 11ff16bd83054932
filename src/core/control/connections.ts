import { MsgError } from '../errors.ts'
import { millis, type Instant } from '../time/instant.ts'
import { normalizeHost } from '../wire/address.ts'
import type { Account } from './accounts.ts'
import type { Introductions } from './introductions.ts'
import type { Presence } from './presence.ts'
import { departure, type Rooms } from './rooms.ts'
import type { Sessions } from './sessions.ts'
import {
  event,
  isPresent,
  listening,
  sessionKey,
  tell,
  tellUser,
  type Connection,
  type ConnectionId,
  type DirectoryState,
  type User,
} from './state.ts'
import { settle, userOf } from './users.ts'

/** Who signs in, and from where. */
export interface SignIn {
  readonly account: Account
  readonly instance: string
  readonly device: string
  readonly listening: boolean
  /** The user is invisible from this sign-in on. @default as it was before */
  readonly status?: 'inactive' | undefined
  /** The remote address of the control connection, for the server's console. */
  readonly address: string
}

/**
 * How a connection went: `left`, it signed out, and ends what the user has open if no listening connection remains; `signed-out`, it signed out
 * and keeps that; `vanished`, its TCP connection broke; `server stopped`, which is as good as that.
 */
export type Departure = 'left' | 'signed-out' | 'vanished' | 'server stopped'

/** Control connections coming and going, and what that means for what their users have open. */
export class Connections {
  readonly #state: DirectoryState
  readonly #introductions: Introductions
  readonly #presence: Presence
  readonly #sessions: Sessions
  readonly #rooms: Rooms

  constructor(
    state: DirectoryState,
    parts: {
      readonly introductions: Introductions
      readonly presence: Presence
      readonly sessions: Sessions
      readonly rooms: Rooms
    },
  ) {
    this.#state = state
    this.#introductions = parts.introductions
    this.#presence = parts.presence
    this.#sessions = parts.sessions
    this.#rooms = parts.rooms
  }

  /**
   * What is open is told to the new connection, its user's peers learn of the return. A connection with the instance, user and device of an
   * older one takes its place without a word to anybody.
   *
   * @throws MSG_ERR_SIGNED_IN when the instance is somebody else's; MSG_ERR_LIMIT when the user has too many connections.
   */
  signIn(now: Instant, id: ConnectionId, who: SignIn): User {
    const { account, instance, device, listening: isListening, status } = who
    const address = normalizeHost(who.address)
    const older = this.#state.instances.get(instance)
    if (older && (older.user.user !== account.user || older.device !== device)) {
      throw new MsgError('MSG_ERR_SIGNED_IN', { detail: 'somebody else, with the same instance' })
    }
    const { connectionsPerUser } = this.#state.limits
    if (!older && (this.#state.users.get(account.user)?.connections.size ?? 0) >= connectionsPerUser) {
      throw new MsgError('MSG_ERR_LIMIT', {
        detail: `${account.name} has ${connectionsPerUser} connections, the most there may be`,
      })
    }
    if (older) this.#state.outputs.push({ kind: 'close', connection: older.id, reason: 'replaced' })
    if (older?.isListening !== isListening && older) this.#remove(now, older, 'vanished')
    const user = userOf(this.#state, account)
    if (status !== undefined) this.#presence.change(user, () => (user.status = status))
    const replaced = older && this.#state.instances.get(instance)
    if (replaced) this.#replace(replaced, id, address)
    else this.#add(now, { id, user, instance, device, isListening, address })
    event(this.#state, { type: 'signed-in', user: user.name, address: who.address })
    return user
  }

  /** A connection went. Unknown ones are ignored. @throws what cannot be kept; the connection is still there then. */
  remove(now: Instant, id: ConnectionId, how: Departure): void {
    const connection = this.#state.connections.get(id)
    if (!connection) return
    this.#remove(now, connection, how)
    event(this.#state, { type: 'signed-out', user: connection.user.name, reason: how })
  }

  #add(now: Instant, given: Pick<Connection, 'id' | 'user' | 'instance' | 'device' | 'isListening' | 'address'>): void {
    const connection: Connection = {
      ...given,
      observed: undefined,
      isProven: false,
      observedAcross: undefined,
      hosts: [],
      mapping: undefined,
      mapped: undefined,
      patience: undefined,
      peers: new Map(),
      watched: new Set(),
    }
    const { user } = connection
    const wasPresent = isPresent(user)
    this.#state.connections.set(connection.id, connection)
    this.#state.instances.set(connection.instance, connection)
    this.#presence.change(user, () => user.connections.add(connection))
    if (!connection.isListening) return
    connection.patience = this.#state.deadlines.add(now + PATIENCE, { kind: 'patience', connection })
    this.#tellOpen(connection)
    if (wasPresent) return
    settle(this.#state, user, now)
    for (const other of user.sessions.keys())
      tellUser(this.#state, other, 'session.opened', { user: user.name, present: true })
    this.#rooms.tellPresence(user, 'back')
  }

  /** The same process on a new TCP connection: everything known of it stays, and it is told what it may have missed. */
  #replace(older: Connection, id: ConnectionId, address: string): void {
    const connection: Connection = { ...older, id, address, watched: new Set() }
    const { deadlines, connections, instances } = this.#state
    connections.delete(older.id)
    connections.set(id, connection)
    instances.set(connection.instance, connection)
    this.#presence.unwatch(older)
    older.user.connections.delete(older)
    older.user.connections.add(connection)
    if (older.patience) {
      connection.patience = deadlines.add(older.patience.at, { kind: 'patience', connection })
      older.patience.cancel()
    }
    for (const [other, { channel }] of connection.peers) {
      other.peers.set(connection, other.peers.get(older) ?? { channel, told: undefined })
      other.peers.delete(older)
    }
    this.#state.outputs.push({ kind: 'replaced', older: older.id, newer: id })
    if (!connection.isListening) return
    this.#tellOpen(connection)
    this.#introductions.repeat(connection)
  }

  #tellOpen(connection: Connection): void {
    const { user } = connection
    for (const { from, to } of this.#state.rings.values()) {
      if (to === user) tell(this.#state, connection, 'session.request', { user: from.name })
    }
    for (const other of user.sessions.keys()) {
      tell(this.#state, connection, 'session.opened', { user: other.name, present: isPresent(other) })
    }
    for (const room of user.rooms)
      tell(this.#state, connection, 'room.entered', { room: room.name, owner: room.owner.name })
  }

  #remove(now: Instant, connection: Connection, how: Departure): void {
    const { user } = connection
    const wasPresent = isPresent(user)
    const endsAll = how === 'left' && connection.isListening && listening(user).length === 1
    if (endsAll) this.#keepEndOf(user)
    this.#state.connections.delete(connection.id)
    this.#state.instances.delete(connection.instance)
    this.#presence.change(user, () => user.connections.delete(connection))
    connection.patience?.cancel()
    this.#presence.unwatch(connection)
    this.#introductions.leave(connection, how === 'left' || how === 'signed-out' ? 'left' : 'vanished')
    if (!isPresent(user)) this.#sessions.silence(user)
    if (wasPresent && !isPresent(user)) {
      if (endsAll) {
        this.#endAll(now, user, { session: 'left', room: 'owner-left' })
        user.status = 'active'
      } else {
        for (const other of user.sessions.keys())
          tellUser(this.#state, other, 'session.opened', { user: user.name, present: false })
        this.#rooms.tellPresence(user, 'away')
      }
    }
    settle(this.#state, user, now)
  }

  /** A vanished user did not come back. What cannot be kept stays open a while longer. */
  expire(now: Instant, user: User): void {
    user.expiry = undefined
    if (isPresent(user)) return
    try {
      this.#keepEndOf(user)
    } catch {
      user.expiry = this.#state.deadlines.add(now + EXPIRE_AGAIN, { kind: 'expiry', user })
      return
    }
    user.status = 'active'
    this.#endAll(now, user, { session: 'gone', room: 'expired' })
    settle(this.#state, user, now)
  }

  #keepEndOf(user: User): void {
    this.#state.keep([
      ...[...user.sessions.keys()].map((other) => ({ op: 'session.delete', users: sessionKey(user, other) }) as const),
      ...[...user.rooms].map((room) => departure(room, user)),
    ])
  }

  #endAll(now: Instant, user: User, reason: { session: 'left' | 'gone'; room: 'owner-left' | 'expired' }): void {
    for (const other of [...user.sessions.keys()]) this.#sessions.end(now, user, other, { toOther: reason.session })
    for (const room of [...user.rooms]) {
      if (room.owner === user) this.#rooms.end(now, room, reason.room)
      else this.#rooms.drop(now, room, user)
    }
  }
}

/** Specification: how long a connection is introduced to nobody while its address has not been observed. */
const PATIENCE = millis(2_000)
/** Implementation: when giving up what a vanished user had is tried again after the store could not keep it. */
const EXPIRE_AGAIN = millis(60_000)
