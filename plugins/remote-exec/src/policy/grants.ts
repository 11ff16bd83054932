import { MsgError } from 'msg-cli/plugin'
import { canonical } from '../peer.ts'

/** For some minutes nobody is asked about what rules allow this device. */
export interface Grant {
  readonly user: string
  /** Fingerprint of the device: a user's other device, or a new key, has no grant. */
  readonly device: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** What was granted at the prompt; kept in memory, so that it ends with the client. */
export class Grants {
  readonly #grants = new Map<string, Grant>()

  /** @param minutes - 1 to 15. @param now - milliseconds since 1970. @throws MSG_ERR_USAGE */
  add(user: string, device: string, minutes: number, now: number): Grant {
    if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES)
      throw new MsgError('MSG_ERR_USAGE', { detail: `a grant lasts 1 to ${MAX_MINUTES} whole minutes` })
    const grant = { user, device, expires: now + minutes * 60_000 }
    this.#grants.set(device, grant)
    return grant
  }

  has(user: string, device: string, now: number): boolean {
    const grant = this.#grants.get(device)
    // A clock that was set back does not make a grant longer than it may be.
    return grant?.user === user && grant.expires > now && grant.expires - now <= MAX_MINUTES * 60_000
  }

  /** Those that last, by user. */
  list(now: number): Grant[] {
    for (const [device, grant] of this.#grants) if (!this.has(grant.user, device, now)) this.#grants.delete(device)
    return [...this.#grants.values()].sort((a, b) => (a.user < b.user ? -1 : 1))
  }

  /** @param user - all when missing. @returns how many there were */
  revoke(user?: string): number {
    let count = 0
    for (const [device, grant] of this.#grants) {
      if (user !== undefined && canonical(grant.user) !== canonical(user)) continue
      this.#grants.delete(device)
      count++
    }
    return count
  }
}

/** Longest grant, minutes. */
export const MAX_MINUTES = 15
/** What `exec grant` gives without a number, minutes. */
export const DEFAULT_MINUTES = 5
