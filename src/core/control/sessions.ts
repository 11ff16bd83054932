import { MsgError } from '../errors.ts'
import type { Instant } from '../time/instant.ts'
import type { Introductions } from './introductions.ts'
import type { Result } from './methods.ts'
import {
  event,
  isPresent,
  isVisible,
  ringKey,
  sessionKey,
  tellUser,
  write,
  type Connection,
  type DirectoryState,
  type Ring,
  type User,
} from './state.ts'
import { findAccount, settle, userOf } from './users.ts'

/** Open conversations between two users, and the requests that ring until one is. */
export class Sessions {
  readonly #state: DirectoryState
  readonly #introductions: Introductions

  constructor(state: DirectoryState, introductions: Introductions) {
    this.#state = state
    this.#introductions = introductions
  }

  /** @throws MSG_ERR_USER_UNKNOWN, MSG_ERR_SELF, MSG_ERR_USER_OFFLINE, MSG_ERR_LIMIT */
  open(now: Instant, by: Connection, name: string): Result<'session.open'> {
    const { rings, limits, deadlines } = this.#state
    const account = findAccount(this.#state, name)
    const from = by.user
    if (account.user === from.user) throw new MsgError('MSG_ERR_SELF')
    const to = this.#state.users.get(account.user)
    if (to && from.sessions.has(to)) return { user: to.name, state: 'open' }
    const asked = to && rings.get(ringKey(to, from))
    if (asked) {
      this.#answer(asked)
      this.#establish(now, from, asked.from)
      return { user: account.name, state: 'open' }
    }
    if (!to || !isVisible(to)) throw new MsgError('MSG_ERR_USER_OFFLINE', { detail: account.name })
    if (rings.has(ringKey(from, to))) return { user: to.name, state: 'ringing' }
    this.#checkRoom(from)
    this.#checkRoom(to)
    const deadline = deadlines.add(now + limits.ring, { kind: 'ring', ring: { from, to } })
    rings.set(ringKey(from, to), { from, to, since: now, deadline })
    tellUser(this.#state, to, 'session.request', { user: from.name })
    return { user: to.name, state: 'ringing' }
  }

  /** Accepting what is open already does nothing: two terminals may answer at once. @throws MSG_ERR_REQUEST_UNKNOWN */
  accept(now: Instant, by: Connection, name: string): Result<'session.accept'> {
    const from = this.#liveUser(name)
    if (from && by.user.sessions.has(from)) return { user: from.name }
    const ring = this.#requestOf(from, by.user, name)
    this.#answer(ring)
    this.#establish(now, by.user, ring.from)
    return { user: ring.from.name }
  }

  /** @throws MSG_ERR_REQUEST_UNKNOWN */
  decline(by: Connection, name: string, reason: 'declined' | 'busy'): Result<'session.decline'> {
    const { from } = this.#answer(this.#requestOf(this.#liveUser(name), by.user, name))
    this.#tellAsker(from, by.user, reason)
    tellUser(this.#state, by.user, 'session.closed', { user: from.name, reason: 'withdrawn' }, by)
    return { user: from.name }
  }

  /** Ends a session, or takes back a request that still rings. @throws MSG_ERR_SESSION_UNKNOWN */
  close(now: Instant, by: Connection, name: string): Result<'session.close'> {
    const other = this.#liveUser(name)
    const ring = other && this.#state.rings.get(ringKey(by.user, other))
    if (other && by.user.sessions.has(other)) {
      this.end(now, by.user, other, { toOther: 'left', toUser: 'left', except: by })
    } else if (other && ring) {
      this.#answer(ring)
      tellUser(this.#state, other, 'session.closed', { user: by.user.name, reason: 'withdrawn' })
      tellUser(this.#state, by.user, 'session.closed', { user: other.name, reason: 'withdrawn' }, by)
    } else {
      throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: other?.name ?? name })
    }
    return { user: other.name }
  }

  /** Ends an open session of `user` with `other`; each side is told its own reason, if any. */
  end(
    now: Instant,
    user: User,
    other: User,
    told: { readonly toOther: 'left' | 'gone'; readonly toUser?: 'left' | 'gone'; readonly except?: Connection },
  ): void {
    user.sessions.delete(other)
    other.sessions.delete(user)
    write(this.#state, { op: 'session.delete', users: sessionKey(user, other) })
    event(this.#state, { type: 'session.closed', users: [user.name, other.name] })
    tellUser(this.#state, other, 'session.closed', { user: user.name, reason: told.toOther })
    if (told.toUser)
      tellUser(this.#state, user, 'session.closed', { user: other.name, reason: told.toUser }, told.except)
    this.#introductions.part(user, other)
    settle(this.#state, other, now)
  }

  /** Nobody answered in time. */
  expire(from: User, to: User): void {
    const ring = this.#state.rings.get(ringKey(from, to))
    if (!ring) return
    this.#answer(ring)
    this.#tellAsker(from, to, 'timeout')
    tellUser(this.#state, to, 'session.closed', { user: from.name, reason: 'withdrawn' })
  }

  /** A user's last listening connection went: nothing rings there any more. */
  silence(user: User): void {
    for (const ring of this.#state.rings.values()) {
      if (ring.to === user) {
        this.#answer(ring)
        this.#tellAsker(ring.from, user, 'gone')
      } else if (ring.from === user && user.connections.size === 0) {
        this.#answer(ring)
        tellUser(this.#state, ring.to, 'session.closed', { user: user.name, reason: 'withdrawn' })
      }
    }
  }

  #establish(now: Instant, a: User, b: User): void {
    a.sessions.set(b, now)
    b.sessions.set(a, now)
    write(this.#state, { op: 'session.put', users: sessionKey(a, b), since: Math.floor(now / 1_000) })
    event(this.#state, { type: 'session.opened', users: [a.name, b.name] })
    tellUser(this.#state, a, 'session.opened', { user: b.name, present: isPresent(b) })
    tellUser(this.#state, b, 'session.opened', { user: a.name, present: isPresent(a) })
    this.#introductions.join(a, b)
    settle(this.#state, a, now)
    settle(this.#state, b, now)
  }

  #answer(ring: Ring): Ring {
    ring.deadline.cancel()
    this.#state.rings.delete(ringKey(ring.from, ring.to))
    return ring
  }

  /** Every connection of the asker hears, even one that does not listen: it asked. */
  #tellAsker(asker: User, other: User, reason: 'declined' | 'busy' | 'timeout' | 'gone'): void {
    for (const { id } of asker.connections) {
      this.#state.outputs.push({
        kind: 'tell',
        to: id,
        method: 'session.declined',
        params: { user: other.name, reason },
      })
    }
  }

  #requestOf(from: User | undefined, to: User, name: string): Ring {
    const ring = from && this.#state.rings.get(ringKey(from, to))
    if (!ring) throw new MsgError('MSG_ERR_REQUEST_UNKNOWN', { detail: from?.name ?? name })
    return ring
  }

  #liveUser(name: string): User | undefined {
    return this.#state.users.get(findAccount(this.#state, name).user)
  }

  #checkRoom(user: User): void {
    let open = user.sessions.size
    for (const { from, to } of this.#state.rings.values()) if (from === user || to === user) open++
    if (open >= this.#state.limits.sessionsPerUser) {
      throw new MsgError('MSG_ERR_LIMIT', { detail: `${user.name} has ${open} sessions, the most there may be` })
    }
  }
}

/** Sessions as they were kept, each user absent until signed in. */
export function restoreSession(state: DirectoryState, users: readonly [string, string], sinceMs: number): void {
  const [a, b] = users.map((key) => state.accounts.account(key))
  if (!a || !b) return
  const [one, two] = [userOf(state, a), userOf(state, b)]
  one.sessions.set(two, sinceMs * 1_000)
  two.sessions.set(one, sinceMs * 1_000)
}
