import { expect } from 'chai'
import { Fast } from '../../../../src/core/transport/congestion/fast.ts'
import { ControllerLab } from '../../../helpers/controller-lab.ts'
import { ackSample, lossSample, rateSample } from '../../../helpers/samples.ts'
import { ms, s } from '../../../helpers/time.ts'

const MSS = 1_200
const RTT = ms(50)
const ALPHA = 8 * MSS
const RATE = 10 / 8

/** One round trip of `rtt` with the window full. */
const round = (fast: Fast, n: number, rtt: number, bytes = MSS): void =>
  fast.onAck(
    ackSample({
      now: s(n),
      sentAt: s(n) - rtt,
      bytes,
      smoothedRtt: rtt,
      rtt,
      appLimited: false,
      rate: rateSample({ priorDelivered: n * 1_000, delivered: n * 1_000 + 1_000 }),
    }),
  )

describe('transport/congestion/fast', () => {
  it('moves halfway to w * baseRTT / RTT + alpha once a round trip', () => {
    const fast = new Fast({ datagramSize: MSS })
    round(fast, 1, RTT, 100_000)
    const before = fast.window
    // The queue is as long as the path: slow start ends.
    round(fast, 2, 2 * RTT, 0)
    expect(fast.isSlowStart).to.equal(false)
    expect(fast.window).to.be.closeTo(0.5 * before + 0.5 * (0.5 * before + ALPHA), 1)
    const after = fast.window
    round(fast, 3, RTT, 0)
    expect(fast.window, 'no queue: alpha more, by half').to.be.closeTo(after + ALPHA / 2, 1)
  })

  it('changes nothing twice in one round trip', () => {
    const fast = new Fast({ datagramSize: MSS })
    round(fast, 1, RTT, 100_000)
    round(fast, 2, 2 * RTT, 0)
    const { window } = fast
    for (let i = 0; i < 10; i++) {
      const rate = rateSample({ priorDelivered: 2_000 + i, delivered: 3_000 })
      fast.onAck(
        ackSample({ now: s(3), sentAt: s(2), bytes: 1, smoothedRtt: RTT, rtt: 2 * RTT, appLimited: false, rate }),
      )
    }
    expect(fast.window).to.equal(window)
  })

  it('keeps eight datagrams queued: neither more nor less', () => {
    const lab = new ControllerLab(new Fast({ datagramSize: MSS }), MSS, { rate: RATE, rtt: RTT }).run(s(20))
    expect(lab.controller.window).to.be.closeTo(RATE * RTT + ALPHA, 2 * MSS)
    lab.worstRtt = 0
    const before = lab.delivered
    lab.run(s(10))
    expect((lab.delivered - before) / (RATE * s(10))).to.be.above(0.99)
    expect(lab.worstRtt).to.be.below(RTT + (ALPHA + 3 * MSS) / RATE)
  })

  it('halves its window once for a loss, and takes that back when it was none', () => {
    const fast = new Fast({ datagramSize: MSS })
    round(fast, 1, RTT, 100_000)
    const before = fast.window
    fast.onCongestion(lossSample({ now: s(2), sentAt: s(1), bytes: MSS, persistent: false }))
    expect(fast.window).to.equal(before / 2)
    fast.onSpuriousLoss()
    expect(fast.window).to.equal(before)
  })
})
