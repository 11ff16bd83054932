import type { Duration, Instant } from '../../src/core/time/instant.ts'
import type { CongestionController } from '../../src/core/transport/congestion/controller.ts'
import { DeliveryRate, type DeliveryStamp } from '../../src/core/transport/recovery/delivery-rate.ts'

/** The path that a controller is tried on: a rate, a round trip and a queue in front of the rate. */
export interface Course {
  /** Bytes per microsecond. */
  readonly rate: number
  /** Round trip without a queue. */
  readonly rtt: Duration
  /** Bytes that wait at most. @default without end */
  readonly queue?: number
  /** True for packets that the path loses. @default none */
  readonly isLost?: (packetNumber: number) => boolean
  /** Bytes that the application has per round trip at most. @default without end */
  readonly supply?: number
}

interface Flight {
  readonly packetNumber: number
  readonly sentAt: Instant
  readonly backAt: Instant
  readonly isLost: boolean
  readonly appLimited: boolean
  readonly inFlight: number
  readonly stamp: DeliveryStamp
}

/**
 * One controller sending full datagrams over a course in virtual time, told of acknowledgements and losses as a connection tells them:
 * each packet by itself, a lost one when the one after it is back.
 */
export class ControllerLab {
  readonly controller: CongestionController
  readonly datagramSize: number
  now: Instant = 0
  /** Bytes that came back acknowledged. */
  delivered = 0
  /** Largest round trip so far. */
  worstRtt: Duration = 0
  course: Course
  readonly #rate = new DeliveryRate()
  readonly #flights: Flight[] = []
  #inFlight = 0
  #busyUntil: Instant = 0
  #leaveAt: Instant = 0
  #next = 0
  #smoothed: Duration
  #minRtt: Duration = Infinity
  #budget: { roundAt: Instant; left: number } = { roundAt: -Infinity, left: 0 }

  constructor(controller: CongestionController, datagramSize: number, course: Course) {
    this.controller = controller
    this.datagramSize = datagramSize
    this.course = course
    this.#smoothed = course.rtt
  }

  get bytesInFlight(): number {
    return this.#inFlight
  }

  /** Lets `duration` pass. `onStep` is called after everything that the controller was told. */
  run(duration: Duration, onStep: () => void = () => {}): this {
    const until = this.now + duration
    for (;;) {
      const leaveAt = this.#mayLeaveAt()
      const backAt = this.#flights[0]?.backAt ?? Infinity
      const next = Math.min(leaveAt, backAt)
      if (next > until) break
      this.now = Math.max(this.now, next)
      if (backAt <= leaveAt) {
        this.#comeBack()
        onStep()
      } else this.#leave()
    }
    this.now = until
    return this
  }

  #mayLeaveAt(): Instant {
    if (this.#inFlight + this.datagramSize > this.controller.window) return Infinity
    const at = Math.max(this.now, this.#leaveAt)
    const { supply } = this.course
    if (supply === undefined) return at
    if (at >= this.#budget.roundAt + this.course.rtt) this.#budget = { roundAt: at, left: supply }
    return this.#budget.left >= this.datagramSize ? at : this.#budget.roundAt + this.course.rtt
  }

  #leave(): void {
    const { rtt, rate, queue = Infinity, isLost = () => false, supply } = this.course
    const bytes = this.datagramSize
    this.#budget.left -= bytes
    const stamp = this.#rate.onSent(this.now, this.#inFlight)
    this.#inFlight += bytes
    const appLimited =
      supply !== undefined && this.#budget.left < bytes && this.#inFlight + bytes <= this.controller.window
    if (appLimited) this.#rate.onAppLimited(this.#inFlight)
    const start = Math.max(this.now, this.#busyUntil)
    const packetNumber = this.#next++
    const isDropped = (start - this.now) * rate > queue || isLost(packetNumber)
    if (!isDropped) this.#busyUntil = start + bytes / rate
    this.#flights.push({
      packetNumber,
      sentAt: this.now,
      backAt: Math.ceil((isDropped ? start : this.#busyUntil) + rtt),
      isLost: isDropped,
      appLimited,
      inFlight: this.#inFlight,
      stamp,
    })
    const { pacingRate, window } = this.controller
    const pace = pacingRate ?? (2 * window) / this.#smoothed
    this.#leaveAt = Math.max(this.#leaveAt, this.now - BURST) + bytes / pace
  }

  #comeBack(): void {
    const flight = this.#flights.shift()!
    const { sentAt, isLost, stamp, inFlight, appLimited } = flight
    const bytes = this.datagramSize
    const priorInFlight = this.#inFlight
    this.#inFlight -= bytes
    if (isLost) {
      this.#rate.onLost(bytes)
      const since = this.#rate.since(stamp)
      this.controller.onCongestion({
        now: this.now,
        sentAt,
        bytes,
        sentInFlight: inFlight,
        ...since,
        appLimited: stamp.isAppLimited,
        persistent: false,
      })
      return
    }
    this.delivered += bytes
    const rtt = this.now - sentAt
    this.worstRtt = Math.max(this.worstRtt, rtt)
    this.#smoothed = (7 * this.#smoothed + rtt) / 8
    this.#minRtt = Math.min(this.#minRtt, rtt)
    this.controller.onAck({
      now: this.now,
      sentAt,
      bytes,
      priorInFlight,
      inFlight: this.#inFlight,
      smoothedRtt: this.#smoothed,
      rtt,
      appLimited: appLimited || priorInFlight < this.controller.window / 2,
      rate: this.#rate.onAck(this.now, bytes, flight, this.#minRtt),
    })
  }
}

/** What a pacer lets go at once after a pause. */
const BURST: Duration = 2_000
