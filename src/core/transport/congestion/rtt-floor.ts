import { seconds, type Duration, type Instant } from '../../time/instant.ts'

/**
 * The round trip of a path without a queue, and when to empty the queue to see it again.
 *
 * Two windows: the smallest sample of about ten seconds is the path's; the smallest of about five tells when one of them is overdue.
 *
 * Source: draft-ietf-ccwg-bbr, section 5.3.4.3. Microseconds.
 */
export class RttFloor {
  #min: Duration = 0
  #minAt: Instant = 0
  #recent: Duration = Infinity
  #recentAt: Instant = 0

  /** 0 before the first sample. */
  get min(): Duration {
    return this.#min
  }

  /** @returns true when the queue has not been seen empty for so long that it is time to drain it. */
  onAck(now: Instant, rtt: Duration | undefined): boolean {
    const isDue = now - this.#recentAt > PROBE_INTERVAL
    if (rtt !== undefined && (rtt < this.#recent || isDue)) {
      this.#recent = rtt
      this.#recentAt = now
    } else if (rtt !== undefined && rtt <= this.#recent * EMPTY_QUEUE) {
      // The queue is as good as empty already: draining it on purpose would learn nothing.
      this.#recentAt = now
    }
    if (this.#recent < this.#min || this.#min === 0 || now - this.#minAt > WINDOW) {
      if (Number.isFinite(this.#recent)) {
        this.#min = this.#recent
        this.#minAt = this.#recentAt
      }
    }
    return isDue
  }

  /** The queue has just been drained. */
  onDrained(now: Instant): void {
    this.#recentAt = now
  }
}

const WINDOW: Duration = seconds(10)
const PROBE_INTERVAL: Duration = seconds(5)
/** A round trip within this factor of the smallest met no queue worth draining. */
const EMPTY_QUEUE = 1.05
