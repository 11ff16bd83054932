import { millis, type Duration } from '../../time/instant.ts'
import type { RateSample } from '../recovery/delivery-rate.ts'

/**
 * Ends slow start when round trips grow, before a queue overflows (HyStart++, RFC 9406).
 *
 * A rise of the round's smallest RTT slows growth down for some rounds; if the RTT falls back, it was noise and growth resumes.
 */
export class HyStart {
  #roundEnd = 0
  #lastRoundMin: Duration = Infinity
  #roundMin: Duration = Infinity
  #samples = 0
  #baseline: Duration | undefined
  #conservativeRounds = 0

  /** What growth is divided by. */
  get divisor(): number {
    return this.#baseline === undefined ? 1 : CSS_GROWTH_DIVISOR
  }

  /** True when slow start is over. */
  get isDone(): boolean {
    return this.#conservativeRounds >= CSS_ROUNDS
  }

  /** @param rtt - this ACK's sample, microseconds. */
  onAck(rtt: Duration | undefined, { delivered, priorDelivered }: RateSample): void {
    if (priorDelivered >= this.#roundEnd) this.#startRound(delivered)
    if (rtt === undefined) return
    this.#samples++
    this.#roundMin = Math.min(this.#roundMin, rtt)
    if (this.#samples < N_RTT_SAMPLE) return
    if (this.#baseline !== undefined) {
      if (this.#roundMin < this.#baseline) this.#resume()
      return
    }
    const threshold = Math.max(MIN_RTT_THRESH, Math.min(this.#lastRoundMin / MIN_RTT_DIVISOR, MAX_RTT_THRESH))
    if (this.#lastRoundMin !== Infinity && this.#roundMin >= this.#lastRoundMin + threshold)
      this.#baseline = this.#roundMin
  }

  #startRound(delivered: number): void {
    this.#roundEnd = delivered
    this.#lastRoundMin = this.#roundMin
    this.#roundMin = Infinity
    this.#samples = 0
    if (this.#baseline !== undefined) this.#conservativeRounds++
  }

  #resume(): void {
    this.#baseline = undefined
    this.#conservativeRounds = 0
  }
}

/** RFC 9406 section 4.3. */
const MIN_RTT_THRESH: Duration = millis(4)
const MAX_RTT_THRESH: Duration = millis(16)
const MIN_RTT_DIVISOR = 8
const N_RTT_SAMPLE = 8
const CSS_GROWTH_DIVISOR = 4
const CSS_ROUNDS = 5
