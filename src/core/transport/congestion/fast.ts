import type { Duration, Instant } from '../../time/instant.ts'
import {
  initialWindow,
  type AckSample,
  type CongestionController,
  type CongestionControllerFactory,
  type LossSample,
} from './controller.ts'

/**
 * FAST TCP: keeps a fixed number of bytes queued, read from the round-trip time, and so neither fills queues nor empties them.
 *
 * w <- min(2w, (1 - gamma) w + gamma (baseRTT / RTT * w + alpha)), once a round trip. Windows in bytes.
 *
 * Source: Wei, Jin, Low, Hegde: FAST TCP, IEEE/ACM Transactions on Networking 14(6), 2006, equation 6.
 */
export class Fast implements CongestionController {
  readonly id = 'fast'
  #datagramSize: number
  #window: number
  #isSlowStart = true
  #baseRtt: Duration = Infinity
  #roundMinRtt: Duration = Infinity
  #roundEnd = 0
  #recoveryStart: Instant | undefined
  #undo: number | undefined

  constructor({ datagramSize }: { readonly datagramSize: number }) {
    this.#datagramSize = datagramSize
    this.#window = initialWindow(datagramSize)
  }

  get window(): number {
    return Math.max(Math.floor(this.#window), 2 * this.#datagramSize)
  }

  /** Left to the window and the round trip. */
  get pacingRate(): undefined {
    return undefined
  }

  get isSlowStart(): boolean {
    return this.#isSlowStart
  }

  onAck({ rtt, rate, bytes, appLimited, sentAt }: AckSample): void {
    if (rtt !== undefined) {
      this.#baseRtt = Math.min(this.#baseRtt, rtt)
      this.#roundMinRtt = Math.min(this.#roundMinRtt, rtt)
    }
    if (appLimited || (this.#recoveryStart !== undefined && sentAt <= this.#recoveryStart)) return
    if (this.#isSlowStart) this.#window += bytes
    if (rate.priorDelivered < this.#roundEnd || this.#roundMinRtt === Infinity) return
    this.#roundEnd = rate.delivered
    const ratio = this.#baseRtt / this.#roundMinRtt
    this.#roundMinRtt = Infinity
    const queued = this.#window * (1 - ratio)
    if (this.#isSlowStart && queued < this.#alpha) return
    this.#isSlowStart = false
    const next = (1 - GAMMA) * this.#window + GAMMA * (ratio * this.#window + this.#alpha)
    this.#window = Math.min(2 * this.#window, next)
  }

  onCongestion({ now, sentAt, persistent }: LossSample): void {
    if (persistent) {
      this.#window = 2 * this.#datagramSize
      this.#isSlowStart = true
      this.#undo = undefined
      return
    }
    if (this.#recoveryStart !== undefined && sentAt <= this.#recoveryStart) return
    this.#recoveryStart = now
    this.#isSlowStart = false
    this.#undo = this.#window
    this.#window = Math.max(this.#window * BETA, 2 * this.#datagramSize)
  }

  onSpuriousLoss(): void {
    this.#window = Math.max(this.#window, this.#undo ?? 0)
    this.#undo = undefined
  }

  onDatagramSize(bytes: number): void {
    this.#datagramSize = bytes
    this.#window = Math.max(this.#window, 2 * bytes)
  }

  snapshot(): Readonly<Record<string, number | string>> {
    return { id: this.id, window: this.window, baseRtt: Number.isFinite(this.#baseRtt) ? this.#baseRtt : -1 }
  }

  get #alpha(): number {
    return ALPHA_DATAGRAMS * this.#datagramSize
  }
}

export const createFast: CongestionControllerFactory = (init) => new Fast(init)

/** Section IV of the paper: how fast the window follows. */
const GAMMA = 0.5
/** What is left of the window after a loss, which FAST takes for a full queue as others do. */
const BETA = 0.5

/** Datagrams each flow keeps queued: enough to notice a change, little against a home router's queue. */
const ALPHA_DATAGRAMS = 8
