import { seconds, type Duration, type Instant } from '../../time/instant.ts'

/** Whether the peer still answers: idle timeout, keepalive, and the short probe that doubt asks for. */
export class Liveness {
  readonly #idleTimeout: Duration
  #heardAt: Instant
  #keepaliveAt: Instant
  #probeDeadline: Instant | undefined

  /** @param idleTimeout - microseconds of silence after which the link is dead. */
  constructor(now: Instant, idleTimeout: Duration) {
    this.#idleTimeout = idleTimeout
    this.#heardAt = now
    this.#keepaliveAt = now + idleTimeout / KEEPALIVES
  }

  /** An authentic packet arrived. */
  onHeard(now: Instant): void {
    this.#heardAt = now
    this.#keepaliveAt = now + this.#idleTimeout / KEEPALIVES
    this.#probeDeadline = undefined
  }

  /** Somebody doubts that the peer is there; a ping goes out, and silence ends the link soon. */
  probe(now: Instant): void {
    this.#probeDeadline ??= now + PROBE_TIMEOUT
  }

  /** The process or the machine slept: what the silence meant is unknown, so the peer gets a fresh chance. */
  onSuspend(now: Instant): void {
    this.#heardAt = Math.max(this.#heardAt, now - this.#idleTimeout + PROBE_TIMEOUT)
    this.#keepaliveAt = now
    if (this.#probeDeadline !== undefined) this.#probeDeadline = now + PROBE_TIMEOUT
  }

  /** `dead`: nothing was heard for too long. `ping`: send one now. */
  handleTimeout(now: Instant): 'dead' | 'ping' | undefined {
    if (now >= this.#deadAt) return 'dead'
    if (now < this.#keepaliveAt) return undefined
    this.#keepaliveAt = now + this.#idleTimeout / KEEPALIVES
    return 'ping'
  }

  pollTimeout(): Instant {
    return Math.min(this.#keepaliveAt, this.#deadAt)
  }

  get #deadAt(): Instant {
    return Math.min(this.#heardAt + this.#idleTimeout, this.#probeDeadline ?? Infinity)
  }
}

/** Pings that fit into the idle timeout: two may be lost with their retransmissions before the link is given up. */
const KEEPALIVES = 3
/** Time for an answer when there is a reason to doubt. */
const PROBE_TIMEOUT: Duration = seconds(3)
