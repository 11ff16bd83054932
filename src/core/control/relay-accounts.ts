import { seconds, type Duration, type Instant } from '../time/instant.ts'
import { TokenBucket } from '../time/token-bucket.ts'

/** Bounds of what the relay passes on, bytes of UDP payload. */
export interface RelayLimits {
  /** A second, of one channel in both directions. */
  readonly channelRate: number
  /** A second, of what one user sends over all channels. */
  readonly userRate: number
  /** A second, of the whole server. */
  readonly serverRate: number
  /** A day (UTC), of what one user sends. */
  readonly quota: number
}

/** What one user sends through the relay. */
export interface RelayAccount {
  /** Canonical name. */
  readonly user: string
}

/** What users send through the relay: rate and bytes of the day. */
export class RelayAccounts {
  readonly #limits: RelayLimits
  readonly #present = new Map<string, Account>()
  /** Who left after having sent something this day, in the order in which they did. */
  readonly #absent = new Map<string, Account>()

  constructor(limits: RelayLimits) {
    this.#limits = limits
  }

  /** How many are remembered. */
  get size(): number {
    return this.#present.size + this.#absent.size
  }

  /** One more connection of that user. */
  enter(user: string): RelayAccount {
    const known = this.#present.get(user) ?? this.#absent.get(user)
    const account = known ?? { user, connections: 0, day: 0, bytes: 0, usedAt: 0, bucket: undefined }
    account.connections++
    this.#absent.delete(user)
    this.#present.set(user, account)
    return account
  }

  /** One less. What was sent this day is remembered, but of the last {@link MAX_ABSENT} who left only. */
  leave(given: RelayAccount): void {
    const account = given as Account
    if (--account.connections > 0) return
    this.#present.delete(account.user)
    if (account.bytes === 0) return
    this.#absent.set(account.user, account)
    if (this.#absent.size <= MAX_ABSENT) return
    for (const oldest of this.#absent.keys()) {
      this.#absent.delete(oldest)
      return
    }
  }

  /**
   * @param cost - of the rate, bytes.
   * @returns why that user may not send so many bytes now; `undefined` when it may: then the cost was taken from the rate.
   */
  take(now: Instant, given: RelayAccount, bytes: number, cost: number): 'user-rate' | 'quota' | undefined {
    const account = given as Account
    const day = Math.floor(now / DAY)
    if (account.day !== day) {
      account.day = day
      account.bytes = 0
    }
    if (account.bytes + bytes > this.#limits.quota) return 'quota'
    const { userRate } = this.#limits
    account.bucket ??= new TokenBucket(now, { perSecond: userRate, burst: Math.min(userRate, USER_BURST) })
    account.usedAt = now
    return account.bucket.take(now, cost) > 0 ? 'user-rate' : undefined
  }

  /** That many bytes were passed on. */
  count(account: RelayAccount, bytes: number): void {
    ;(account as Account).bytes += bytes
  }

  /** Forgets the rate of who sent nothing for `idle`, and who left on another day. */
  sweep(now: Instant, idle: Duration): void {
    const day = Math.floor(now / DAY)
    for (const account of this.#present.values()) {
      if (now - account.usedAt >= idle) account.bucket = undefined
    }
    for (const account of this.#absent.values()) {
      if (now - account.usedAt >= idle) account.bucket = undefined
      if (account.day !== day) this.#absent.delete(account.user)
    }
  }
}

interface Account extends RelayAccount {
  connections: number
  /** Days since the Unix epoch. */
  day: number
  /** Passed on that day. */
  bytes: number
  usedAt: Instant
  /** `undefined` while idle. */
  bucket: TokenBucket | undefined
}

/** What one channel carries while it is in use. */
export class ChannelUse {
  readonly bucket: TokenBucket
  readonly since: Instant
  /** From the first end of the channel, and from the second. */
  readonly bytes: [number, number] = [0, 0]
  usedAt: Instant
  #rate = 0

  constructor(now: Instant, perSecond: number) {
    this.since = now
    this.usedAt = now
    this.bucket = new TokenBucket(now, { perSecond, burst: Math.min(perSecond, CHANNEL_BURST) })
  }

  count(now: Instant, end: 0 | 1, size: number): void {
    this.#rate = this.rate(now) + (size * seconds(1)) / RATE_OVER
    this.usedAt = now
    this.bytes[end] += size
  }

  /** Bytes a second, where what is longer ago counts less. */
  rate(now: Instant): number {
    return this.#rate * Math.exp((this.usedAt - now) / RATE_OVER)
  }
}

const DAY: Duration = seconds(86_400)
/** Specification: what a channel, and a user, sends at once, bytes. */
const CHANNEL_BURST = 1_048_576
const USER_BURST = 2_097_152
/** Implementation: what the rate of a channel is the mean of. */
const RATE_OVER: Duration = seconds(3)
/** Implementation: who has left and whose bytes of the day are remembered; some 10 MB at worst. */
const MAX_ABSENT = 65_536
