import { millis, seconds, type Duration, type Instant } from '../../time/instant.ts'
import { AckAggregation } from './ack-aggregation.ts'
import {
  initialWindow,
  type AckSample,
  type CongestionController,
  type CongestionControllerFactory,
  type LossSample,
} from './controller.ts'
import { LossJudge } from './loss-judge.ts'
import { Plateau } from './plateau.ts'
import { RttFloor } from './rtt-floor.ts'

type Phase = 'startup' | 'drain' | 'down' | 'cruise' | 'refill' | 'up' | 'probe-rtt'

/**
 * BBR, in the shape of version 3: paces at the bandwidth it measured, holds about one bandwidth-delay product in flight, and takes loss
 * for congestion only when a {@link LossJudge} says so.
 *
 * Source: draft-ietf-ccwg-bbr. Bandwidths in bytes per microsecond, windows in bytes.
 */
export class Bbr implements CongestionController {
  readonly id = 'bbr'
  readonly #random: () => number
  #datagramSize: number
  #phase: Phase = 'startup'
  #window: number
  #pacingRate: number | undefined
  /** Largest bandwidth of this and the previous probing cycle. */
  #maxBandwidth: [number, number] = [0, 0]
  readonly #floor = new RttFloor()
  #probeRttDoneAt: Instant | undefined
  /** Above this the path lost too much; Infinity while unknown. */
  #inflightHigh = Infinity
  /** Short-term bounds after a loss; lifted by the next refill. */
  #inflightLow = Infinity
  #bandwidthLow = Infinity
  #nextRoundDelivered = 0
  #rounds = 0
  #isRoundStart = false
  readonly #plateau = new Plateau()
  #isFull = false
  #lossRoundDelivered = 0
  #hasLossInRound = false
  #lossEventsInRound = 0
  #latestBandwidth = 0
  #latestInflight = 0
  #phaseAt: Instant = 0
  #phaseRound = 0
  #probeWait: Duration = 0
  #probeRounds = 0
  #upRounds = 0
  #upAcked = 0
  #upCount = 0
  readonly #losses: LossJudge
  readonly #aggregation = new AckAggregation()
  /** When the last run of losses began, and the bounds before it, to go back to when it was none. */
  #episodeAt: Instant = 0
  #undo: { inflightHigh: number; inflightLow: number; bandwidthLow: number; ended?: 'startup' | 'up' } | undefined

  constructor({ datagramSize, random }: Parameters<CongestionControllerFactory>[0]) {
    this.#datagramSize = datagramSize
    this.#random = random
    this.#losses = new LossJudge(datagramSize)
    this.#window = initialWindow(datagramSize)
  }

