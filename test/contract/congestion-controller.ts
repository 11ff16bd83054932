import { expect } from 'chai'
import type {
  AckSample,
  CongestionController,
  CongestionControllerFactory,
  LossSample,
} from '../../src/core/transport/congestion/controller.ts'
import { seededRandom } from '../helpers/random.ts'
import { ms, s } from '../helpers/time.ts'

const DATAGRAM = 1_200
const RTT = ms(50)

const acked = (now: number, changes: Partial<AckSample> = {}): AckSample => ({
  now,
  sentAt: now - RTT,
  bytes: DATAGRAM,
  smoothedRtt: RTT,
  appLimited: false,
  ...changes,
})
const lost = (now: number, changes: Partial<LossSample> = {}): LossSample => ({
  now,
  sentAt: now - RTT,
  bytes: DATAGRAM,
  persistent: false,
  ...changes,
})

/** Acknowledges a full window for each of `rounds` round trips from `now` on. @returns the time afterwards. */
function grow(controller: CongestionController, now: number, rounds: number): number {
  for (let round = 0; round < rounds; round++) {
    now += RTT
    for (let left = controller.window; left > 0; left -= DATAGRAM) controller.onAck(acked(now))
  }
  return now
}

/** What every congestion controller owes the connection, whatever its algorithm. */
export function describeCongestionController(name: string, create: CongestionControllerFactory): void {
  const make = (): CongestionController => create({ datagramSize: DATAGRAM })

  describe(`the contract of congestion controllers: ${name}`, () => {
    it('says who it is', () => {
      expect(make().id).to.equal(name)
      expect(make().snapshot()['id']).to.equal(name)
    })

    it('starts with the initial window of RFC 9002 section 7.2, in slow start', () => {
      expect(make().window).to.equal(12_000)
      expect(make().isSlowStart).to.equal(true)
      expect(create({ datagramSize: 1_472 }).window).to.equal(14_720)
      expect(create({ datagramSize: 9_000 }).window).to.equal(18_000)
      expect(create({ datagramSize: 60_000 }).window).to.equal(120_000)
    })

    it('grows while acknowledgements come', () => {
      const controller = make()
      const before = controller.window
      grow(controller, 0, 3)
      expect(controller.window).to.be.above(before)
    })

    it('does not grow while the application is the limit, in slow start or after it', () => {
      const controller = make()
      for (let i = 1; i < 100; i++) controller.onAck(acked(i * 1_000, { appLimited: true }))
      expect(controller.window).to.equal(12_000)
      let now = grow(controller, s(1), 3)
      controller.onCongestion(lost(now))
      now = grow(controller, now + RTT, 2)
      const before = controller.window
      for (let i = 1; i < 100; i++) controller.onAck(acked(now + i * RTT, { appLimited: true }))
      expect(controller.window).to.equal(before)
    })

    it('leaves slow start at the first loss, with a smaller window', () => {
      const controller = make()
      const now = grow(controller, 0, 4)
      const before = controller.window
      controller.onCongestion(lost(now))
      expect(controller.window).to.be.below(before)
      expect(controller.isSlowStart).to.equal(false)
    })

    it('reduces once for everything that was sent before the reduction', () => {
      const controller = make()
      const now = grow(controller, 0, 4)
      controller.onCongestion(lost(now))
      const after = controller.window
      for (let i = 1; i < 40; i++) controller.onCongestion(lost(now + i * 1_000, { sentAt: now - i }))
      controller.onCongestion(lost(now + RTT, { sentAt: now }))
      expect(controller.window).to.equal(after)
    })

    it('reduces again for something that was sent after the reduction', () => {
      const controller = make()
      const now = grow(controller, 0, 5)
      controller.onCongestion(lost(now))
      const after = controller.window
      controller.onCongestion(lost(now + 2 * RTT, { sentAt: now + 1 }))
      expect(controller.window).to.be.below(after)
    })

    it('does not grow for what was sent before the reduction', () => {
      const controller = make()
      const now = grow(controller, 0, 4)
      controller.onCongestion(lost(now))
      const after = controller.window
      for (let i = 1; i < 40; i++) controller.onAck(acked(now + i * 1_000, { sentAt: now }))
      expect(controller.window).to.equal(after)
    })

    it('never has a window below two datagrams, however much is lost', () => {
      const controller = make()
      for (let i = 1; i < 60; i++) {
        controller.onCongestion(lost(i * RTT, { sentAt: i * RTT - 1, persistent: i % 7 === 0 }))
        expect(controller.window).to.be.at.least(2 * DATAGRAM)
      }
      controller.onDatagramSize(9_000)
      expect(controller.window).to.be.at.least(18_000)
    })

    it('collapses to two datagrams under persistent congestion', () => {
      const controller = make()
      const now = grow(controller, 0, 5)
      controller.onCongestion(lost(now, { persistent: true }))
      expect(controller.window).to.equal(2 * DATAGRAM)
    })

    it('recovers from persistent congestion', () => {
      const controller = make()
      let now = grow(controller, 0, 5)
      const before = controller.window
      controller.onCongestion(lost(now, { persistent: true }))
      now = grow(controller, now, 20)
      expect(controller.window).to.be.above(before / 2)
      grow(controller, now, 200)
      expect(controller.window).to.be.above(before)
    })

    it('recovers from a loss', () => {
      const controller = make()
      const now = grow(controller, 0, 4)
      const before = controller.window
      controller.onCongestion(lost(now))
      grow(controller, now, 200)
      expect(controller.window).to.be.above(before)
    })

    it('gives the same windows for the same history, and never anything but whole bytes', () => {
      const run = (): number[] => {
        const random = seededRandom(42)
        const controller = make()
        const windows: number[] = []
        for (let now = 1_000; windows.length < 2_000; now += 1 + Math.floor(random() * 20_000)) {
          const sentAt = now - Math.floor(random() * RTT * 2)
          const roll = random()
          if (roll < 0.05) controller.onCongestion(lost(now, { sentAt, persistent: roll < 0.002 }))
          else controller.onAck(acked(now, { sentAt, appLimited: roll > 0.9, bytes: Math.ceil(random() * 10_000) }))
          windows.push(controller.window)
        }
        return windows
      }
      const windows = run()
      expect(run()).to.deep.equal(windows)
      expect(windows.every((window) => Number.isSafeInteger(window) && window >= 2 * DATAGRAM)).to.equal(true)
    })

    it('never throws, at the edges of what it may be told', () => {
      const controller = make()
      controller.onAck(acked(0, { sentAt: 0, bytes: 0, smoothedRtt: 1 }))
      controller.onCongestion(lost(0, { sentAt: 0, bytes: 0 }))
      controller.onAck(acked(0, { sentAt: 1, bytes: 2 ** 32, smoothedRtt: s(60) }))
      controller.onAck(acked(Number.MAX_SAFE_INTEGER, { sentAt: 1, bytes: 1 }))
      expect(Number.isFinite(controller.window)).to.equal(true)
    })

    it('tells its state in words and finite numbers', () => {
      const controller = make()
      const check = (): void => {
        const snapshot = controller.snapshot()
        expect(JSON.parse(JSON.stringify(snapshot))).to.deep.equal(snapshot)
        expect(snapshot['window']).to.equal(controller.window)
      }
      check()
      controller.onCongestion(lost(grow(controller, 0, 3)))
      check()
    })
  })
}
