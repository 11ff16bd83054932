import { expect } from 'chai'
import { AckTracker } from '../../../../src/core/transport/connection/acks.ts'
import { MAX_ACK_RANGES } from '../../../../src/core/transport/frames.ts'
import { ms } from '../../../helpers/time.ts'

const SRTT = ms(40)
/** Bytes of a packet. */
const SIZE = 1_452
const tracker = (receiveBuffer = 212_992): AckTracker => new AckTracker(ms(25), receiveBuffer)

/** A tracker that has seen the first hundred packets and owes nothing. */
function settled(): AckTracker {
  const acks = tracker()
  for (let n = 0; n < 100; n++) acks.onPacket(0, n, true, SRTT, SIZE)
  acks.onAckSent()
  return acks
}

describe('transport/connection/acks', () => {
  it('owes nothing at first', () => {
    const acks = tracker()
    expect(acks.largest).to.equal(-1)
    expect(acks.deadline).to.equal(undefined)
    expect(acks.isWaiting).to.equal(false)
    expect(acks.ranges).to.deep.equal([])
    expect(acks.isDuplicate(0)).to.equal(false)
  })

  it('acknowledges every second packet at once while a link is young', () => {
    const acks = tracker()
    acks.onPacket(10, 0, true, SRTT, SIZE)
    expect(acks.deadline).to.equal(10 + ms(10))
    acks.onPacket(20, 1, true, SRTT, SIZE)
    expect(acks.deadline).to.equal(20)
  })

  it('acknowledges every eighth packet once a link runs', () => {
    const acks = settled()
    for (let n = 100; n < 107; n++) acks.onPacket(1_000 + n, n, true, SRTT, SIZE)
    expect(acks.deadline).to.equal(1_100 + ms(10))
    acks.onPacket(2_000, 107, true, SRTT, SIZE)
    expect(acks.deadline).to.equal(2_000)
  })

  it('lets more bytes come where the socket holds more', () => {
    const acks = tracker(8 * 1_048_576)
    for (let n = 0; n < 200; n++) {
      acks.onPacket(0, n, true, ms(1), 100)
      if (acks.deadline === 0) acks.onAckSent()
    }
    acks.onAckSent()
    const due = [1, 2, 3, 4, 5].map((n) => {
      acks.onPacket(0, 199 + n, true, ms(1), 60_000)
      return acks.deadline === 0
    })
    expect(due).to.deep.equal([false, false, false, false, true])
  })

  it('acknowledges as many bytes of larger packets at once: few of them fill the window of a receiver that can hold little', () => {
    const acks = settled()
    acks.onPacket(1_000, 100, true, SRTT, 60_000)
    expect(acks.deadline).to.equal(1_000)
    acks.onAckSent()
    acks.onPacket(2_000, 101, true, SRTT, 4 * SIZE)
    expect(acks.deadline).to.equal(2_000 + ms(10))
    acks.onPacket(3_000, 102, true, SRTT, 4 * SIZE)
    expect(acks.deadline).to.equal(3_000)
  })

  it('waits a quarter of the round trip, at least a millisecond and at most what was promised', () => {
    for (const [srtt, wait] of [
      [ms(40), ms(10)],
      [ms(1), ms(1)],
      [10, ms(1)],
      [ms(400), ms(25)],
    ] as const) {
      const acks = tracker()
      acks.onPacket(0, 0, true, srtt, SIZE)
      expect(acks.deadline).to.equal(wait)
    }
  })

  it('does not put the deadline off when more comes', () => {
    const acks = settled()
    acks.onPacket(1_000, 100, true, SRTT, SIZE)
    acks.onPacket(5_000, 101, true, SRTT, SIZE)
    expect(acks.deadline).to.equal(1_000 + ms(10))
  })

  it('acknowledges a gap at once, and what fills it', () => {
    const acks = settled()
    acks.onPacket(1_000, 101, true, SRTT, SIZE)
    expect(acks.deadline).to.equal(1_000)
    acks.onAckSent()
    acks.onPacket(2_000, 100, true, SRTT, SIZE)
    expect(acks.deadline).to.equal(2_000)
  })

  it('owes nothing for packets that ask for nothing, but acknowledges them along the way', () => {
    const acks = settled()
    acks.onPacket(1_000, 100, false, SRTT, SIZE)
    acks.onPacket(1_000, 105, false, SRTT, SIZE)
    expect(acks.deadline).to.equal(undefined)
    expect(acks.isWaiting).to.equal(false)
    expect(acks.ranges).to.deep.equal([
      { start: 0, end: 101 },
      { start: 105, end: 106 },
    ])
  })

  it('owes nothing any more once an ACK went', () => {
    const acks = tracker()
    acks.onPacket(0, 0, true, SRTT, SIZE)
    expect(acks.isWaiting).to.equal(true)
    acks.onAckSent()
    expect(acks.isWaiting).to.equal(false)
    expect(acks.deadline).to.equal(undefined)
  })

  it('reports how long ago the largest packet came, and not a later, smaller one', () => {
    const acks = tracker()
    acks.onPacket(1_000, 5, true, SRTT, SIZE)
    acks.onPacket(3_000, 4, true, SRTT, SIZE)
    expect(acks.largest).to.equal(5)
    expect(acks.delay(4_000)).to.equal(3_000)
    expect(acks.delay(500)).to.equal(0)
  })

  it('knows every packet it has seen', () => {
    const acks = tracker()
    for (const n of [0, 1, 5, 3]) acks.onPacket(0, n, true, SRTT, SIZE)
    expect([0, 1, 2, 3, 4, 5, 6].filter((n) => acks.isDuplicate(n))).to.deep.equal([0, 1, 3, 5])
  })

  it('keeps as many ranges as an ACK may carry, and takes what lies below for seen', () => {
    const acks = tracker()
    for (let i = 0; i < 1_000; i++) acks.onPacket(0, i * 2, true, SRTT, SIZE)
    expect(acks.ranges).to.have.length(MAX_ACK_RANGES)
    const floor = acks.ranges[0]!.start
    expect(floor).to.equal(2_000 - 2 * MAX_ACK_RANGES)
    expect(acks.isDuplicate(floor - 1)).to.equal(true)
    expect(acks.isDuplicate(0)).to.equal(true)
    expect(acks.isDuplicate(floor + 1)).to.equal(false)
  })

  it('never takes a forgotten packet for new, even after gaps close', () => {
    const acks = tracker()
    for (let i = 0; i < 40; i++) acks.onPacket(0, i * 2, true, SRTT, SIZE)
    for (let n = 79; n >= 17; n -= 2) acks.onPacket(0, n, true, SRTT, SIZE)
    expect(acks.ranges).to.have.length(1)
    for (let n = 0; n < 80; n++) expect(acks.isDuplicate(n), String(n)).to.equal(true)
  })
})
