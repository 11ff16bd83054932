import { seconds, type Duration, type Instant } from '../time/instant.ts'

/**
 * Lets so many bytes a second pass. What passes may be bigger than what is allowed at the moment: what comes after waits for it.
 * After a pause {@link BURST} of time may be caught up.
 */
export class RateLimit {
  #bytesPerSecond: number
  /** When everything that passed is paid for. */
  #paidAt: Instant

  /** @param bytesPerSecond - above 0; Infinity means no limit. */
  constructor(now: Instant, bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
    this.#paidAt = now
  }

  /** What passed is paid for at the new rate from here on. */
  setRate(now: Instant, bytesPerSecond: number): void {
    const debt = Math.max(0, this.#paidAt - now)
    this.#paidAt = now + Math.ceil((debt * this.#bytesPerSecond) / bytesPerSecond) || now
    this.#bytesPerSecond = bytesPerSecond
  }

  /** From when on something may pass; long ago when there is no limit. */
  get freeAt(): Instant {
    return this.#paidAt
  }

  /** How long until something may pass; 0 when it may now. */
  wait(now: Instant): Duration {
    return Math.max(0, this.#paidAt - now)
  }

  handlePassed(now: Instant, bytes: number): void {
    const from = Math.max(this.#paidAt, now - BURST)
    this.#paidAt = from + Math.ceil((bytes * seconds(1)) / this.#bytesPerSecond)
  }
}

/** Evens out the steps of a timer, hardly seen in a rate. */
const BURST = seconds(0.1)
