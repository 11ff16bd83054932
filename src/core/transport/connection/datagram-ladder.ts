import { MAX_RELAYED, RELAY_OVERHEAD } from '../../wire/relay.ts'
import { seconds, type Duration, type Instant } from '../../time/instant.ts'

/** What a ladder is told of its path. */
export interface LadderInit {
  /** `near` for loopback and on-link paths, where the kernel's own fragmentation is clean and fast; `relayed` ones have less room. */
  readonly kind: 'near' | 'far' | 'relayed'
  /** Largest datagram that the peer takes, bytes. */
  readonly max: number
}

/**
 * How large datagrams may be: climbs by probes, one rung after the other, and comes down on trouble (in the shape of RFC 8899).
 *
 * The cost of a datagram in Node is per datagram, not per byte, so on near paths the upper rungs go beyond the MTU and let the kernel
 * fragment. One lost fragment loses the whole datagram: the upper rungs are left when losses are more than rare. Sizes are bytes
 * of UDP payload.
 */
export class DatagramLadder {
  readonly #rungs: readonly number[]
  #rung = 0
  #probeAt: Instant | undefined
  #probesLost = 0
  #isProbing = false
  #isStarted = false
  #retryAfter: Duration = FIRST_RETRY
  #sinceTrouble = 0
  #lostRecently = 0
  #lostInARow = 0

  constructor({ kind, max }: LadderInit) {
    const rungs = kind === 'relayed' ? RELAY_RUNGS : [...BASE_RUNGS, ...(kind === 'near' ? NEAR_RUNGS : [])]
    this.#rungs = rungs.filter((size) => size <= max)
  }

  /** A datagram was full and more waited: larger ones would help. A link that only chats is never probed. */
  onFull(now: Instant): void {
    if (this.#isStarted) return
    this.#isStarted = true
    this.#probeAt = this.#rungs.length > 1 ? now : undefined
  }

  /** Largest datagram to send now. */
  get size(): number {
    return this.#rungs[this.#rung]!
  }

  /** Size of the probe to send now, or `undefined`. Asking takes it. */
  takeProbe(now: Instant): number | undefined {
    if (this.#probeAt === undefined || now < this.#probeAt || this.#isProbing) return undefined
    this.#isProbing = true
    return this.#rungs[this.#rung + 1]
  }

  /** The probe arrived: @returns the new size. */
  onProbeAcked(now: Instant): number {
    this.#isProbing = false
    this.#probesLost = 0
    this.#rung++
    this.#probeAt = this.#rung + 1 < this.#rungs.length ? now : undefined
    return this.size
  }

  /** The probe was lost, which says nothing of congestion. */
  onProbeLost(now: Instant): void {
    this.#isProbing = false
    if (++this.#probesLost < MAX_PROBES) {
      this.#probeAt = now
      return
    }
    this.#probesLost = 0
    this.#scheduleRetry(now)
  }

  /** A datagram of the current size, or close to it, arrived. */
  onAcked(bytes: number): void {
    if (bytes <= this.#below) return
    this.#lostInARow = 0
    if (++this.#sinceTrouble < LOSS_WINDOW) return
    this.#sinceTrouble = 0
    this.#lostRecently = 0
  }

  /**
   * A datagram was lost.
   *
   * @returns the new size when the ladder was left for a lower rung.
   */
  onLost(now: Instant, bytes: number): number | undefined {
    if (this.#rung === 0 || bytes <= this.#below) return undefined
    this.#lostInARow++
    this.#lostRecently++
    const isBlackHole = this.#lostInARow >= BLACK_HOLE
    const isFragile = this.#rung >= BASE_RUNGS.length && this.#lostRecently >= MAX_LOST
    if (!isBlackHole && !isFragile) return undefined
    this.#rung = isBlackHole ? 0 : BASE_RUNGS.length - 1
    this.#lostInARow = 0
    this.#lostRecently = 0
    this.#sinceTrouble = 0
    this.#isProbing = false
    this.#probesLost = 0
    this.#scheduleRetry(now)
    return this.size
  }

  /** A probe timeout: full datagrams may be vanishing. @returns the new size when they are given up. */
  onProbeTimeout(now: Instant, ptoCount: number): number | undefined {
    if (this.#rung === 0 || ptoCount < BLACK_HOLE_PTOS) return undefined
    this.#lostInARow = BLACK_HOLE
    return this.onLost(now, this.size)
  }

  pollTimeout(): Instant | undefined {
    return this.#isProbing ? undefined : this.#probeAt
  }

  /** Datagrams of at most this size would have fitted a lower rung: they tell nothing of this one. */
  get #below(): number {
    return this.#rungs[this.#rung - 1] ?? 0
  }

  #scheduleRetry(now: Instant): void {
    this.#probeAt = this.#rung + 1 < this.#rungs.length ? now + this.#retryAfter : undefined
    this.#retryAfter = Math.min(this.#retryAfter * 2, MAX_RETRY)
  }
}

/** RFC 8899 section 5.1.2: BASE_PLPMTU, and what an Ethernet path of 1,500 carries over IPv6. */
const BASE_RUNGS = [1_200, 1_452]
/** The same with the relay's framing around. */
const RELAY_RUNGS = [1_200, MAX_RELAYED - RELAY_OVERHEAD]
/** Beyond any MTU: fragments, or loopback and jumbo frames. */
const NEAR_RUNGS = [16_000, 60_000]
/** RFC 8899 section 5.1.2, MAX_PROBES. */
const MAX_PROBES = 3

/** Full datagrams lost with none arriving between: a black hole. */
const BLACK_HOLE = 8
/** Probe timeouts in a row after which the size is suspected. */
const BLACK_HOLE_PTOS = 2
/** Losses among so many datagrams that fragments may cost before the upper rungs are left. */
const MAX_LOST = 8
const LOSS_WINDOW = 256
/** First and longest wait before climbing again. */
const FIRST_RETRY: Duration = seconds(5)
const MAX_RETRY: Duration = seconds(600)
