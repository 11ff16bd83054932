import { expect } from 'chai'
import type {
  CongestionController,
  CongestionControllerFactory,
} from '../../src/core/transport/congestion/controller.ts'
import { ControllerLab, type Course } from '../helpers/controller-lab.ts'
import { seededRandom } from '../helpers/random.ts'
import { ackSample, lossSample, rateSample } from '../helpers/samples.ts'
import { ms, s } from '../helpers/time.ts'

const DATAGRAM = 1_200
const RTT = ms(50)
/** 10 Mbit/s with a queue of one bandwidth-delay product. */
const COURSE: Course = { rate: 10 / 8, rtt: RTT, queue: 62_500 }
const BDP = 62_500

/** In what implementations may differ. */
export interface ControllerTraits {
  /** Datagrams in the smallest window. */
  readonly floor: number
  /** True when every loss is congestion; else only too many of them are. */
  readonly isLossBased: boolean
}

/** What every congestion controller owes the connection, whatever its algorithm. */
export function describeCongestionController(
  name: string,
  create: CongestionControllerFactory,
  { floor, isLossBased }: ControllerTraits,
): void {
  const make = (datagramSize = DATAGRAM): CongestionController => create({ datagramSize, random: seededRandom(1) })
  const lab = (course = COURSE): ControllerLab => new ControllerLab(make(), DATAGRAM, course)
  /** On a course for some seconds: past slow start. */
  const settled = (): ControllerLab => lab().run(s(3))
  const lost = (
    now: number,
    persistent = false,
    sentAt = now - RTT,
  ): Parameters<CongestionController['onCongestion']>[0] => lossSample({ now, sentAt, bytes: DATAGRAM, persistent })

  describe(`the contract of congestion controllers: ${name}`, () => {
    it('says who it is', () => {
      expect(make().id).to.equal(name)
      expect(make().snapshot()['id']).to.equal(name)
    })

    it('starts with the initial window of RFC 9002 section 7.2, in slow start', () => {
      expect(make().window).to.equal(12_000)
      expect(make().isSlowStart).to.equal(true)
      expect(make(1_472).window).to.equal(14_720)
      const windows = [9_000, 60_000].map((size) => make(size).window / size)
      expect(windows).to.deep.equal([Math.max(2, floor), Math.max(2, floor)])
    })

    it('grows while acknowledgements come, until the path is full', () => {
      const run = lab()
      run.run(s(1))
      expect(run.controller.window).to.be.above(12_000)
      run.run(s(9))
      const before = run.delivered
      run.run(s(10))
      expect((run.delivered - before) / (COURSE.rate * s(10)), 'share of the path').to.be.within(0.8, 1.001)
    })

    it('keeps a window that covers the path and no more than that and the queue', () => {
      const run = settled().run(s(10))
      expect(run.controller.window).to.be.within(BDP / 2, 3 * BDP)
    })

    it('does not grow while the application is the limit, in slow start or after it', () => {
      const fresh = lab({ ...COURSE, supply: 2 * DATAGRAM })
      fresh.run(s(10))
      expect(fresh.controller.window).to.equal(12_000)
      const run = settled()
      run.course = { ...COURSE, supply: 5 * DATAGRAM }
      run.run(s(1))
      const before = run.controller.window
      let highest = 0
      run.run(s(20), () => (highest = Math.max(highest, run.controller.window)))
      expect(highest).to.be.at.most(before)
    })

    it('does not grow for an acknowledgement that says so, whatever else it says', () => {
      const { controller, now } = settled()
      const before = controller.window
      for (let i = 1; i < 100; i++) {
        controller.onAck(
          ackSample({
            now: now + i * ms(1),
            sentAt: now + i * ms(1) - RTT,
            bytes: DATAGRAM,
            smoothedRtt: RTT,
            rtt: RTT,
            appLimited: true,
            priorInFlight: 2 * DATAGRAM,
            rate: rateSample({ isAppLimited: true, rate: 0.1, delivered: 0, priorDelivered: 0 }),
          }),
        )
      }
      expect(controller.window).to.be.at.most(before)
    })

    if (isLossBased) {
      it('leaves slow start at the first loss, with a smaller window', () => {
        const run = lab().run(ms(210))
        const before = run.controller.window
        run.controller.onCongestion(lost(run.now))
        expect(run.controller.window).to.be.below(before)
        expect(run.controller.isSlowStart).to.equal(false)
      })

      it('reduces once for everything that was sent before the reduction, and again for what was sent after it', () => {
        const { controller, now } = settled()
        controller.onCongestion(lost(now, false, now))
        const after = controller.window
        for (let i = 1; i < 40; i++) controller.onCongestion(lost(now + i * 1_000, false, now - i))
        controller.onCongestion(lost(now + RTT, false, now))
        expect(controller.window).to.equal(after)
        controller.onCongestion(lost(now + 2 * RTT, false, now + 1))
        expect(controller.window).to.be.below(after)
      })

      it('does not grow for what was sent before the reduction', () => {
        const { controller, now } = settled()
        controller.onCongestion(lost(now, false, now))
        const after = controller.window
        for (let i = 1; i < 40; i++) {
          const at = now + i * 1_000
          controller.onAck(ackSample({ now: at, sentAt: now, bytes: DATAGRAM, smoothedRtt: RTT, appLimited: false }))
        }
        expect(controller.window).to.equal(after)
      })
    } else {
      it('does not take one loss in a hundred for congestion', () => {
        const run = lab({ ...COURSE, isLost: (n) => n % 100 === 99 }).run(s(5))
        const before = run.delivered
        run.run(s(10))
        expect((run.delivered - before) / (COURSE.rate * s(10))).to.be.above(0.9)
      })

      it('takes one loss in five for congestion', () => {
        const run = settled()
        const before = run.controller.window
        run.course = { ...COURSE, isLost: (n) => n % 5 === 0 }
        run.run(s(1))
        expect(run.controller.window).to.be.below(before)
      })
    }

    it('takes a loss back that was none', () => {
      const { controller, now } = settled()
      const before = controller.window
      controller.onCongestion(lost(now, false, now))
      controller.onSpuriousLoss()
      expect(controller.window).to.be.at.least(before)
      controller.onSpuriousLoss()
      expect(controller.window).to.be.at.least(before)
    })

    it('takes nothing back when nothing was lost', () => {
      const { controller } = lab({ rate: COURSE.rate, rtt: RTT }).run(s(1))
      const before = controller.window
      controller.onSpuriousLoss()
      expect(controller.window).to.equal(before)
    })

    it('never has a window below two datagrams, however much is lost', () => {
      const controller = make()
      for (let i = 1; i < 60; i++) {
        controller.onCongestion(lost(i * RTT, i % 7 === 0, i * RTT - 1))
        expect(controller.window).to.be.at.least(2 * DATAGRAM)
      }
    })

    it('follows the size of datagrams, up and down', () => {
      const controller = make()
      for (const size of [1_452, 16_000, 60_000]) {
        controller.onDatagramSize(size)
        expect(controller.window).to.be.at.least(2 * size)
      }
      controller.onDatagramSize(DATAGRAM)
      controller.onCongestion(lost(s(1), true))
      expect(controller.window).to.equal(floor * DATAGRAM)
    })

    it('collapses to its smallest window under persistent congestion, and recovers', () => {
      const run = settled()
      const before = run.delivered
      run.controller.onCongestion(lost(run.now, true))
      expect(run.controller.window).to.equal(floor * DATAGRAM)
      run.run(s(3))
      expect(run.controller.window).to.be.above(BDP / 2)
      run.run(s(10))
      expect((run.delivered - before) / (COURSE.rate * s(13))).to.be.above(0.8)
    })

    it('finds out that the path became faster, or slower', () => {
      const run = settled()
      run.course = { ...COURSE, rate: COURSE.rate * 2, queue: 125_000 }
      run.run(s(20))
      let before = run.delivered
      run.run(s(10))
      expect((run.delivered - before) / (COURSE.rate * 2 * s(10)), 'faster').to.be.above(0.75)
      run.course = { ...COURSE, rate: COURSE.rate / 4 }
      run.run(s(20))
      before = run.delivered
      run.run(s(10))
      expect((run.delivered - before) / ((COURSE.rate / 4) * s(10)), 'slower').to.be.within(0.8, 1.001)
      expect(run.controller.window).to.be.below(2 * BDP)
    })

    it('gives the same windows for the same history, and never anything but whole bytes', () => {
      const run = (): number[] => {
        const random = seededRandom(42)
        const windows: number[] = []
        const one = lab({ ...COURSE, isLost: () => random() < 0.03 })
        one.run(s(4), () => {
          if (random() < 0.01) one.controller.onSpuriousLoss()
          if (random() < 0.002) one.controller.onCongestion(lost(one.now, true))
          windows.push(one.controller.window)
        })
        return windows
      }
      const windows = run()
      expect(windows.length).to.be.above(500)
      expect(run()).to.deep.equal(windows)
      expect(windows.every((window) => Number.isSafeInteger(window) && window >= 2 * DATAGRAM)).to.equal(true)
    })

    it('never throws, at the edges of what it may be told', () => {
      const controller = make()
      const tell = (now: number, sentAt: number, bytes: number, smoothedRtt: number, rtt?: number): void =>
        controller.onAck(ackSample({ now, sentAt, bytes, smoothedRtt, rtt, appLimited: false }))
      tell(0, 0, 0, 1, 1)
      controller.onCongestion(lossSample({ now: 0, sentAt: 0, bytes: 0, persistent: false }))
      tell(0, 1, 2 ** 32, s(60), s(60))
      tell(Number.MAX_SAFE_INTEGER, 1, 1, s(60))
      expect(Number.isFinite(controller.window)).to.equal(true)
      expect(controller.pacingRate ?? 1).to.be.above(0)
    })

    it('tells its state in words and finite numbers', () => {
      const check = (controller: CongestionController): void => {
        const snapshot = controller.snapshot()
        expect(JSON.parse(JSON.stringify(snapshot))).to.deep.equal(snapshot)
        expect(snapshot['window']).to.equal(controller.window)
      }
      check(make())
      const run = lab({ ...COURSE, isLost: (n) => n % 40 === 0 })
      run.run(s(5), () => check(run.controller))
    })
  })
}
