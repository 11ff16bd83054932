import { randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { Call, type CallDeps } from './call.ts'
import { Judge, type JudgeDeps } from './judge.ts'
import { canonical, type Peer } from './peer.ts'

/** What a {@link Target} works with. */
export interface TargetDeps extends JudgeDeps, Omit<CallDeps, 'judge' | 'isFull' | 'isRevoked' | 'mayRecord'> {}

/** What runs or waits for an answer here. */
export interface RunningCall {
  readonly id: string
  readonly user: string
  readonly argv: readonly string[]
  readonly state: 'deciding' | 'running'
}

/** Runs what others ask for, as far as the owner lets them. */
export class Target {
  readonly #deps: TargetDeps
  readonly #judge: Judge
  readonly #calls = new Set<Call>()
  /** Those who are refused whatever rules say, until somebody grants them something. */
  readonly #revoked = new Set<string>()
  #isAllRevoked = false
  /** Users who were granted something after everybody was revoked. */
  readonly #granted = new Set<string>()
  #hasClosed = false
  /** Times of the latest refusals that were recorded, by device. */
  readonly #recorded = new Map<string, number[]>()

  constructor(deps: TargetDeps) {
    this.#deps = deps
    this.#judge = new Judge(deps)
  }

  /** A peer opened a stream. */
  accept(stream: Duplex, peer: Peer): void {
    if (this.#hasClosed) {
      stream.destroy()
      return
    }
    const call: Call = new Call(stream, peer, randomBytes(16), {
      ...this.#deps,
      judge: this.#judge,
      isFull: (own) => this.#isFull(own, peer),
      isRevoked: () => this.#isRevoked(peer.user),
      mayRecord: () => this.#mayRecord(peer.device),
    })
    this.#calls.add(call)
    void call.over.finally(() => this.#calls.delete(call))
  }

  get calls(): RunningCall[] {
    return [...this.#calls].flatMap(({ id, peer, argv, state }) =>
      state === 'over' || argv === undefined ? [] : [{ id, user: peer.user, argv, state }],
    )
  }

  /** @param minutes - how long. @throws MSG_ERR_USAGE */
  grant(peer: Pick<Peer, 'user' | 'device'>, minutes: number): { user: string; device: string; expires: number } {
    const grant = this.#deps.grants.add(peer.user, peer.device, minutes, this.#deps.now())
    this.#revoked.delete(canonical(peer.user))
    this.#granted.add(canonical(peer.user))
    return grant
  }

  /**
   * Takes back what was granted, ends what runs, withdraws what is being asked, and refuses what comes, until somebody is granted something again
   * or the client starts anew.
   *
   * @param user - everybody when missing
   */
  revoke(user?: string): { grants: number; ended: number } {
    const grants = this.#deps.grants.revoke(user)
    if (user === undefined) this.#isAllRevoked = true
    else this.#revoked.add(canonical(user))
    if (user === undefined) this.#granted.clear()
    else this.#granted.delete(canonical(user))
    const calls = [...this.#calls].filter(
      ({ peer, argv }) => argv !== undefined && (user === undefined || canonical(peer.user) === canonical(user)),
    )
    for (const call of calls) call.end('revoked')
    return { grants, ended: calls.length }
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#hasClosed = true
    const calls = [...this.#calls]
    for (const call of calls) call.end('closing')
    await Promise.all(calls.map(({ over }) => over))
  }

  #isRevoked(user: string): boolean {
    const name = canonical(user)
    return this.#revoked.has(name) || (this.#isAllRevoked && !this.#granted.has(name))
  }

  /** What is being decided counts, too. */
  #isFull(own: Call, { user }: Peer): boolean {
    const { atOnce, ofPeer } = this.#deps.options.limits
    const others = [...this.#calls].filter((call) => call !== own && call.isCounted)
    return others.length >= atOnce || others.filter(({ peer }) => peer.user === user).length >= ofPeer
  }

  /** A peer who is refused again and again does not push everything else out of the log. */
  #mayRecord(device: string): boolean {
    const now = this.#deps.now()
    const times = (this.#recorded.get(device) ?? []).filter((at) => now - at < 60_000)
    if (times.length >= RECORDS_A_MINUTE) return false
    if (this.#recorded.size >= MAX_DEVICES && !this.#recorded.has(device))
      this.#recorded.delete(this.#recorded.keys().next().value!)
    this.#recorded.set(device, [...times, now])
    return true
  }
}

/** Refusals of one device that are written down. */
const RECORDS_A_MINUTE = 30
const MAX_DEVICES = 1_000
