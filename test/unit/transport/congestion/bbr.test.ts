import { expect } from 'chai'
import { Bbr } from '../../../../src/core/transport/congestion/bbr.ts'
import { ControllerLab, type Course } from '../../../helpers/controller-lab.ts'
import { seededRandom } from '../../../helpers/random.ts'
import { ackSample, lossSample, rateSample } from '../../../helpers/samples.ts'
import { ms, s } from '../../../helpers/time.ts'

const MSS = 1_200
const RTT = ms(50)
/** 10 Mbit/s. */
const RATE = 10 / 8
const BDP = RATE * RTT
const COURSE: Course = { rate: RATE, rtt: RTT, queue: 2 * BDP }

const make = (random = seededRandom(3)): Bbr => new Bbr({ datagramSize: MSS, random })
const lab = (course = COURSE): ControllerLab => new ControllerLab(make(), MSS, course)
const state = ({ controller }: ControllerLab): Record<string, number | string> => controller.snapshot()
const number = (one: ControllerLab, name: string): number => Number(state(one)[name])

/** Runs, and says which phases came, in order, each with when it began. */
function phases(one: ControllerLab, duration: number): Array<[phase: string, at: number]> {
  const seen: Array<[string, number]> = [[String(state(one)['phase']), one.now]]
  one.run(duration, () => {
    const phase = String(state(one)['phase'])
    if (seen.at(-1)![0] !== phase) seen.push([phase, one.now])
  })
  return seen
}
const names = (seen: Array<[string, number]>): string[] => seen.map(([phase]) => phase)

