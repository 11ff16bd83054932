import { expect } from 'chai'
import { Cubic } from '../../../../src/core/transport/congestion/cubic.ts'
import { ackSample, lossSample } from '../../../helpers/samples.ts'
import { ms, s } from '../../../helpers/time.ts'

const MSS = 1_200
const BETA = 0.7
const C = 0.4

/** Acknowledges one window a round trip until `until`. @returns the time afterwards. */
function run(cubic: Cubic, from: number, until: number, rtt: number): number {
  let now = from
  while (now < until) {
    now += rtt
    for (let left = cubic.window; left > 0; left -= MSS) {
      cubic.onAck(
        ackSample({ now, sentAt: now - rtt + 1, bytes: Math.min(MSS, left), smoothedRtt: rtt, appLimited: false }),
      )
    }
  }
  return now
}

/** A controller whose window was `packets` datagrams when it lost, at time 0. */
function lostAt(packets: number): Cubic {
  const cubic = new Cubic({ datagramSize: MSS })
  cubic.onAck(ackSample({ now: -1, sentAt: -1, bytes: (packets - 10) * MSS, smoothedRtt: 1, appLimited: false }))
  expect(cubic.window).to.equal(packets * MSS)
  cubic.onCongestion(lossSample({ now: 0, sentAt: -1, bytes: MSS, persistent: false }))
  return cubic
}

describe('transport/congestion/cubic', () => {
  it('doubles its window every round trip in slow start', () => {
    const cubic = new Cubic({ datagramSize: MSS })
    for (const expected of [24_000, 48_000, 96_000]) {
      run(cubic, 0, 1, ms(10))
      expect(cubic.window).to.equal(expected)
    }
  })

  it('keeps 0.7 of the window after a loss', () => {
    expect(lostAt(1_000).window).to.equal(1_000 * MSS * BETA)
  })

  it('is back at the window of the loss after K seconds: cbrt((Wmax - cwnd) / C)', () => {
    const k = Math.cbrt((1_000 * (1 - BETA)) / C)
    const rtt = ms(100)
    const cubic = lostAt(1_000)
    const now = run(cubic, 0, s(k - 0.5), rtt)
    expect(cubic.window / MSS).to.be.within(990, 1_000)
    run(cubic, now, s(k + 0.5), rtt)
    expect(cubic.window / MSS).to.be.within(999, 1_005)
  })

  it('is concave before the plateau, flat on it and convex after it', () => {
    const cubic = lostAt(1_000)
    const rtt = ms(100)
    const windows: number[] = []
    let now = 0
    for (let second = 1; second <= 18; second++) {
      now = run(cubic, now, s(second), rtt)
      windows.push(cubic.window / MSS)
    }
    const growth = windows.slice(1).map((window, i) => window - windows[i]!)
    expect(growth[0]!).to.be.above(growth[3]!)
    expect(growth[3]!).to.be.above(growth[7]!)
    expect(growth[7]!).to.be.below(2)
    expect(growth[16]!).to.be.above(growth[12]!)
    expect(growth[12]!).to.be.above(growth[9]!)
  })

  it('follows C * (t - K)^3 + Wmax, whatever the round trip', () => {
    const k = Math.cbrt(300 / C)
    for (const rtt of [ms(20), ms(50), ms(100)]) {
      const cubic = lostAt(1_000)
      const now = run(cubic, 0, s(5), rtt)
      const expected = C * (now / 1e6 - k) ** 3 + 1_000
      expect(cubic.window / MSS).to.be.closeTo(expected, 15)
    }
  })

  it('aims at the curve one round trip ahead', () => {
    const cubic = lostAt(1_000)
    const rtt = ms(200)
    cubic.onAck(ackSample({ now: 1, sentAt: 1, bytes: MSS, smoothedRtt: rtt, appLimited: false }))
    const target = C * (0.2 - Math.cbrt(300 / C)) ** 3 + 1_000
    expect(cubic.window / MSS).to.be.closeTo(700 + (target - 700) / 700, 0.001)
  })

  it('grows by at most half of its window in a round trip, however far up the curve is', () => {
    const cubic = lostAt(1_000)
    cubic.onAck(ackSample({ now: 1, sentAt: 1, bytes: MSS, smoothedRtt: ms(100), appLimited: false }))
    const before = cubic.window
    let left = before
    for (; left > 0; left -= MSS) {
      cubic.onAck(ackSample({ now: s(60), sentAt: s(59.9), bytes: MSS, smoothedRtt: ms(100), appLimited: false }))
    }
    expect(cubic.window / before).to.be.within(1.4, 1.7)
  })

  it('does no worse than Reno where the window is small and the round trip short', () => {
    const cubic = lostAt(10)
    const rtt = ms(1)
    run(cubic, 0, ms(100), rtt)
    // One round trip adds 3 * (1 - 0.7) / (1 + 0.7) = 0.53 datagrams.
    expect(cubic.window / MSS).to.be.closeTo(7 + 100 * 0.53, 8)
  })

  it('makes room for others when it loses below its last maximum', () => {
    const cubic = lostAt(1_000)
    cubic.onCongestion(lossSample({ now: s(1), sentAt: s(0.5), bytes: MSS, persistent: false }))
    expect(cubic.snapshot()['windowMax']).to.equal(Math.floor(700 * MSS * ((1 + BETA) / 2)))
    const fair = lostAt(1_000)
    run(fair, 0, s(12), ms(100))
    const before = fair.window
    fair.onCongestion(lossSample({ now: s(20), sentAt: s(19), bytes: MSS, persistent: false }))
    expect(fair.snapshot()['windowMax']).to.be.closeTo(before, 1)
  })

  it('returns to slow start after persistent congestion, up to the window of the loss', () => {
    const cubic = lostAt(1_000)
    cubic.onCongestion(lossSample({ now: s(1), sentAt: s(0.9), bytes: MSS, persistent: true }))
    expect(cubic.window).to.equal(2 * MSS)
    expect(cubic.isSlowStart).to.equal(true)
    expect(cubic.snapshot()['threshold']).to.equal(Math.floor(1_000 * MSS * BETA * BETA))
    run(cubic, s(1), s(1) + 3, 1)
    expect(cubic.window).to.equal(16 * MSS)
  })

  it('does not count the time in which the application had nothing to send (RFC 9438 section 5.8)', () => {
    const busy = lostAt(1_000)
    const idle = lostAt(1_000)
    const rtt = ms(100)
    let now = run(busy, 0, s(3), rtt)
    run(idle, 0, s(3), rtt)
    expect(idle.window).to.equal(busy.window)
    // One side says nothing for a minute, but for a heartbeat now and then.
    const pause = s(60)
    for (let at = now; at <= now + pause; at += s(1)) {
      idle.onAck(ackSample({ now: at, sentAt: at - rtt, bytes: 40, smoothedRtt: rtt, appLimited: true }))
    }
    run(busy, now, now + s(2), rtt)
    now = run(idle, now + pause, now + pause + s(2), rtt)
    expect(idle.window / MSS).to.be.closeTo(busy.window / MSS, 3)
  })

  it('takes a larger datagram size for its smallest window', () => {
    const cubic = new Cubic({ datagramSize: MSS })
    cubic.onDatagramSize(60_000)
    expect(cubic.window).to.equal(120_000)
    cubic.onDatagramSize(MSS)
    cubic.onCongestion(lossSample({ now: 1, sentAt: 0, bytes: MSS, persistent: true }))
    expect(cubic.window).to.equal(2 * MSS)
  })
})