  get window(): number {
    return Math.max(this.#minimum, Math.floor(this.#window))
  }

  get pacingRate(): number | undefined {
    return this.#pacingRate
  }

  get isSlowStart(): boolean {
    return this.#phase === 'startup'
  }

  onAck(ack: AckSample): void {
    const { rate, now } = ack
    this.#startRound(ack)
    if (rate.rate > 0 && (rate.rate >= this.#bandwidth || !rate.isAppLimited)) {
      this.#maxBandwidth[0] = Math.max(this.#maxBandwidth[0], rate.rate)
    }
    this.#latestBandwidth = Math.max(this.#latestBandwidth, rate.rate)
    this.#latestInflight = Math.max(this.#latestInflight, rate.deliveredSince)
    this.#aggregation.onAck(now, ack.bytes, this.#boundBandwidth, ack.priorInFlight, this.#isRoundStart)
    // Before the round's losses are forgotten: they are one of the signs.
    this.#checkFull(ack)
    this.#endLossRound(ack)
    if (this.#phase === 'startup' && this.#isFull) this.#enter('drain', now)
    if (this.#phase === 'drain' && ack.inFlight <= this.#inflight(1)) this.#startDown(now)
    if (this.#isFull) this.#cycle(ack)
    this.#updateMinRtt(ack)
    this.#setPacingRate(ack)
    this.#setWindow(ack)
  }

  onCongestion({ now, sentAt, sentInFlight, deliveredSince, lostSince, persistent, appLimited }: LossSample): void {
    if (this.#undo === undefined || sentAt > this.#episodeAt) {
      this.#episodeAt = now
      this.#undo = {
        inflightHigh: this.#inflightHigh,
        inflightLow: this.#inflightLow,
        bandwidthLow: this.#bandwidthLow,
      }
    }
    this.#hasLossInRound = true
    this.#lossEventsInRound++
    if (this.#phase === 'up' || this.#phase === 'refill') {
      if (this.#losses.isTooMuch(lostSince, Math.max(sentInFlight, deliveredSince + lostSince)))
        this.#handleTooMuch(now, appLimited ? undefined : sentInFlight)
    }
    if (persistent) {
      // The path may be another one now; what is in flight is gone, what was learnt of its bandwidth stays until measured anew.
      this.#window = this.#minimum
      this.#inflightLow = Infinity
      this.#bandwidthLow = Infinity
    }
  }

  onSpuriousLoss(): void {
    if (!this.#undo) return
    this.#inflightHigh = Math.max(this.#inflightHigh, this.#undo.inflightHigh)
    this.#inflightLow = Math.max(this.#inflightLow, this.#undo.inflightLow)
    this.#bandwidthLow = Math.max(this.#bandwidthLow, this.#undo.bandwidthLow)
    this.#hasLossInRound = false
    this.#lossEventsInRound = 0
    const { ended } = this.#undo
    this.#undo = undefined
    if (ended === undefined || this.#phase === 'probe-rtt') return
    this.#plateau.reset()
    this.#isFull = ended !== 'startup'
    this.#enter(ended, this.#phaseAt)
  }

  onDatagramSize(bytes: number): void {
    this.#datagramSize = bytes
    this.#losses.datagramSize = bytes
    this.#window = Math.max(this.#window, initialWindow(bytes))
  }

  snapshot(): Readonly<Record<string, number | string>> {
    const finite = (n: number): number => (Number.isFinite(n) ? Math.round(n) : -1)
    return {
      id: this.id,
      phase: this.#phase,
      window: this.window,
      bandwidth: this.#bandwidth,
      minRtt: this.#floor.min,
      inflightHigh: finite(this.#inflightHigh),
      inflightLow: finite(this.#inflightLow),
      rounds: this.#rounds,
      randomLoss: Number(this.#losses.randomShare.toFixed(4)),
    }
  }

  get #bandwidth(): number {
    return Math.max(...this.#maxBandwidth)
  }

  get #boundBandwidth(): number {
    return Math.min(this.#bandwidth, this.#bandwidthLow)
  }

  get #minimum(): number {
    return 4 * this.#datagramSize
  }

  /** Bytes in flight that `gain` bandwidth-delay products make. */
  #inflight(gain: number): number {
    if (this.#floor.min === 0) return initialWindow(this.#datagramSize)
    // A quantum of pacing and what the receiver's delayed ACKs hold back are in flight too.
    return gain * this.#boundBandwidth * this.#floor.min + 3 * this.#quantum
  }

  get #quantum(): number {
    return Math.max(2 * this.#datagramSize, Math.min((this.#pacingRate ?? 0) * millis(1), MAX_QUANTUM))
  }

  #startRound({ rate }: AckSample): void {
    this.#isRoundStart = rate.priorDelivered >= this.#nextRoundDelivered
    if (!this.#isRoundStart) return
    this.#nextRoundDelivered = rate.delivered
    this.#rounds++
    this.#probeRounds++
  }

  #endLossRound({ rate, rtt }: AckSample): void {
    this.#losses.onAck(rtt, this.#floor.min === 0 ? Infinity : this.#floor.min)
    if (rate.priorDelivered < this.#lossRoundDelivered) return
    this.#lossRoundDelivered = rate.delivered
    if (
      this.#hasLossInRound &&
      this.#phase !== 'up' &&
      this.#phase !== 'refill' &&
      this.#isFull &&
      this.#isLossHeavy(rate)
    ) {
      if (this.#bandwidthLow === Infinity) this.#bandwidthLow = this.#bandwidth
      if (this.#inflightLow === Infinity) this.#inflightLow = this.#window
      this.#bandwidthLow = Math.max(this.#latestBandwidth, BETA * this.#bandwidthLow)
      this.#inflightLow = Math.max(this.#latestInflight, BETA * this.#inflightLow)
    }
    this.#hasLossInRound = false
    this.#lossEventsInRound = 0
    this.#losses.onRoundEnd(rate.lostSince, rate.lostSince + rate.deliveredSince, rtt)
    this.#latestBandwidth = rate.rate
    this.#latestInflight = rate.deliveredSince
  }

  #isLossHeavy({ lostSince, deliveredSince }: AckSample['rate']): boolean {
    return this.#losses.isTooMuch(lostSince, lostSince + deliveredSince)
  }

  #checkFull({ rate, now }: AckSample): void {
    if (this.#isRoundStart && !rate.isAppLimited) this.#plateau.onRound(rate.rate)
    if (this.#isFull) return
    if (this.#plateau.isReached) this.#isFull = true
    const isHeavy = this.#lossEventsInRound >= FULL_LOSS_EVENTS && this.#isLossHeavy(rate)
    if (!this.#isRoundStart || !isHeavy || this.#phase !== 'startup') return
    this.#isFull = true
    if (this.#undo) this.#undo.ended = 'startup'
    this.#inflightHigh = Math.max(this.#inflight(1), this.#latestInflight)
    this.#phaseAt = now
  }

  #cycle(ack: AckSample): void {
    const { now, inFlight } = ack
    switch (this.#phase) {
      case 'down':
        if (this.#isTimeToProbe(now)) return this.#startRefill(now)
        if (inFlight <= this.#headroom && inFlight <= this.#inflight(1)) this.#enter('cruise', now)
        return
      case 'cruise':
        if (this.#isTimeToProbe(now)) this.#startRefill(now)
        return
      case 'refill':
        if (this.#isRoundStart && this.#rounds > this.#phaseRound) this.#startUp(now)
        return
      case 'up':
        this.#raiseHigh(ack)
        if (this.#isHeldBack(ack)) this.#plateau.reset(ack.rate.rate)
        else if (this.#plateau.isReached) this.#startDown(now)
    }
  }

  #isTimeToProbe(now: Instant): boolean {
    // As often as Reno would come back on the same path, so that the two can share it.
    const renoRounds = Math.min(MAX_RENO_ROUNDS, this.#inflight(1) / this.#datagramSize)
    return now - this.#phaseAt > this.#probeWait || this.#probeRounds >= renoRounds
  }

  get #headroom(): number {
    return this.#inflightHigh === Infinity ? Infinity : Math.max(this.#minimum, HEADROOM * this.#inflightHigh)
  }

  #startDown(now: Instant): void {
    // The probe that ends here saw what the path gives: the best moment to forget what came before it.
    if (this.#phase === 'up' && this.#maxBandwidth[0] > 0) this.#maxBandwidth = [0, this.#maxBandwidth[0]]
    this.#enter('down', now)
    this.#probeWait = seconds(2) + this.#random() * seconds(1)
    this.#probeRounds = Math.floor(this.#random() * 2)
  }

  #startRefill(now: Instant): void {
    this.#enter('refill', now)
    this.#inflightLow = Infinity
    this.#bandwidthLow = Infinity
    this.#nextRoundDelivered = Math.max(this.#nextRoundDelivered, 0)
    this.#upRounds = 0
    this.#upAcked = 0
  }

  #startUp(now: Instant): void {
    this.#enter('up', now)
    this.#upCount = this.#window
    this.#plateau.reset()
  }

  /** What is known of the path, not the path, limits what is in flight: bandwidth cannot grow before the limit does. */
  #isHeldBack({ priorInFlight }: AckSample): boolean {
    return this.#window >= this.#inflightHigh && priorInFlight + this.#datagramSize > this.#window
  }

  /** The path carried what was allowed: allow more, faster every round. */
  #raiseHigh(ack: AckSample): void {
    const { bytes, rate } = ack
    if (this.#isRoundStart) {
      this.#upRounds = Math.min(this.#upRounds + 1, 30)
      this.#upCount = Math.max(this.#window / 2 ** this.#upRounds, 1)
    }
    if (!this.#isHeldBack(ack) || this.#isLossHeavy(rate)) return
    this.#upAcked += bytes
    const steps = Math.floor(this.#upAcked / this.#upCount)
    this.#upAcked -= steps * this.#upCount
    this.#inflightHigh += steps * this.#datagramSize
  }

  /** @param sentInFlight - `undefined` where the path was not the limit: it says nothing of how much is too much. */
  #handleTooMuch(now: Instant, sentInFlight: number | undefined): void {
    if (sentInFlight !== undefined) this.#inflightHigh = Math.max(sentInFlight, this.#inflight(1) * BETA)
    if (this.#phase !== 'up') return
    if (this.#undo) this.#undo.ended = 'up'
    this.#startDown(now)
  }

  #updateMinRtt({ now, rtt, inFlight }: AckSample): void {
    const isProbeDue = this.#floor.onAck(now, rtt)
    if (isProbeDue && this.#phase !== 'probe-rtt' && this.#isFull) {
      this.#enter('probe-rtt', now)
      this.#probeRttDoneAt = undefined
    }
    if (this.#phase !== 'probe-rtt') return
    if (this.#probeRttDoneAt === undefined && inFlight <= this.#probeRttWindow)
      this.#probeRttDoneAt = now + PROBE_RTT_DURATION
    if (this.#probeRttDoneAt === undefined || now < this.#probeRttDoneAt) return
    this.#floor.onDrained(now)
    this.#inflightLow = Infinity
    this.#bandwidthLow = Infinity
    this.#startDown(now)
    this.#enter('cruise', now)
  }

  get #probeRttWindow(): number {
    return Math.max(this.#minimum, PROBE_RTT_GAIN * this.#bandwidth * this.#floor.min)
  }

  #setPacingRate({ smoothedRtt }: AckSample): void {
    const gain = PACING_GAINS[this.#phase]
    if (this.#bandwidth === 0) {
      this.#pacingRate = (gain * this.#window) / Math.max(smoothedRtt, millis(1))
      return
    }
    // What the path loses anyway is sent on top, or it would be missing from what the path carries.
    const rate = (gain * this.#boundBandwidth * PACING_MARGIN) / (1 - this.#losses.randomShare)
    // The first sample may span a silence and be far too low.
    this.#pacingRate ??= initialWindow(this.#datagramSize) / Math.max(smoothedRtt, millis(1))
    if (this.#isFull || rate > this.#pacingRate) this.#pacingRate = rate
  }

  #setWindow({ bytes, rate, appLimited }: AckSample): void {
    const growth = appLimited ? 0 : bytes
    const target = this.#inflight(this.#phase === 'up' ? UP_WINDOW_GAIN : WINDOW_GAIN) + this.#aggregation.extraAcked
    if (this.#isFull) this.#window = Math.min(this.#window + growth, target)
    else if (this.#window < target || rate.delivered < 2 * initialWindow(this.#datagramSize)) this.#window += growth
    if (this.#phase === 'probe-rtt') this.#window = Math.min(this.#window, this.#probeRttWindow)
    let cap = this.#inflightLow
    if (this.#phase === 'cruise' || this.#phase === 'probe-rtt') cap = Math.min(cap, this.#headroom)
    else if (this.#isFull) cap = Math.min(cap, this.#inflightHigh)
    this.#window = Math.max(this.#minimum, Math.min(this.#window, cap))
  }

  #enter(phase: Phase, now: Instant): void {
    this.#phase = phase
    this.#phaseAt = now
    this.#phaseRound = this.#rounds
  }
}

export const createBbr: CongestionControllerFactory = (init) => new Bbr(init)

/** draft-ietf-ccwg-bbr, section 5.6: pacing gain of each phase. */
const PACING_GAINS: Record<Phase, number> = {
  startup: 2.77,
  drain: 0.5,
  down: 0.9,
  cruise: 1,
  refill: 1,
  up: 1.25,
  'probe-rtt': 1,
}
/** Share of the measured bandwidth at which to pace, so that a queue drains by itself. */
const PACING_MARGIN = 0.99
const WINDOW_GAIN = 2
const UP_WINDOW_GAIN = 2.25
/** What is left of the short-term bounds after a round of too much loss. */
const BETA = 0.7
/** Share of the highest safe inflight that is used while not probing. */
const HEADROOM = 0.85
/** Startup ends after so many losses in one round, too. */
const FULL_LOSS_EVENTS = 6
const PROBE_RTT_DURATION: Duration = millis(200)
const PROBE_RTT_GAIN = 0.5
const MAX_RENO_ROUNDS = 63

/** Burst that the driver may send at once, bytes. */
const MAX_QUANTUM = 65_536
