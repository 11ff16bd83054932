import type { Duration } from '../../time/instant.ts'

/**
 * Tells the losses of a full queue from those of a path that loses at random, by the round trips around them.
 *
 * A packet that a full queue dropped has neighbours that waited in it; a packet lost at random has neighbours that came straight through.
 * While the queue stands, losses are judged as draft-ietf-ccwg-bbr section 5.5.10 does, on top of what the path loses anyway; while it is
 * empty, they must exceed the same threshold by more than chance explains.
 *
 * Losses in bytes, times in microseconds.
 */
export class LossJudge {
  #datagramSize: number
  #minRtt: Duration = Infinity
  /** Smallest round trip since this round began. */
  #roundRtt: Duration = Infinity
  #randomShare = 0

  constructor(datagramSize: number) {
    this.#datagramSize = datagramSize
  }

  set datagramSize(bytes: number) {
    this.#datagramSize = bytes
  }

  /** Share of bytes that the path loses with no queue in sight, from 0 to the threshold. */
  get randomShare(): number {
    return this.#randomShare
  }

  /** @param rtt - this ACK's sample. @param minRtt - of the path. */
  onAck(rtt: Duration | undefined, minRtt: Duration): void {
    this.#minRtt = minRtt
    this.#roundRtt = Math.min(this.#roundRtt, rtt ?? Infinity)
  }

  /** A round trip is over in which `lost` of `all` bytes were lost. @param rtt - the first sample of the next one. */
  onRoundEnd(lost: number, all: number, rtt: Duration | undefined): void {
    if (all > 0 && !this.#isQueueStanding) {
      // Of a burst no more counts than is random: it was an outage perhaps.
      this.#randomShare += (Math.min(lost / all, LOSS_THRESHOLD) - this.#randomShare) / MEMORY
    }
    this.#roundRtt = rtt ?? Infinity
  }

  /** More of `all` bytes were lost than a path may lose that is not overfull. */
  isTooMuch(lost: number, all: number): boolean {
    if (this.#isQueueStanding) return lost > (LOSS_THRESHOLD + this.#randomShare) * all
    // A path that loses just below the threshold exceeds it in every few round trips of few packets: it must not be slowed down for that.
    const expected = (LOSS_THRESHOLD * all) / this.#datagramSize
    // Few losses scatter more upwards than downwards: the second term of Cornish and Fisher for a Poisson count.
    return lost / this.#datagramSize > expected + CHANCE * Math.sqrt(expected) + (CHANCE ** 2 - 1) / 6
  }

  /** No packet of this round came straight through. */
  get #isQueueStanding(): boolean {
    return Number.isFinite(this.#roundRtt) && this.#roundRtt > QUEUE_STANDS * this.#minRtt
  }
}

/** draft-ietf-ccwg-bbr, section 2.7, BBR.LossThresh: share of bytes lost above which a path is taken for overfull. */
const LOSS_THRESHOLD = 0.02
/** Standard deviations of a random loss that are still taken for chance. */
const CHANCE = 3
/** A round trip whose smallest sample is above this many of the path's smallest met a queue all along. */
const QUEUE_STANDS = 1.25
/** Round trips over which the random share is averaged. */
const MEMORY = 16
