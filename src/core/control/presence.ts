import { MsgError } from '../errors.ts'
import type { Instant } from '../time/instant.ts'
import type { Account } from './accounts.ts'
import type { Result } from './methods.ts'
import { isVisible, tell, type Connection, type DirectoryState, type User } from './state.ts'
import { findAccount, settle } from './users.ts'

/** Who is seen as active, and who wants to hear of it. */
export class Presence {
  readonly #state: DirectoryState

  constructor(state: DirectoryState) {
    this.#state = state
  }

  /** Status belongs to the user, whichever connection sets it. */
  setStatus(now: Instant, user: User, status: 'active' | 'inactive'): void {
    this.change(user, () => {
      user.status = status
    })
    settle(this.#state, user, now)
  }

  /** Runs what may change a user's visibility; tells that it did, and the watchers when it turned visible. */
  change(user: User, act: () => unknown): void {
    const before = isVisible(user)
    act()
    const isVisibleNow = isVisible(user)
    if (before === isVisibleNow) return
    this.#state.outputs.push({ kind: 'visible', user: user.name, isVisible: isVisibleNow })
    if (!isVisibleNow) return
    for (const watcher of this.#state.watchers.get(user.user) ?? [])
      tell(this.#state, watcher, 'user.active', { user: user.name })
  }

  /** @throws MSG_ERR_USER_UNKNOWN, MSG_ERR_LIMIT */
  watch(by: Connection, name: string): Result<'user.watch'> {
    const account = findAccount(this.#state, name)
    if (!by.watched.has(account.user) && by.watched.size >= MAX_WATCHED) {
      throw new MsgError('MSG_ERR_LIMIT', { detail: `a connection watches at most ${MAX_WATCHED} users` })
    }
    by.watched.add(account.user)
    const watchers = this.#state.watchers.get(account.user) ?? new Set()
    this.#state.watchers.set(account.user, watchers.add(by))
    return { user: account.name, status: this.statusOf(account) }
  }

  /** Forgets what a connection watched. */
  unwatch(by: Connection): void {
    for (const key of by.watched) {
      const watchers = this.#state.watchers.get(key)
      watchers?.delete(by)
      if (watchers?.size === 0) this.#state.watchers.delete(key)
    }
    by.watched.clear()
  }

  /** What others see of an account. */
  statusOf(account: Account): 'active' | 'offline' {
    const user = this.#state.users.get(account.user)
    return user && isVisible(user) ? 'active' : 'offline'
  }
}

/** Specification (`user.watch`). */
const MAX_WATCHED = 100
