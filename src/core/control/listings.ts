import type { Instant } from '../time/instant.ts'
import type { Result } from './methods.ts'
import type { Presence } from './presence.ts'
import { isPresent, isVisible, type DirectoryState, type Room } from './state.ts'

/** One session, for the server's own console. */
export interface ListedSession {
  readonly users: readonly [string, string]
  /** `ringing` until accepted; `waiting` while one of the two is away. */
  readonly state: 'ringing' | 'open' | 'waiting'
  /** Microseconds since the Unix epoch. */
  readonly since: Instant
}

/** One room in a list; `members` is their number. */
export type ListedRoom = Result<'rooms.list'>['rooms'][number]

/** What can be looked up, page by page where clients ask: a page fits one line with room to spare. */
export class Listings {
  readonly #state: DirectoryState
  readonly #presence: Presence

  constructor(state: DirectoryState, presence: Presence) {
    this.#state = state
    this.#presence = presence
  }

  /** @param after - `next` of the page before, or '' for the first. */
  users(isConnected: boolean, after: string): Result<'users.list'> {
    const found = isConnected
      ? page([...this.#state.users.values()].filter(isVisible), ({ user }) => user, after)
      : this.#state.accounts.accounts(after, PAGE + 1)
    return {
      users: found.slice(0, PAGE).map((account) => ({
        user: account.name,
        status: this.#presence.statusOf(account),
        virtualAddress: account.virtualAddress,
      })),
      next: nextAfter(found, ({ user }) => user),
    }
  }

  rooms(after: string): Result<'rooms.list'> {
    const found = page([...this.#state.rooms.values()], ({ room }) => room, after)
    return {
      rooms: found
        .slice(0, PAGE)
        .map(({ name, owner, members }) => ({ room: name, owner: owner.name, members: members.size })),
      next: nextAfter(found, ({ room }) => room),
    }
  }

  members(room: Room, after: string): Result<'room.members'> {
    const found = page([...room.members], ({ user }) => user, after)
    return {
      room: room.name,
      owner: room.owner.name,
      members: found.slice(0, PAGE).map((user) => ({ user: user.name, present: isPresent(user) })),
      next: nextAfter(found, ({ user }) => user),
    }
  }

  /** Every session, ringing ones too, for the server's own console. */
  allSessions(): ListedSession[] {
    const { users, rings } = this.#state
    const ringing = [...rings.values()].map(({ from, to, since }) => session([from.name, to.name], 'ringing', since))
    const open = [...users.values()].flatMap((user) =>
      [...user.sessions]
        .filter(([other]) => user.user < other.user)
        .map(([other, since]) =>
          session([user.name, other.name], isPresent(user) && isPresent(other) ? 'open' : 'waiting', since),
        ),
    )
    return [...open, ...ringing]
  }

  allRooms(): ListedRoom[] {
    return [...this.#state.rooms.values()]
      .map(({ name, owner, members }) => ({ room: name, owner: owner.name, members: members.size }))
      .sort((a, b) => (a.room < b.room ? -1 : 1))
  }
}

function session(users: readonly [string, string], state: ListedSession['state'], since: Instant): ListedSession {
  return { users, state, since }
}

/** The entries after `after`, in order of their keys: one more than a page, if there are. */
function page<T>(all: readonly T[], key: (entry: T) => string, after: string): T[] {
  return all
    .filter((entry) => key(entry) > after)
    .sort((a, b) => (key(a) < key(b) ? -1 : 1))
    .slice(0, PAGE + 1)
}

function nextAfter<T>(found: readonly T[], key: (entry: T) => string): string | null {
  const last = found[PAGE - 1]
  return last !== undefined && found.length > PAGE ? key(last) : null
}

/** Entries of a page: 150 of the largest (two names of 128 bytes) take under 50 KiB. */
const PAGE = 150
