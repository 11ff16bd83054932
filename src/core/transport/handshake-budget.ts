import type { Instant } from '../time/instant.ts'
import { TokenBucket } from '../time/token-bucket.ts'
import { addressGroup } from '../wire/address.ts'

/**
 * How many first messages an endpoint spends public-key work on (in the shape of WireGuard's answer to load): so many a second from
 * anybody, then only for addresses that a cookie has proven, each of which has its share, and all together no more than a bound.
 *
 * The two kinds do not eat each other's share: a flood from forged addresses leaves room for those who show a cookie.
 */
export class HandshakeBudget {
  readonly #unproven: TokenBucket
  readonly #proven: TokenBucket
  readonly #networks = new Map<string, TokenBucket>()

  constructor(now: Instant) {
    this.#unproven = new TokenBucket(now, { perSecond: UNPROVEN_PER_SECOND, burst: UNPROVEN_PER_SECOND })
    this.#proven = new TokenBucket(now, { perSecond: PROVEN_PER_SECOND, burst: PROVEN_PER_SECOND })
  }

  /** Takes one handshake from what anybody may use. @returns false when a cookie is needed first. */
  takeUnproven(now: Instant): boolean {
    return this.#unproven.take(now) === 0
  }

  /** Takes one handshake for `host`, which has shown a cookie. @returns false when it has to wait. */
  takeProven(now: Instant, host: string): boolean {
    const network = addressGroup(host)
    const known = this.#networks.get(network)
    const bucket = known ?? new TokenBucket(now, { perSecond: NETWORK_PER_SECOND, burst: NETWORK_PER_SECOND })
    // To the back: the one that has not asked for longest is forgotten first.
    this.#networks.delete(network)
    if (this.#networks.size >= MAX_NETWORKS) this.#networks.delete(this.#networks.keys().next().value!)
    this.#networks.set(network, bucket)
    return bucket.take(now) === 0 && this.#proven.take(now) === 0
  }
}

/** First messages from anybody, a second: more than a full room that comes back at once. A garbage one costs about 80 microseconds. */
const UNPROVEN_PER_SECOND = 64
/** The same from all proven addresses together, and from one IPv4 address or IPv6 /64. */
const PROVEN_PER_SECOND = 256
const NETWORK_PER_SECOND = 64
/** Networks whose use is remembered. */
const MAX_NETWORKS = 1_024
