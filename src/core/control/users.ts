import { MsgError } from '../errors.ts'
import type { Instant } from '../time/instant.ts'
import { canonicalName } from '../wire/names.ts'
import type { Account } from './accounts.ts'
import { isPresent, type DirectoryState, type User } from './state.ts'

/**
 * The account that `name` means: a user name in any spelling, or a virtual address.
 *
 * @throws MSG_ERR_USER_UNKNOWN
 */
export function findAccount({ accounts }: Pick<DirectoryState, 'accounts'>, name: string): Account {
  const account = accounts.accountAt(name) ?? accounts.account(keyOf(name))
  if (!account) throw new MsgError('MSG_ERR_USER_UNKNOWN', { detail: name })
  return account
}

/** The live user of an account; made on first use, dropped by {@link settle}. */
export function userOf(state: DirectoryState, account: Account): User {
  const known = state.users.get(account.user)
  if (known) return known
  const { user: key, name, virtualAddress } = account
  const user: User = {
    user: key,
    name,
    virtualAddress,
    status: 'active',
    connections: new Set(),
    sessions: new Map(),
    rooms: new Set(),
    expiry: undefined,
  }
  state.users.set(key, user)
  return user
}

/**
 * Brings a user's expiry in line after a change: somebody absent with something open, or invisible, is remembered until it is
 * given up; somebody absent with nothing is forgotten.
 */
export function settle(state: DirectoryState, user: User, now: Instant): void {
  const hasState = user.sessions.size > 0 || user.rooms.size > 0 || user.status === 'inactive'
  if (isPresent(user) || !hasState) {
    user.expiry?.cancel()
    user.expiry = undefined
    if (user.connections.size === 0) state.users.delete(user.user)
    return
  }
  user.expiry ??= state.deadlines.add(now + state.limits.vanished, { kind: 'expiry', user })
}

/** The canonical form, or '' (which names nobody and nothing) when `name` is not a name at all. */
export function keyOf(name: string): string {
  try {
    return canonicalName(name)
  } catch {
    return ''
  }
}
