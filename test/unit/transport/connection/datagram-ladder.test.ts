import { expect } from 'chai'
import { DatagramLadder } from '../../../../src/core/transport/connection/datagram-ladder.ts'
import { ms, s } from '../../../helpers/time.ts'

/** A ladder on which a full datagram has left, so that it climbs. */
const ladder = (isNear = false, max = 65_527): DatagramLadder => {
  const rungs = new DatagramLadder({ kind: isNear ? 'near' : 'far', max })
  rungs.onFull(0)
  return rungs
}

/** Climbs as far as probes of at most `mtu` bytes arrive. @returns the sizes tried. */
function climb(rungs: DatagramLadder, now = 0, mtu = Infinity): number[] {
  const tried: number[] = []
  for (let size = rungs.takeProbe(now); size !== undefined; size = rungs.takeProbe(now)) {
    tried.push(size)
    if (size <= mtu) rungs.onProbeAcked(now)
    else rungs.onProbeLost(now)
  }
  return tried
}

/** Loses datagrams of the ladder's size until it comes down. @returns how many that took. */
function fall(rungs: DatagramLadder, now: number, between: (n: number) => void = () => {}): number {
  const { size } = rungs
  for (let n = 1; n < 10_000; n++) {
    if (rungs.onLost(now, size) !== undefined) return n
    between(n)
  }
  return Infinity
}

describe('transport/connection/datagram-ladder', () => {
  it('is not climbed while no datagram was full: a link that only chats is never probed', () => {
    const rungs = new DatagramLadder({ kind: 'near', max: 65_527 })
    expect(rungs.takeProbe(s(1))).to.equal(undefined)
    expect(rungs.pollTimeout()).to.equal(undefined)
    rungs.onFull(s(2))
    expect(rungs.takeProbe(s(2))).to.equal(1_452)
  })

  it('leaves room for the framing of a relay', () => {
    const rungs = new DatagramLadder({ kind: 'relayed', max: 65_527 })
    rungs.onFull(0)
    expect(climb(rungs)).to.deep.equal([1_443])
  })

  it('starts at 1,200 bytes and climbs rung by rung, to 1,452 far away and to 60,000 nearby', () => {
    expect(ladder().size).to.equal(1_200)
    expect(climb(ladder())).to.deep.equal([1_452])
    const near = ladder(true)
    expect(climb(near)).to.deep.equal([1_452, 16_000, 60_000])
    expect(near.size).to.equal(60_000)
    expect(near.pollTimeout()).to.equal(undefined)
  })

  it('tries nothing that the peer does not take', () => {
    expect(climb(ladder(true, 1_451))).to.deep.equal([])
    expect(ladder(true, 1_451).pollTimeout()).to.equal(undefined)
    expect(climb(ladder(true, 16_000))).to.deep.equal([1_452, 16_000])
  })

  it('has one probe on its way at a time', () => {
    const rungs = ladder()
    expect(rungs.takeProbe(0)).to.equal(1_452)
    expect(rungs.takeProbe(0)).to.equal(undefined)
    expect(rungs.pollTimeout()).to.equal(undefined)
    rungs.onProbeLost(5)
    expect(rungs.pollTimeout()).to.equal(5)
    expect(rungs.takeProbe(5)).to.equal(1_452)
  })

  it('gives a size up after three lost probes, and tries again after 5 s, 10 s, 20 s and at most 10 min', () => {
    const rungs = ladder()
    const waits: number[] = []
    let now = 0
    for (let i = 0; i < 10; i++) {
      expect(climb(rungs, now, 1_200)).to.deep.equal([1_452, 1_452, 1_452])
      waits.push(rungs.pollTimeout()! - now)
      expect(rungs.takeProbe(rungs.pollTimeout()! - 1)).to.equal(undefined)
      now = rungs.pollTimeout()!
    }
    expect(waits).to.deep.equal([5, 10, 20, 40, 80, 160, 320, 600, 600, 600].map(s))
    expect(climb(rungs, now)).to.deep.equal([1_452])
    expect(rungs.size).to.equal(1_452)
  })

  it('takes eight full datagrams lost in a row for a black hole, and starts from below', () => {
    const rungs = ladder(true)
    climb(rungs)
    expect(fall(rungs, s(1))).to.equal(8)
    expect(rungs.size).to.equal(1_200)
    expect(rungs.pollTimeout()).to.equal(s(6))
    expect(climb(rungs, s(6), 1_452)).to.deep.equal([1_452, 16_000, 16_000, 16_000])
  })

  it('takes two probe timeouts in a row for one too', () => {
    const rungs = ladder()
    climb(rungs)
    expect(rungs.onProbeTimeout(s(1), 1)).to.equal(undefined)
    expect(rungs.onProbeTimeout(s(1), 2)).to.equal(1_200)
    expect(rungs.onProbeTimeout(s(1), 3), 'there is nothing below').to.equal(undefined)
  })

  it('leaves the upper rungs for eight losses among fewer than 256 datagrams, but only for the highest that is whole', () => {
    const rungs = ladder(true)
    climb(rungs)
    expect(fall(rungs, s(1), () => rungs.onAcked(60_000))).to.equal(8)
    expect(rungs.size).to.equal(1_452)
  })

  it('stays on an upper rung when losses are rare', () => {
    const rungs = ladder(true)
    climb(rungs)
    for (let i = 0; i < 100; i++) {
      expect(rungs.onLost(ms(i), 60_000)).to.equal(undefined)
      for (let n = 0; n < 40; n++) rungs.onAcked(60_000)
    }
    expect(rungs.size).to.equal(60_000)
  })

  it('does not leave 1,452 bytes for losses that others arrive between', () => {
    const rungs = ladder()
    climb(rungs)
    for (let i = 0; i < 1_000; i++) {
      for (let n = 0; n < 7; n++) expect(rungs.onLost(ms(i), 1_452)).to.equal(undefined)
      rungs.onAcked(1_452)
    }
    expect(rungs.size).to.equal(1_452)
  })

  it('learns nothing from datagrams that would have fitted the rung below', () => {
    const rungs = ladder()
    climb(rungs)
    for (let n = 0; n < 100; n++) expect(rungs.onLost(0, 1_200)).to.equal(undefined)
    for (let n = 0; n < 7; n++) rungs.onLost(0, 1_300)
    rungs.onAcked(900)
    expect(rungs.onLost(0, 1_300)).to.equal(1_200)
  })

  it('loses nothing below its lowest rung', () => {
    const rungs = ladder()
    for (let n = 0; n < 100; n++) expect(rungs.onLost(0, 1_200)).to.equal(undefined)
  })
})
