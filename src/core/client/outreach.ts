import type { Result } from '../control/methods.ts'
import type { Courier } from './courier.ts'
import type { Sessions } from './sessions.ts'
import type { Uplink } from './uplink.ts'

/** What an {@link Outreach} is built with. */
export interface OutreachDeps {
  readonly uplink: Uplink
  readonly courier: Courier
  readonly sessions: Sessions
}

/** Finds the users for whom messages wait without a session: watches for them, and asks for a session when they are there. */
export class Outreach {
  readonly #deps: OutreachDeps
  readonly #asking = new Set<string>()

  constructor(deps: OutreachDeps) {
    this.#deps = deps
  }

  /** Looks after everybody for whom something waits: at sign-in. */
  start(): void {
    for (const { user, key } of this.#deps.courier.outbox.waitingThreads())
      if (key === `s:${user}`) void this.seek(user)
  }

  /** Watches for `user`, and asks at once when they are there. */
  async seek(user: string): Promise<void> {
    const seen = await this.watch(user)
    if (seen?.status === 'active') await this.handleActive(seen.user)
  }

  /** Waits until `user` comes. Failures wait for the next sign-in. */
  async watch(user: string): Promise<Result<'user.watch'> | undefined> {
    try {
      return await this.#deps.uplink.request('user.watch', { user })
    } catch {
      // Unknown by now, too many watched, or the server is away: what waits stays in the outbox.
      return undefined
    }
  }

  /** `user` is there. */
  async handleActive(user: string): Promise<void> {
    const { courier, sessions, uplink } = this.#deps
    if (this.#asking.has(user) || sessions.has(user) || !courier.outbox.hasWaiting(user, `s:${user}`)) return
    this.#asking.add(user)
    try {
      const { state } = await uplink.request('session.open', { user })
      if (state === 'ringing') await sessions.answer(user)
    } catch {
      // They declined, or went: asked again when they are seen next.
    } finally {
      this.#asking.delete(user)
    }
  }
}
