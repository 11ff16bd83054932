import { millis, seconds, type Duration, type Instant } from '../../time/instant.ts'

/** Whether the peer still answers: idle timeout, keepalive, and the short probe that doubt asks for. */
export class Liveness {
  readonly #idleTimeout: Duration
  #heardAt: Instant
  #keepaliveAt: Instant
  /** Packets in a row without a pause, and how long the next silence may be before it is asked about. */
  #run = 0
  #patience: Duration
  #probeDeadline: Instant | undefined

  /** @param idleTimeout - microseconds of silence after which the link is dead. */
  constructor(now: Instant, idleTimeout: Duration) {
    this.#idleTimeout = idleTimeout
    this.#heardAt = now
    this.#patience = idleTimeout / KEEPALIVES
    this.#keepaliveAt = now + this.#patience
  }

  /** An authentic packet arrived. */
  onHeard(now: Instant): void {
    this.#run = now - this.#heardAt < FLOW_PAUSE ? this.#run + 1 : 0
    this.#patience = this.#run < FLOW ? this.#keepalive : Math.min(FLOW_PATIENCE, this.#keepalive)
    this.#heardAt = now
    this.#keepaliveAt = now + this.#patience
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
    this.#patience = Math.min(2 * this.#patience, this.#keepalive)
    this.#keepaliveAt = now + this.#patience
    return 'ping'
  }

  pollTimeout(): Instant {
    return Math.min(this.#keepaliveAt, this.#deadAt)
  }

  get #keepalive(): Duration {
    return this.#idleTimeout / KEEPALIVES
  }

  get #deadAt(): Instant {
    return Math.min(this.#heardAt + this.#idleTimeout, this.#probeDeadline ?? Infinity)
  }
}

/** Pings that fit into the idle timeout: two may be lost with their retransmissions before the link is given up. */
const KEEPALIVES = 3
/**
 * So many packets with less than that between two of them are a flow. When one stops, this side may be behind a NAT that forgot it while it
 * had nothing to say: the peer's packets go to an address that is dead, and only a packet from here tells it of the new one.
 */
const FLOW = 32
const FLOW_PAUSE: Duration = millis(500)
const FLOW_PATIENCE: Duration = seconds(1)
/** Time for an answer when there is a reason to doubt. */
const PROBE_TIMEOUT: Duration = seconds(3)
