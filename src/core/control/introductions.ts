import { candidates } from './candidates.ts'
import { isPresent, listening, tell, type Connection, type DirectoryState, type User } from './state.ts'

/**
 * Who is told of whom: two listening connections whose users share a session or a room, or are the same user. Always both or
 * neither, and only once both have been seen at the UDP port or were waited for long enough.
 */
export class Introductions {
  readonly #state: DirectoryState

  constructor(state: DirectoryState) {
    this.#state = state
  }

  /** A connection may now be introduced: to its user's other connections and to everybody the user shares something with. */
  introduce(connection: Connection): void {
    for (const user of acquaintances(connection.user)) {
      for (const other of listening(user)) this.#introducePair(connection, other)
    }
  }

  /** Two users came to share something. */
  join(a: User, b: User): void {
    for (const connection of listening(a)) for (const other of listening(b)) this.#introducePair(connection, other)
  }

  /** Two users share something less: their links go when it was the last. */
  part(a: User, b: User): void {
    if (shares(a, b)) return
    for (const connection of listening(a)) {
      for (const other of listening(b)) {
        if (!this.#forget(connection, other)) continue
        tell(this.#state, connection, 'peer.gone', { instance: other.instance, reason: 'left' })
        tell(this.#state, other, 'peer.gone', { instance: connection.instance, reason: 'left' })
      }
    }
  }

  /** A connection went: whoever knows it is told. */
  leave(connection: Connection, reason: 'left' | 'vanished'): void {
    for (const other of connection.peers.keys()) {
      this.#forget(connection, other)
      tell(this.#state, other, 'peer.gone', { instance: connection.instance, reason })
    }
  }

  /** Where a connection can be reached changed: what that makes of its peers' candidates, and theirs of its own, is told. */
  refresh(connection: Connection): void {
    for (const other of connection.peers.keys()) this.#tellBoth(connection, other)
  }

  /** Tells a connection of every peer again, as if for the first time. */
  repeat(connection: Connection): void {
    for (const [other, introduction] of connection.peers) {
      introduction.told = undefined
      this.#tell(connection, other)
    }
  }

  #introducePair(a: Connection, b: Connection): void {
    if (a === b || !a.isListening || !b.isListening || a.patience || b.patience || a.peers.has(b)) return
    const channel = this.#state.nameChannel(a, b)
    if (channel !== undefined) this.#state.outputs.push({ kind: 'channel', channel, ends: [a.id, b.id] })
    a.peers.set(b, { channel, told: undefined })
    b.peers.set(a, { channel, told: undefined })
    this.#tellBoth(a, b)
  }

  /** @returns false when they did not know each other. */
  #forget(a: Connection, b: Connection): boolean {
    const introduction = a.peers.get(b)
    if (!introduction) return false
    a.peers.delete(b)
    b.peers.delete(a)
    const { channel } = introduction
    if (channel !== undefined) this.#state.outputs.push({ kind: 'channel-gone', channel })
    return true
  }

  #tellBoth(a: Connection, b: Connection): void {
    this.#tell(a, b)
    this.#tell(b, a)
  }

  #tell(to: Connection, about: Connection): void {
    const introduction = to.peers.get(about)
    if (!introduction) return
    const { instance, user, device, mapping } = about
    const found = candidates(to, about)
    const told = [mapping, ...found.map(({ host, port, kind }) => `${host} ${port} ${kind}`)].join('\n')
    if (introduction.told === told) return
    introduction.told = told
    const { channel } = introduction
    tell(this.#state, to, 'peer.introduced', {
      instance,
      user: user.name,
      device,
      candidates: found,
      ...(mapping === undefined ? {} : { mapping }),
      ...(channel === undefined ? {} : { channel }),
    })
  }
}

/** True when the users have something open together, or are the same. */
export function shares(a: User, b: User): boolean {
  if (a === b || a.sessions.has(b)) return true
  for (const room of a.rooms) if (b.rooms.has(room)) return true
  return false
}

/** Everybody present that a user shares something with, the user included. */
function acquaintances(user: User): Set<User> {
  const found = new Set([user, ...user.sessions.keys()])
  for (const room of user.rooms) for (const member of room.members) if (isPresent(member)) found.add(member)
  return found
}