describe('transport/congestion/bbr', () => {
  describe('phases', () => {
    it('go from startup through drain to the cycle of down, cruise, refill and up', () => {
      const seen = names(phases(lab(), s(12)))
      expect(seen.slice(0, 2)).to.deep.equal(['startup', 'drain'])
      const cycle = seen.slice(2).filter((phase) => phase !== 'probe-rtt')
      const text = cycle.join(' ')
      expect(text).to.match(/^(cruise|down)( cruise)?( refill up down( cruise)?)+/)
    })

    it('leave startup when bandwidth has stopped growing for three round trips, with the queue still bounded', () => {
      const one = lab({ ...COURSE, queue: Infinity })
      const seen = phases(one, s(2))
      expect(seen[1]![1], 'end of startup').to.be.within(4 * RTT, 16 * RTT)
      expect(number(one, 'bandwidth')).to.be.closeTo(RATE, RATE * 0.05)
    })

    it('do not take rounds in which the application was the limit for a full path', () => {
      const one = lab({ ...COURSE, supply: 4 * MSS })
      expect(names(phases(one, s(5)))).to.deep.equal(['startup'])
      one.course = COURSE
      expect(names(phases(one, s(2)))).to.include('drain')
      expect(number(one, 'bandwidth')).to.be.closeTo(RATE, RATE * 0.05)
    })

    it('leave startup for losses too, when a round has many and they are more than chance', () => {
      const one = lab({ rate: 20 * RATE, rtt: RTT, isLost: (n) => n > 50 && n % 4 === 0 })
      const seen = phases(one, s(1))
      expect(seen[1]?.[0]).to.equal('drain')
      expect(number(one, 'inflightHigh')).to.be.above(0)
    })

    it('probe for bandwidth again every two to three seconds, or sooner where Reno would come back sooner', () => {
      const long = lab({ rate: 4 * RATE, rtt: RTT, queue: 8 * BDP })
      const ups = phases(long, s(30)).filter(([phase]) => phase === 'up')
      const gaps = ups.slice(1).map(([, at], i) => at - ups[i]![1])
      expect(gaps.length).to.be.at.least(5)
      expect(Math.min(...gaps)).to.be.at.least(s(1.9))
      expect(Math.max(...gaps)).to.be.at.most(s(5))
      const short = phases(lab({ rate: RATE / 10, rtt: RTT, queue: BDP }), s(30)).filter(([phase]) => phase === 'up')
      expect(short.length, 'a small window comes back sooner').to.be.above(ups.length)
    })
  })

  describe('the bandwidth filter', () => {
    it('holds the largest sample of this cycle and the one before, and forgets older ones', () => {
      const one = lab().run(s(3))
      expect(number(one, 'bandwidth')).to.be.closeTo(RATE, RATE * 0.03)
      one.course = { ...COURSE, rate: RATE / 2 }
      one.run(s(1))
      expect(number(one, 'bandwidth'), 'still the old one').to.be.closeTo(RATE, RATE * 0.03)
      one.run(s(12))
      expect(number(one, 'bandwidth')).to.be.closeTo(RATE / 2, RATE * 0.05)
    })

    it('is not lowered by samples that the application limited, but raised by them', () => {
      const controller = make()
      const tell = (now: number, rate: number, isAppLimited: boolean): void =>
        controller.onAck(
          ackSample({
            now,
            sentAt: now - RTT,
            bytes: MSS,
            smoothedRtt: RTT,
            rtt: RTT,
            appLimited: isAppLimited,
            rate: rateSample({ rate, isAppLimited, delivered: now, priorDelivered: now - 1 }),
          }),
        )
      tell(RTT, 1, false)
      tell(2 * RTT, 0.2, true)
      expect(controller.snapshot()['bandwidth']).to.equal(1)
      tell(3 * RTT, 1.5, true)
      expect(controller.snapshot()['bandwidth']).to.equal(1.5)
    })

    it('finds a path that became faster within a few probes', () => {
      const one = lab().run(s(5))
      one.course = { ...COURSE, rate: 4 * RATE }
      one.run(s(15))
      expect(number(one, 'bandwidth')).to.be.above(3 * RATE)
    })
  })

  describe('probing for the round trip', () => {
    it('is skipped while the queue is as good as empty', () => {
      const one = lab({ ...COURSE, supply: BDP / 2 })
      one.run(s(2))
      one.course = { ...COURSE, supply: 0.9 * BDP }
      expect(names(phases(one, s(40)))).to.not.include('probe-rtt')
    })

    it('comes after five seconds in which the queue was never empty, lasts 200 ms and drains it', () => {
      const one = lab({ ...COURSE, queue: Infinity })
      one.run(s(4))
      // Somebody else's queue: every round trip is longer now, and stays so.
      one.course = { ...COURSE, rtt: RTT * 1.5, queue: Infinity }
      const seen = phases(one, s(16))
      const at = seen.findIndex(([phase]) => phase === 'probe-rtt')
      expect(at).to.be.above(0)
      expect(seen[at + 1]![1] - seen[at]![1]).to.be.within(ms(200), ms(600))
      one.run(s(6))
      expect(number(one, 'minRtt'), 'the new floor').to.be.closeTo(RTT * 1.5, RTT * 0.1)
    })
  })

  it('goes on probing upwards while its own bound holds it back, and raises the bound faster every round trip', () => {
    const one = lab({ ...COURSE, queue: Infinity, isLost: (n) => n > 60 && n < 400 && n % 3 === 0 }).run(s(2))
    const low = number(one, 'inflightHigh')
    expect(low).to.be.within(1, 3 * BDP)
    one.course = { rate: 8 * RATE, rtt: RTT, queue: Infinity }
    one.run(s(10))
    expect(number(one, 'inflightHigh')).to.be.above(2 * low)
    expect(number(one, 'bandwidth')).to.be.above(6 * RATE)
  })

  describe('losses', () => {
    it('below two in a hundred change nothing, whatever their luck', () => {
      const random = seededRandom(5)
      const one = lab({ ...COURSE, isLost: () => random() < 0.015 }).run(s(5))
      const before = one.delivered
      one.run(s(30))
      expect((one.delivered - before) / (RATE * s(30))).to.be.above(0.93)
    })

    it('that are few are not taken for many because the flight is small', () => {
      let lowered = 0
      for (let seed = 1; seed <= 10; seed++) {
        const random = seededRandom(seed)
        const one = lab({ ...COURSE, rate: RATE / 2, isLost: () => random() < 0.015 }).run(s(3))
        let before = -1
        one.run(s(30), () => {
          const low = number(one, 'inflightLow')
          if (before !== low && low !== -1 && low < BDP / 2) lowered++
          before = low
        })
      }
      expect(lowered, 'below what the path holds, in five minutes').to.be.at.most(3)
    })

    it('of a queue that stands end a probe at the threshold, not at what chance allows', () => {
      const one = lab({ ...COURSE, queue: BDP / 2 }).run(s(5))
      const { controller } = one
      const onCongestion = controller.onCongestion.bind(controller)
      let lost = 0
      controller.onCongestion = (loss) => {
        lost++
        onCongestion(loss)
      }
      one.run(s(20))
      // Two in a hundred of a flight of eighty are two packets; by chance it would take six, and a hundred and thirty in this time.
      expect(lost).to.be.at.most(100)
    })

    it('that the application brought about say nothing of how much is too much', () => {
      const one = lab({ ...COURSE, queue: Infinity }).run(s(3))
      for (let i = 0; state(one)['phase'] !== 'up' && i < 1_000; i++) one.run(ms(5))
      const loss = {
        now: one.now,
        sentAt: one.now,
        bytes: MSS,
        persistent: false,
        sentInFlight: 5 * MSS,
        lostSince: 20 * MSS,
      }
      one.controller.onCongestion(lossSample({ ...loss, appLimited: true }))
      expect(state(one)).to.include({ inflightHigh: -1, phase: 'down' })
    })

    it('that the path has anyway are sent on top of its bandwidth', () => {
      const one = lab({ ...COURSE, queue: 8 * BDP, isLost: (n) => n % 100 === 99 }).run(s(20))
      for (let i = 0; state(one)['phase'] !== 'cruise' && i < 1_000; i++) one.run(ms(5))
      expect(number(one, 'randomLoss')).to.be.within(0.005, 0.015)
      const share = 1 - number(one, 'randomLoss')
      expect((one.controller.pacingRate! * share) / number(one, 'bandwidth')).to.be.closeTo(0.99, 0.002)
    })

    it('above the threshold lower the bounds, and the next refill lifts them', () => {
      const one = lab().run(s(4))
      expect(number(one, 'inflightLow')).to.equal(-1)
      one.course = { ...COURSE, isLost: (n) => n % 4 === 0 }
      let lowest = Infinity
      one.run(s(1), () => {
        const low = number(one, 'inflightLow')
        if (low > 0) lowest = Math.min(lowest, low)
      })
      expect(lowest).to.be.below(2 * BDP)
      one.course = COURSE
      one.run(s(6))
      expect(number(one, 'inflightLow')).to.equal(-1)
      expect(one.controller.window).to.be.above(BDP)
    })

    it('that turn out to be none give back what they cost, even after the round in which it was paid', () => {
      const one = lab().run(s(4))
      one.course = { ...COURSE, isLost: (n) => n % 3 === 0 }
      for (let i = 0; number(one, 'inflightLow') === -1 && i < 100; i++) one.run(ms(10))
      expect(number(one, 'inflightLow')).to.be.above(0)
      one.controller.onSpuriousLoss()
      expect(number(one, 'inflightLow')).to.equal(-1)
    })

    it('that turn out to be none give back the phase that they ended: startup, or a probe', () => {
      const starting = lab({ rate: 20 * RATE, rtt: RTT, isLost: (n) => n > 50 && n % 4 === 0 })
      for (let i = 0; state(starting)['phase'] === 'startup' && i < 1_000; i++) starting.run(ms(1))
      expect(state(starting)['phase']).to.equal('drain')
      starting.controller.onSpuriousLoss()
      expect(state(starting)).to.include({ phase: 'startup', inflightHigh: -1 })
      const one = lab({ ...COURSE, queue: Infinity }).run(s(3))
      for (let i = 0; state(one)['phase'] !== 'up' && i < 1_000; i++) one.run(ms(5))
      const many = { sentInFlight: 10 * MSS, lostSince: 90 * MSS, persistent: false }
      one.controller.onCongestion(lossSample({ now: one.now, sentAt: one.now, bytes: 90 * MSS, ...many }))
      expect(state(one)['phase']).to.equal('down')
      one.controller.onSpuriousLoss()
      expect(state(one)).to.include({ phase: 'up', inflightHigh: -1 })
    })

    it('that turn out to be none within a round are not counted at its end', () => {
      /** Whether fifteen losses in a row, some time after a cruise began, lower the bounds within two round trips. */
      const isLowered = (after: number, areNone: boolean): boolean => {
        const one = lab({ ...COURSE, queue: Infinity }).run(s(3))
        for (let i = 0; state(one)['phase'] !== 'cruise' && i < 1_000; i++) one.run(ms(5))
        one.run(after)
        const { controller } = one
        const onCongestion = controller.onCongestion.bind(controller)
        let reported = 0
        controller.onCongestion = (loss) => {
          onCongestion(loss)
          if (++reported === 15 && areNone) controller.onSpuriousLoss()
        }
        let left = 15
        one.course = { ...COURSE, queue: Infinity, isLost: () => left-- > 0 }
        let isLow = false
        one.run(3 * RTT, () => (isLow ||= reported >= 15 && number(one, 'inflightLow') !== -1))
        expect(reported).to.equal(15)
        return isLow
      }
      const moments = [0, 10, 20, 30, 40].map(ms)
      expect(moments.filter((after) => isLowered(after, false))).to.not.deep.equal([])
      expect(moments.filter((after) => isLowered(after, true))).to.deep.equal([])
    })

    it('that persist leave the smallest window, and what was learnt of the bandwidth', () => {
      const one = lab().run(s(4))
      const { bandwidth } = state(one)
      one.controller.onCongestion(lossSample({ now: one.now, sentAt: one.now, bytes: MSS, persistent: true }))
      expect(one.controller.window).to.equal(4 * MSS)
      expect(state(one)['bandwidth']).to.equal(bandwidth)
      one.run(4 * RTT)
      expect(one.controller.window).to.be.above(BDP)
    })
  })

  it('starts with the initial window a round trip, however little the first sample says', () => {
    const controller = make()
    const rate = rateSample({ rate: 0.0001, delivered: MSS, priorDelivered: 0 })
    const ack = { now: s(8), sentAt: s(8) - RTT, bytes: MSS, smoothedRtt: RTT, rtt: RTT, appLimited: true, rate }
    controller.onAck(ackSample(ack))
    expect(controller.pacingRate).to.equal((10 * MSS) / RTT)
  })

  it('paces at what it measured, a little below while it cruises', () => {
    const one = lab().run(s(3))
    const rates = new Map<string, number[]>()
    one.run(s(10), () => {
      const { phase } = state(one) as { phase: string }
      rates.set(phase, [...(rates.get(phase) ?? []), one.controller.pacingRate! / number(one, 'bandwidth')])
    })
    const last = (phase: string): number => rates.get(phase)!.at(-1)!
    expect(last('cruise')).to.be.closeTo(0.99, 0.005)
    expect(last('up')).to.be.closeTo(1.25 * 0.99, 0.01)
    expect(last('down')).to.be.closeTo(0.9 * 0.99, 0.01)
  })

  it('keeps the queue short on a path with a deep buffer', () => {
    const one = lab({ ...COURSE, queue: 20 * BDP }).run(s(5))
    one.worstRtt = 0
    one.run(s(10))
    // Two and a quarter bandwidth-delay products while it probes, and what leaves at once.
    expect(one.worstRtt).to.be.below(2.5 * RTT)
  })
})
