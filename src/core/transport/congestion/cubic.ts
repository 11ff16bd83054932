import type { Instant } from '../../time/instant.ts'
import {
  initialWindow,
  type AckSample,
  type CongestionController,
  type CongestionControllerFactory,
  type LossSample,
} from './controller.ts'
import { HyStart } from './hystart.ts'

/** CUBIC (RFC 9438) with HyStart++ (RFC 9406) and the recovery of RFC 9002 section 7. Windows in bytes. */
export class Cubic implements CongestionController {
  readonly id = 'cubic'
  #datagramSize: number
  #window: number
  #threshold = Infinity
  #recoveryStart: Instant | undefined
  /** Window before the last reduction, bytes. */
  #windowMax = 0
  /** Start of the current growth, and the seconds until it reaches `#windowMax` again. */
  #epochStart: Instant | undefined
  #k = 0
  /** Since when the application has been the limit. */
  #limitedSince: Instant | undefined
  /** What Reno would have by now, bytes: CUBIC never does worse. */
  #renoWindow = 0
  readonly #hystart = new HyStart()
  /** State before the last reduction, to go back to when it was for nothing. */
  #undo: { window: number; threshold: number; windowMax: number } | undefined

  constructor({ datagramSize }: { readonly datagramSize: number }) {
    this.#datagramSize = datagramSize
    this.#window = initialWindow(datagramSize)
  }

  get window(): number {
    return Math.floor(this.#window)
  }

  /** Left to the window and the round trip. */
  get pacingRate(): undefined {
    return undefined
  }

  get isSlowStart(): boolean {
    return this.#window < this.#threshold
  }

  onAck({ now, sentAt, bytes, smoothedRtt, rtt, appLimited, rate }: AckSample): void {
    if (this.isSlowStart) this.#hystart.onAck(rtt, rate)
    if (appLimited) this.#limitedSince ??= now
    if (appLimited || (this.#recoveryStart !== undefined && sentAt <= this.#recoveryStart)) return
    // RFC 9438 section 5.8: the curve stands still meanwhile, or it would be far up after a pause.
    if (this.#epochStart !== undefined) this.#epochStart += now - (this.#limitedSince ?? now)
    this.#limitedSince = undefined
    if (this.isSlowStart) {
      this.#window += bytes / this.#hystart.divisor
      if (this.#hystart.isDone) this.#threshold = this.#window
      return
    }
    this.#epochStart ??= this.#beginEpoch(now)
    const elapsed = (now - this.#epochStart + smoothedRtt) / 1_000_000
    const cubic = C * (elapsed - this.#k) ** 3 * this.#datagramSize + this.#windowMax
    const target = Math.min(Math.max(cubic, this.#window), 1.5 * this.#window)
    this.#renoWindow += RENO_ALPHA * this.#datagramSize * (bytes / this.#window)
    const grown = this.#window + ((target - this.#window) / this.#window) * bytes
    this.#window = Math.max(grown, this.#renoWindow)
  }

  onCongestion({ now, sentAt, persistent }: LossSample): void {
    if (this.#recoveryStart === undefined || sentAt > this.#recoveryStart) {
      this.#recoveryStart = now
      this.#epochStart = undefined
      this.#undo = { window: this.#window, threshold: this.#threshold, windowMax: this.#windowMax }
      // Fast convergence: a flow that lost earlier than last time leaves room for others.
      this.#windowMax = this.#window < this.#windowMax ? this.#window * ((1 + BETA) / 2) : this.#window
      this.#window = Math.max(this.#window * BETA, this.#minimum)
      this.#threshold = this.#window
    }
    if (!persistent) return
    this.#window = this.#minimum
    this.#undo = undefined
    this.#recoveryStart = undefined
    this.#epochStart = undefined
  }

  onSpuriousLoss(): void {
    if (this.#undo === undefined) return
    this.#window = Math.max(this.#window, this.#undo.window)
    this.#threshold = this.#undo.threshold
    this.#windowMax = this.#undo.windowMax
    this.#recoveryStart = undefined
    this.#undo = undefined
  }

  onDatagramSize(bytes: number): void {
    this.#datagramSize = bytes
    this.#window = Math.max(this.#window, this.#minimum)
  }

  snapshot(): Readonly<Record<string, number | string>> {
    return {
      id: this.id,
      window: this.window,
      threshold: this.#threshold === Infinity ? -1 : Math.floor(this.#threshold),
      windowMax: Math.floor(this.#windowMax),
    }
  }

  get #minimum(): number {
    return 2 * this.#datagramSize
  }

  #beginEpoch(now: Instant): Instant {
    this.#windowMax = Math.max(this.#windowMax, this.#window)
    this.#k = Math.cbrt((this.#windowMax - this.#window) / this.#datagramSize / C)
    this.#renoWindow = this.#window
    return now
  }
}

export const createCubic: CongestionControllerFactory = (init) => new Cubic(init)

/** RFC 9438 section 5: C, in segments per cubed second. */
const C = 0.4
/** RFC 9438 section 4.6: what is left of the window after a loss. */
const BETA = 0.7
/** RFC 9438 section 4.3: growth of the Reno estimate per round trip, segments. */
const RENO_ALPHA = (3 * (1 - BETA)) / (1 + BETA)
