import { expect } from 'chai'
import { LossJudge } from '../../../../src/core/transport/congestion/loss-judge.ts'
import { ms } from '../../../helpers/time.ts'

const MSS = 1_000
const RTT = ms(50)

/** After `rounds` round trips of that RTT in which `lost` of 100 packets were lost each. */
function judge({ rtt, lost = 0, rounds = 100 }: { rtt: number; lost?: number; rounds?: number }): LossJudge {
  const one = new LossJudge(MSS)
  for (let i = 0; i < rounds; i++) {
    one.onAck(rtt, RTT)
    one.onRoundEnd(lost * MSS, 100 * MSS, rtt)
  }
  return one
}

describe('transport/congestion/loss-judge', () => {
  it('holds a standing queue to the threshold of two in a hundred', () => {
    const one = judge({ rtt: 1.5 * RTT })
    expect(one.isTooMuch(1 * MSS, 50 * MSS)).to.equal(false)
    expect(one.isTooMuch(2 * MSS, 50 * MSS)).to.equal(true)
  })

  it('wants more than chance while packets come straight through', () => {
    const one = judge({ rtt: 1.1 * RTT })
    expect(one.isTooMuch(2 * MSS, 50 * MSS)).to.equal(false)
    expect(one.isTooMuch(5 * MSS, 50 * MSS)).to.equal(false)
    expect(one.isTooMuch(6 * MSS, 50 * MSS)).to.equal(true)
    // Many packets scatter less.
    expect(one.isTooMuch(30 * MSS, 1_000 * MSS)).to.equal(false)
    expect(one.isTooMuch(40 * MSS, 1_000 * MSS)).to.equal(true)
  })

  it('needs one packet of the round that came straight through to see that no queue stands', () => {
    const one = judge({ rtt: 1.5 * RTT })
    one.onAck(1.5 * RTT, RTT)
    expect(one.isTooMuch(2 * MSS, 50 * MSS)).to.equal(true)
    one.onAck(RTT, RTT)
    expect(one.isTooMuch(2 * MSS, 50 * MSS)).to.equal(false)
    one.onRoundEnd(0, 50 * MSS, 1.5 * RTT)
    expect(one.isTooMuch(2 * MSS, 50 * MSS)).to.equal(true)
  })

  it('takes nothing for a queue before it has seen a round trip, or in a round that gave no sample', () => {
    const one = new LossJudge(MSS)
    expect(one.isTooMuch(2 * MSS, 50 * MSS)).to.equal(false)
    one.onAck(undefined, Infinity)
    one.onRoundEnd(0, 0, undefined)
    one.onAck(undefined, RTT)
    expect(one.isTooMuch(2 * MSS, 50 * MSS)).to.equal(false)
    expect(one.randomShare).to.equal(0)
  })

  it('learns what a path loses anyway, and lets a standing queue lose so much more', () => {
    const one = judge({ rtt: RTT, lost: 1 })
    expect(one.randomShare).to.be.closeTo(0.01, 0.0001)
    one.onAck(1.5 * RTT, RTT)
    one.onRoundEnd(0, 100 * MSS, 1.5 * RTT)
    expect(one.isTooMuch(2.9 * MSS, 100 * MSS)).to.equal(false)
    expect(one.isTooMuch(3.1 * MSS, 100 * MSS)).to.equal(true)
  })

  it('learns nothing from a queue, and no more than the threshold from an outage', () => {
    expect(judge({ rtt: 1.5 * RTT, lost: 10 }).randomShare).to.equal(0)
    expect(judge({ rtt: RTT, lost: 90 }).randomShare).to.be.closeTo(0.02, 0.0001)
    expect(judge({ rtt: RTT, lost: 90, rounds: 1 }).randomShare).to.be.below(0.002)
  })

  it('forgets what a path lost when it loses no more', () => {
    const one = judge({ rtt: RTT, lost: 1 })
    for (let i = 0; i < 100; i++) one.onRoundEnd(0, 100 * MSS, RTT)
    expect(one.randomShare).to.be.below(0.0001)
  })

  it('counts packets of the size that the path carries now', () => {
    const one = judge({ rtt: RTT })
    one.datagramSize = 10 * MSS
    expect(one.isTooMuch(10 * MSS, 50 * MSS)).to.equal(false)
  })
})
