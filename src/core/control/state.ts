import type { Duration, Instant } from '../time/instant.ts'
import type { HostPort } from '../wire/address.ts'
import type { Account, AccountIndex } from './accounts.ts'
import type { DirectoryEvent } from './events.ts'
import type { Deadline, Deadlines } from './deadlines.ts'
import type { Notification, NotificationParams, Params } from './methods.ts'
import type { Keep } from './writes.ts'

/** Names a control connection within one server process. */
export type ConnectionId = number

/** One signed-in control connection. */
export interface Connection {
  readonly id: ConnectionId
  readonly user: User
  /** 16 bytes in hex: one run of a client of that device's. */
  readonly instance: string
  /** Ed25519 public key in base64url. */
  readonly device: string
  /** False for one-shot commands: never listed, rung or introduced. */
  readonly isListening: boolean
  /** Where its TCP connection comes from, in one spelling. */
  readonly address: string
  /** Where the server saw its UDP socket; `undefined` until a rendezvous datagram came. */
  observed: HostPort | undefined
  /** It has read there what was sent there: the address is not forged. */
  isProven: boolean
  /** The same by the other family than that of its control connection. */
  observedAcross: HostPort | undefined
  /** What the client says are its own addresses. */
  hosts: readonly HostPort[]
  /** How the client says its router maps it, and the port that one opened when asked. */
  mapping: Params<'udp.hosts'>['mapping']
  mapped: HostPort | undefined
  /** When it is introduced without an observed address; `undefined` once it may be. */
  patience: Deadline | undefined
  /** Connections it was introduced to. */
  readonly peers: Map<Connection, Introduction>
  /** Users whose return it wants to hear of. */
  readonly watched: Set<string>
}

/** What one connection knows of another. */
export interface Introduction {
  /** Their channel through the relay, the same on both sides; `undefined` without a relay. */
  readonly channel: string | undefined
  /** What was told last, as text; `undefined` when that is to be told anew. */
  told: string | undefined
}

/** A user with something open or somebody connected. */
export interface User extends Account {
  status: 'active' | 'inactive'
  readonly connections: Set<Connection>
  /** Open sessions: the other user, and since when (microseconds since the Unix epoch). */
  readonly sessions: Map<User, Instant>
  readonly rooms: Set<Room>
  /** When what a vanished user has open is given up; `undefined` while present or with nothing open. */
  expiry: Deadline | undefined
}

export interface Room {
  /** Canonical name. */
  readonly room: string
  readonly name: string
  owner: User
  readonly members: Set<User>
}

/** A session request that waits for its answer. */
export interface Ring {
  readonly from: User
  readonly to: User
  readonly since: Instant
  readonly deadline: Deadline
}

/** What the directory wants done. */
export type Output =
  | { readonly kind: 'tell'; readonly to: ConnectionId; readonly method: Notification; readonly params: unknown }
  /** Close this connection: another one took its place. */
  | { readonly kind: 'close'; readonly connection: ConnectionId; readonly reason: string }
  | { readonly kind: 'event'; readonly event: DirectoryEvent }
  /** Two connections may reach each other through the relay from now on, or may not any more. */
  | { readonly kind: 'channel'; readonly channel: string; readonly ends: readonly [ConnectionId, ConnectionId] }
  | { readonly kind: 'channel-gone'; readonly channel: string }
  /** The same process on a new connection: where it was seen holds, and so do its channels. */
  | { readonly kind: 'replaced'; readonly older: ConnectionId; readonly newer: ConnectionId }
  /** Others see this user as active from now on, or do not any more. */
  | { readonly kind: 'visible'; readonly user: string; readonly isVisible: boolean }

/** What comes due. */
export type Due =
  | { readonly kind: 'ring'; readonly ring: Pick<Ring, 'from' | 'to'> }
  | { readonly kind: 'expiry'; readonly user: User }
  | { readonly kind: 'patience'; readonly connection: Connection }

/** Bounds of what users may have open. */
export interface DirectoryLimits {
  readonly connectionsPerUser: number
  readonly roomsPerUser: number
  readonly membersPerRoom: number
  readonly sessionsPerUser: number
  /** How long a session request rings. */
  readonly ring: Duration
  /** How long a vanished user keeps sessions and rooms. */
  readonly vanished: Duration
}

/**
 * The name of two connections' channel, 8 bytes in hex that nobody can guess, whichever of the two is named first; `undefined` where the server
 * relays nothing.
 */
export type NameChannel = (one: Connection, other: Connection) => string | undefined

/** Everything the parts of the directory share. */
export interface DirectoryState {
  readonly accounts: AccountIndex
  /** Called before anything that it keeps changes here: what cannot be kept does not happen. */
  readonly keep: Keep
  readonly limits: DirectoryLimits
  readonly nameChannel: NameChannel
  readonly users: Map<string, User>
  readonly connections: Map<ConnectionId, Connection>
  readonly instances: Map<string, Connection>
  readonly rooms: Map<string, Room>
  /** By {@link ringKey}. */
  readonly rings: Map<string, Ring>
  /** By the watched user's canonical name. */
  readonly watchers: Map<string, Set<Connection>>
  readonly deadlines: Deadlines<Due>
  readonly outputs: Output[]
}

export function ringKey(from: User, to: User): string {
  return `${from.user}\n${to.user}`
}

/** The two users of a session in their one order. */
export function sessionKey(a: User, b: User): readonly [string, string] {
  return a.user < b.user ? [a.user, b.user] : [b.user, a.user]
}

/** The connections that count as presence. */
export function listening(user: User): Connection[] {
  return [...user.connections].filter(({ isListening }) => isListening)
}

/** True while the user has a listening connection. */
export function isPresent(user: User): boolean {
  for (const { isListening } of user.connections) if (isListening) return true
  return false
}

/** True when others see the user as active: present and not invisible. */
export function isVisible(user: User): boolean {
  return user.status === 'active' && isPresent(user)
}

/** Tells one connection. */
export function tell<N extends Notification>(
  state: DirectoryState,
  to: Connection,
  method: N,
  params: NotificationParams<N>,
): void {
  state.outputs.push({ kind: 'tell', to: to.id, method, params })
}

/** Tells every listening connection of a user, but not `except`. */
export function tellUser<N extends Notification>(
  state: DirectoryState,
  user: User,
  method: N,
  params: NotificationParams<N>,
  except?: Connection,
): void {
  for (const connection of user.connections) {
    if (connection.isListening && connection !== except) tell(state, connection, method, params)
  }
}

export function event(state: DirectoryState, what: DirectoryEvent): void {
  state.outputs.push({ kind: 'event', event: what })
}
