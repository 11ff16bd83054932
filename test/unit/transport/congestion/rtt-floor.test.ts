import { expect } from 'chai'
import { RttFloor } from '../../../../src/core/transport/congestion/rtt-floor.ts'
import { ms, s } from '../../../helpers/time.ts'

describe('transport/congestion/rtt-floor', () => {
  it('is unknown, and nothing is due, before the first sample', () => {
    const floor = new RttFloor()
    expect(floor.onAck(ms(1), undefined)).to.equal(false)
    expect(floor.min).to.equal(0)
  })

  it('follows a shorter round trip at once, and a longer one when ten seconds have shown nothing shorter', () => {
    const floor = new RttFloor()
    floor.onAck(s(1), ms(50))
    floor.onAck(s(2), ms(40))
    expect(floor.min).to.equal(ms(40))
    for (let at = 3; at <= 12; at++) floor.onAck(s(at), ms(80))
    expect(floor.min).to.equal(ms(40))
    floor.onAck(s(13), ms(80))
    expect(floor.min).to.equal(ms(80))
  })

  it('is due for a look when the queue has not been empty for five seconds', () => {
    const floor = new RttFloor()
    floor.onAck(s(1), ms(40))
    expect(floor.onAck(s(6), ms(60))).to.equal(false)
    expect(floor.onAck(s(6) + 1, ms(60))).to.equal(true)
    expect(floor.onAck(s(6) + 2, ms(60)), 'once').to.equal(false)
  })

  it('is not due while round trips are within five in a hundred of the smallest, or after a look', () => {
    const floor = new RttFloor()
    floor.onAck(s(1), ms(40))
    for (let at = 2; at < 30; at++) expect(floor.onAck(s(at), ms(42))).to.equal(false)
    floor.onDrained(s(32))
    expect(floor.onAck(s(36), ms(60))).to.equal(false)
    expect(floor.onAck(s(37) + 1, ms(60))).to.equal(true)
  })
})
