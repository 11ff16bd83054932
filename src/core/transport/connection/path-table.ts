import { seconds, type Duration, type Instant } from '../../time/instant.ts'
import type { SocketAddress } from '../endpoint-api.ts'
import { addressKey, rankOf, type Rank } from '../socket-address.ts'
import { Attempts } from './attempts.ts'

/** A way to the peer, and what is known of it. */
export interface KnownPath {
  readonly address: SocketAddress
  readonly rank: Rank
  /** The server told of it. */
  isTold: boolean
  /** When it last answered. */
  confirmedAt: Instant | undefined
  /** Round trip of the challenge that it answered last, microseconds. */
  rtt: Duration | undefined
  challengedAt: Instant
  /** Challenges that may be answered, oldest first. */
  readonly tokens: Array<{ readonly token: Uint8Array; readonly sentAt: Instant }>
  readonly attempts: Attempts
  /** How often the link had to leave it, in a row. */
  failures: number
}

/** The paths that a link knows, one for each address. Those that nobody told of are few at a time, and few in a minute. */
export class PathTable {
  readonly #isNear: (address: SocketAddress) => boolean
  readonly #paths = new Map<string, KnownPath>()
  /** How many addresses nobody told of may be tried in this minute. */
  #newcomers = { since: -Infinity, left: 0 }

  /** @param isNear - true for addresses on this machine or this network. */
  constructor(isNear: (address: SocketAddress) => boolean) {
    this.#isNear = isNear
  }

  get size(): number {
    return this.#paths.size
  }

  get(address: SocketAddress): KnownPath | undefined {
    return this.#paths.get(addressKey(address))
  }

  add(address: SocketAddress, isTold: boolean): KnownPath {
    const path: KnownPath = {
      address,
      rank: rankOf(address, this.#isNear),
      isTold,
      confirmedAt: undefined,
      rtt: undefined,
      challengedAt: -Infinity,
      tokens: [],
      attempts: new Attempts(),
      failures: 0,
    }
    this.#paths.set(addressKey(address), path)
    return path
  }

  /**
   * Something authentic came from an address that nobody told of: somebody behind a NAT, or on another network now. The oldest such path makes
   * room, unless it is `kept`.
   *
   * @returns the path at `address`, known before or not; `undefined` when there were too many in this minute
   */
  meet(now: Instant, address: SocketAddress, kept: KnownPath | undefined): KnownPath | undefined {
    const known = this.get(address)
    if (known) return known
    if (now - this.#newcomers.since > NEWCOMERS_PER) this.#newcomers = { since: now, left: MAX_NEWCOMERS }
    if (this.#newcomers.left === 0) return undefined
    this.#newcomers.left--
    const untold = [...this].filter(({ isTold }) => !isTold)
    const oldest = untold.find((path) => path !== kept)
    if (untold.length >= MAX_UNTOLD && oldest) this.delete(oldest)
    const path = this.add(address, false)
    path.attempts.start(now)
    return path
  }

  delete({ address }: KnownPath): void {
    this.#paths.delete(addressKey(address))
  }

  /** In the order in which they became known; those that are deleted meanwhile are left out. */
  [Symbol.iterator](): Iterator<KnownPath> {
    return this.#paths.values()
  }
}

/** The one of the best rank; of equals, the first. */
export const bestOf = (paths: readonly KnownPath[]): KnownPath | undefined =>
  paths.reduce<KnownPath | undefined>((found, path) => (found && found.rank <= path.rank ? found : path), undefined)

/** Addresses that nobody told of: known at a time, and tried in a minute. */
const MAX_UNTOLD = 4
const MAX_NEWCOMERS = 8
const NEWCOMERS_PER: Duration = seconds(60)
