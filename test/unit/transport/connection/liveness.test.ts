import { expect } from 'chai'
import { Liveness } from '../../../../src/core/transport/connection/liveness.ts'
import { ms, s } from '../../../helpers/time.ts'

const IDLE = s(30)

/** Serves the timer until the link is dead. @returns when it pinged and when it died. */
function silence(liveness: Liveness): { pings: number[]; deadAt: number } {
  const pings: number[] = []
  for (let i = 0; i < 1_000; i++) {
    const at = liveness.pollTimeout()
    const verdict = liveness.handleTimeout(at)
    if (verdict === 'dead') return { pings, deadAt: at }
    if (verdict === 'ping') pings.push(at)
  }
  throw new Error('it never dies')
}

describe('transport/connection/liveness', () => {
  it('pings twice in silence and is dead at the idle timeout', () => {
    expect(silence(new Liveness(0, IDLE))).to.deep.equal({ pings: [s(10), s(20)], deadAt: IDLE })
  })

  it('starts over with everything that is heard', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.onHeard(s(9))
    expect(liveness.pollTimeout()).to.equal(s(19))
    expect(silence(liveness)).to.deep.equal({ pings: [s(19), s(29)], deadAt: s(39) })
  })

  it('asks early, and ever more seldom, after a flow that stopped: the way back may have moved', () => {
    const liveness = new Liveness(0, IDLE)
    for (let i = 1; i <= 100; i++) liveness.onHeard(ms(10 * i))
    expect(silence(liveness)).to.deep.equal({ pings: [s(2), s(4), s(8), s(16), s(26)], deadAt: s(31) })
  })

  it('asks once when the flow was over and the peer says that it is there', () => {
    const liveness = new Liveness(0, IDLE)
    for (let i = 1; i <= 100; i++) liveness.onHeard(ms(10 * i))
    expect(liveness.handleTimeout(s(2))).to.equal('ping')
    liveness.onHeard(s(2) + ms(20))
    expect(liveness.pollTimeout()).to.equal(s(12) + ms(20))
  })

  it('takes a few words for no flow', () => {
    const liveness = new Liveness(0, IDLE)
    for (let i = 1; i <= 10; i++) liveness.onHeard(ms(10 * i))
    expect(liveness.pollTimeout()).to.equal(s(10) + ms(100))
  })

  it('does nothing when its timer is called early', () => {
    const liveness = new Liveness(0, IDLE)
    expect(liveness.handleTimeout(s(10) - 1)).to.equal(undefined)
    expect(liveness.pollTimeout()).to.equal(s(10))
  })

  it('is dead three seconds after a probe that nothing answers', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.probe(s(5))
    expect(silence(liveness)).to.deep.equal({ pings: [], deadAt: s(8) })
  })

  it('forgets the probe when something is heard', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.probe(s(5))
    liveness.onHeard(s(6))
    expect(silence(liveness).deadAt).to.equal(s(36))
  })

  it('does not let a second probe put the first one off', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.probe(s(5))
    liveness.probe(s(7))
    expect(silence(liveness).deadAt).to.equal(s(8))
  })

  it('never outlives the idle timeout for a probe', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.probe(s(29))
    expect(silence(liveness).deadAt).to.equal(IDLE)
  })

  it('gives the peer three seconds after the machine slept, and pings at once', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.onSuspend(s(3_600))
    expect(liveness.handleTimeout(s(3_600))).to.equal('ping')
    expect(silence(liveness).deadAt).to.equal(s(3_603))
  })

  it('does not shorten the life of a link that was heard just before it slept', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.onHeard(s(100))
    liveness.onSuspend(s(105))
    expect(liveness.handleTimeout(s(105))).to.equal('ping')
    expect(silence(liveness).deadAt).to.equal(s(130))
  })

  it('gives a probe that was under way its time again', () => {
    const liveness = new Liveness(0, IDLE)
    liveness.probe(s(1))
    liveness.onSuspend(s(60))
    expect(silence(liveness).deadAt).to.equal(s(63))
  })

  it('keeps its timer ahead for every idle timeout that can be agreed', () => {
    for (const idle of [s(1), 1_000_001, s(600)]) {
      const { pings, deadAt } = silence(new Liveness(0, idle))
      expect(pings.length).to.be.within(2, 3)
      expect(deadAt).to.equal(idle)
    }
  })
})
