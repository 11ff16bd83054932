import { expect } from 'chai'
import { HyStart } from '../../../../src/core/transport/congestion/hystart.ts'
import { rateSample } from '../../../helpers/samples.ts'
import { ms } from '../../../helpers/time.ts'

/** Runs rounds whose round trips are given, with `samples` ACKs each. */
function rounds(hystart: HyStart, from: number, rtts: readonly number[], samples = 8): void {
  rtts.forEach((rtt, i) => {
    const start = (from + i) * 1_000
    for (let n = 0; n < samples; n++) {
      hystart.onAck(rtt, rateSample({ priorDelivered: n === 0 ? start : start + n, delivered: start + 1_000 }))
    }
  })
}

describe('transport/congestion/hystart', () => {
  it('lets growth be while round trips stay as they are', () => {
    const hystart = new HyStart()
    rounds(hystart, 0, Array<number>(30).fill(ms(50)))
    expect([hystart.divisor, hystart.isDone]).to.deep.equal([1, false])
  })

  it('slows growth down when a round is longer by an eighth, and ends it five rounds later', () => {
    const hystart = new HyStart()
    rounds(hystart, 0, [ms(80), ms(80), ms(91)])
    expect([hystart.divisor, hystart.isDone]).to.deep.equal([4, false])
    rounds(hystart, 3, Array<number>(4).fill(ms(91)))
    expect(hystart.isDone).to.equal(false)
    rounds(hystart, 7, [ms(91)])
    expect(hystart.isDone).to.equal(true)
  })

  it('resumes growth when the round trips fall back: it was noise', () => {
    const hystart = new HyStart()
    rounds(hystart, 0, [ms(80), ms(91), ms(91), ms(80)])
    expect([hystart.divisor, hystart.isDone]).to.deep.equal([1, false])
  })

  it('takes at least 4 ms for a rise, and 16 ms always', () => {
    const near = new HyStart()
    rounds(near, 0, [ms(8), ms(11.9)])
    expect(near.divisor).to.equal(1)
    rounds(near, 2, [ms(15.9)])
    expect(near.divisor).to.equal(4)
    const far = new HyStart()
    rounds(far, 0, [ms(800), ms(815)])
    expect(far.divisor).to.equal(1)
    rounds(far, 2, [ms(831)])
    expect(far.divisor).to.equal(4)
  })

  it('judges no round by fewer than eight samples', () => {
    const hystart = new HyStart()
    rounds(hystart, 0, [ms(50), ms(90), ms(130)], 7)
    expect(hystart.divisor).to.equal(1)
    for (let i = 0; i < 100; i++) hystart.onAck(undefined, rateSample({ delivered: 1 }))
    expect(hystart.divisor).to.equal(1)
  })
})
