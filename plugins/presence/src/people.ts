import { FlapFilter } from './flap-filter.ts'
import { IdleUsers } from './idle-users.ts'
import { NoticeBatcher, type Batch } from './notice-batcher.ts'
import type { PresenceOptions } from './options.ts'

/** Whom a notice is for: those who want to hear of joins, or of who is away. */
export type Audience = 'joins' | 'away'

/** What {@link People} tells: a notice, or that somebody has come or gone for good. */
export type Output =
  | { readonly kind: 'notice'; readonly audience: Audience; readonly batch: Batch }
  | { readonly kind: 'here'; readonly user: string; readonly at: number }
  | { readonly kind: 'gone'; readonly user: string; readonly at: number }

/**
 * Who is here and who is away, and what of it is told to whom: a machine. Feed it what the server sees and the time (milliseconds), poll what there is to do,
 * and again at `pollTimeout`. It knows only whom others may see: whoever is invisible is not here.
 */
export class People {
  readonly #here: FlapFilter
  readonly #idle = new IdleUsers()
  readonly #notices: Readonly<Record<Audience, NoticeBatcher>>
  readonly #outputs: Output[] = []

  constructor(options: Pick<PresenceOptions, 'graceMs' | 'windowMs' | 'threshold'>) {
    this.#here = new FlapFilter(options)
    this.#notices = { joins: new NoticeBatcher(options), away: new NoticeBatcher(options) }
  }

  /** Somebody was here before a restart, and may be back until then without being told. */
  expect(user: string, at: number, until: number): void {
    this.#here.expect(user, at, until)
  }

  handleVisible(now: number, user: string, isVisible: boolean): void {
    this.#advance(now)
    if (!isVisible) this.#here.handleHidden(now, user)
    else {
      this.#outputs.push({ kind: 'here', user, at: now })
      if (this.#here.handleVisible(now, user)) this.#notices.joins.handle(now, 'joined', user)
    }
  }

  handleOpen(now: number, id: string, user: string): void {
    this.#tellAway(now, user, this.#idle.handleOpen(now, id, user))
  }

  handleClosed(now: number, id: string, user: string): void {
    this.#tellAway(now, user, this.#idle.handleClosed(now, id, user))
  }

  /** @param since - when somebody last typed there; `undefined`: just now. */
  handleIdle(now: number, id: string, user: string, since: number | undefined): void {
    this.#tellAway(now, user, this.#idle.handleIdle(id, user, since))
  }

  /** What there is to do. Again, until there is nothing. */
  poll(now: number): Output | undefined {
    this.#advance(now)
    const output = this.#outputs.shift()
    if (output) return output
    for (const audience of ['joins', 'away'] as const) {
      const batch = this.#notices[audience].poll(now)
      if (batch) return { kind: 'notice', audience, batch }
    }
    return undefined
  }

  pollTimeout(): number | undefined {
    const times = [this.#here, this.#notices.joins, this.#notices.away].map((part) => part.pollTimeout() ?? Infinity)
    const next = Math.min(...times)
    return next === Infinity ? undefined : next
  }

  /** How many can be seen. */
  get size(): number {
    return this.#here.size
  }

  /** Everybody who can be seen. */
  all(): Array<{ user: string; state: 'here' | 'away'; since: number }> {
    return [...this.#here.people()].map(({ user, since }) => this.#personOf(user, since))
  }

  /** Somebody who can be seen. */
  find(user: string): ReturnType<People['all']>[number] | undefined {
    const since = this.#here.since(user)
    return since === undefined ? undefined : this.#personOf(user, since)
  }

  /** When somebody went who may be back in a moment. */
  wentAt(user: string): number | undefined {
    return this.#here.wentAt(user)
  }

  #personOf(user: string, since: number): ReturnType<People['all']>[number] {
    const away = this.#idle.since(user)
    return away === undefined ? { user, state: 'here', since } : { user, state: 'away', since: away }
  }

  #tellAway(now: number, user: string, hasChanged: boolean): void {
    if (!hasChanged || this.#here.since(user) === undefined) return
    this.#notices.away.handle(now, this.#idle.since(user) === undefined ? 'back' : 'away', user)
  }

  #advance(now: number): void {
    for (let left = this.#here.pollLeft(now); left; left = this.#here.pollLeft(now)) {
      this.#outputs.push({ kind: 'gone', ...left })
      this.#notices.joins.handle(now, 'left', left.user)
    }
  }
}
