import type { Duration, Instant } from '../../time/instant.ts'

/** What each packet remembers of the moment it left, for the rate sample that its acknowledgement gives. */
export interface DeliveryStamp {
  /** Bytes delivered on the path by then, and when the last of them was. */
  readonly delivered: number
  readonly deliveredAt: Instant
  /** When the flight that this packet belongs to began. */
  readonly firstSentAt: Instant
  /** Bytes lost on the path by then. */
  readonly lost: number
  readonly isAppLimited: boolean
}

/** How fast the path delivered, seen by one ACK. */
export interface RateSample {
  /** Bytes per microsecond; 0 when the sample says nothing. */
  readonly rate: number
  readonly isAppLimited: boolean
  /** Bytes delivered in all, and when the newest packet acknowledged was sent: tells round trips apart. */
  readonly delivered: number
  readonly priorDelivered: number
  /** Bytes delivered and lost since that packet was sent. */
  readonly deliveredSince: number
  readonly lostSince: number
}

/**
 * Bytes delivered over time, robust against compressed and delayed ACKs.
 *
 * Source: draft-ietf-ccwg-bbr, section 4.1 (delivery rate estimation).
 */
export class DeliveryRate {
  #delivered = 0
  #lost = 0
  #deliveredAt: Instant = 0
  #firstSentAt: Instant = 0
  /** Delivered count at which the last bytes that the application held back will have left the path. */
  #appLimitedUntil = 0

  /** A packet leaves; with nothing in flight a new flight begins. */
  onSent(now: Instant, bytesInFlight: number): DeliveryStamp {
    if (bytesInFlight === 0) {
      this.#firstSentAt = now
      this.#deliveredAt = now
    }
    return {
      delivered: this.#delivered,
      deliveredAt: this.#deliveredAt,
      firstSentAt: this.#firstSentAt,
      lost: this.#lost,
      isAppLimited: this.#appLimitedUntil > 0,
    }
  }

  /** There is room to send and nothing to send: samples of what is in flight now are too low. */
  onAppLimited(bytesInFlight: number): void {
    this.#appLimitedUntil = Math.max(1, this.#delivered + bytesInFlight)
  }

  onLost(bytes: number): void {
    this.#lost += bytes
  }

  /** Bytes delivered and lost since the packet of that stamp left. */
  since(stamp: DeliveryStamp): { deliveredSince: number; lostSince: number } {
    return { deliveredSince: this.#delivered - stamp.delivered, lostSince: this.#lost - stamp.lost }
  }

  /**
   * @param bytes - newly acknowledged.
   * @param newest - of the packets acknowledged, the one sent last.
   */
  onAck(
    now: Instant,
    bytes: number,
    newest: { readonly sentAt: Instant; readonly stamp: DeliveryStamp },
    minRtt: Duration,
  ): RateSample {
    this.#delivered += bytes
    this.#deliveredAt = now
    const { stamp, sentAt } = newest
    this.#firstSentAt = sentAt
    if (this.#appLimitedUntil > 0 && this.#delivered > this.#appLimitedUntil) this.#appLimitedUntil = 0
    const since = this.since(stamp)
    const interval = Math.max(sentAt - stamp.firstSentAt, now - stamp.deliveredAt)
    return {
      // Shorter than the path's own round trip means that ACKs were bunched: no rate can be read from it.
      rate: interval > 0 && interval >= minRtt ? since.deliveredSince / interval : 0,
      isAppLimited: stamp.isAppLimited,
      delivered: this.#delivered,
      priorDelivered: stamp.delivered,
      ...since,
    }
  }
}
