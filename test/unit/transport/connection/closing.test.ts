import { expect } from 'chai'
import { Closing } from '../../../../src/core/transport/connection/closing.ts'
import type { ClosedEvent } from '../../../../src/core/transport/connection/events.ts'
import { ms, s } from '../../../helpers/time.ts'

const event: ClosedEvent = { type: 'closed', kind: 'local', code: 1, reason: 'done' }
const started = (tellPeer: boolean, pto = ms(50)): Closing => {
  const closing = new Closing()
  closing.start(s(1), event, pto, tellPeer)
  return closing
}

describe('transport/connection/closing', () => {
  it('is not closed before it starts', () => {
    const closing = new Closing()
    expect([closing.isClosed, closing.isDrained, closing.takePacketDue()]).to.deep.equal([false, false, false])
    expect(closing.event).to.equal(undefined)
  })

  it('has one packet to send at once, and remembers why', () => {
    const closing = started(true)
    expect(closing.isClosed).to.equal(true)
    expect(closing.event).to.equal(event)
    expect(closing.takePacketDue()).to.equal(true)
    expect(closing.takePacketDue()).to.equal(false)
  })

  for (const [pto, until] of [
    [ms(50), s(11)],
    [s(5), s(16)],
  ] as const) {
    it(`is drained when the peer had time to hear: ${until - s(1)} µs with a probe timeout of ${pto} µs`, () => {
      const closing = started(true, pto)
      expect(closing.pollTimeout()).to.equal(until)
      closing.handleTimeout(until - 1)
      expect(closing.isDrained).to.equal(false)
      closing.handleTimeout(until)
      expect(closing.isDrained).to.equal(true)
      expect(closing.pollTimeout()).to.equal(undefined)
    })
  }

  it('is drained at once when there is nobody to tell', () => {
    const closing = started(false)
    expect([closing.isClosed, closing.isDrained, closing.takePacketDue()]).to.deep.equal([true, true, false])
    closing.onPacket()
    expect(closing.takePacketDue()).to.equal(false)
    expect(closing.pollTimeout()).to.equal(undefined)
  })

  it('answers a peer that goes on talking, one packet for each, eight at most', () => {
    const closing = started(true)
    let packets = closing.takePacketDue() ? 1 : 0
    for (let i = 0; i < 100; i++) {
      closing.onPacket()
      closing.onPacket()
      if (closing.takePacketDue()) packets++
    }
    expect(packets).to.equal(1 + 4)
    const other = started(true)
    packets = other.takePacketDue() ? 1 : 0
    for (let i = 0; i < 100; i++) {
      other.onPacket()
      if (other.takePacketDue()) packets++
    }
    expect(packets).to.equal(1 + 8)
  })

  it('answers nobody once it is drained', () => {
    const closing = started(true)
    closing.takePacketDue()
    closing.handleTimeout(s(11))
    closing.onPacket()
    expect(closing.takePacketDue()).to.equal(false)
  })
})
