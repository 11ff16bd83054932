import { expect } from 'chai'
import { createCubic } from '../../../../src/core/transport/congestion/cubic.ts'
import { Path, type PathInit } from '../../../../src/core/transport/connection/path.ts'
import type { Carried } from '../../../../src/core/transport/recovery/loss-detector.ts'
import { LOCAL_PARAMETERS } from '../../../../src/core/transport/transport-parameters.ts'
import { seededBytes, seededRandom } from '../../../helpers/random.ts'
import { ms, s } from '../../../helpers/time.ts'

const REMOTE = { host: '192.0.2.2', port: 2 }
const RTT = ms(50)
/** Number of a packet before the first of a test. */
const EARLIER = -1
const stream: Carried = { kind: 'stream', stream: 0, start: 0, end: 1_000, fin: false }
const probe: Carried = { kind: 'probe' }

const make = (changes: Partial<PathInit> = {}): Path =>
  new Path({
    createController: createCubic,
    random: seededBytes(seededRandom(1)),
    isNear: () => false,
    maxDatagramSize: 65_527,
    remoteParameters: LOCAL_PARAMETERS,
    ...changes,
  })

/** A path whose round trip is known. */
function measured(changes: Partial<PathInit> = {}): Path {
  const path = make(changes)
  path.rtt.update(RTT, 0)
  path.settle(REMOTE)
  return path
}

const send = (
  path: Path,
  now: number,
  packetNumber: number,
  carried: readonly Carried[] = [stream],
  length = path.datagramSize,
): void => path.onSent(now, packetNumber, length, carried, true)
/** One full datagram of an earlier time, acknowledged: the path may try larger ones. */
function fill(path: Path): void {
  send(path, 0, EARLIER)
  ack(path, 0, EARLIER, EARLIER, false)
}
/** An ACK of [first, last]. */
const ack = (path: Path, now: number, first: number, last = first, isTimely = true): ReturnType<Path['handleAck']> =>
  path.handleAck(now, { type: 'ack', largest: last, delay: 0, ranges: [{ start: first, end: last + 1 }] }, isTimely)

/** Nothing is known of the new path, nothing is expected of the old one. */
const GONE = { rtt: undefined, isDead: true }

describe('transport/connection/path', () => {
  it('tells its controller of a loss whether the application had been the limit', () => {
    const told: boolean[] = []
    const createController: PathInit['createController'] = (init) => {
      const controller = createCubic(init)
      controller.onCongestion = ({ appLimited }) => void told.push(appLimited)
      return controller
    }
    for (const hasMore of [true, false]) {
      const path = measured({ createController })
      for (let n = 0; n < 6; n++) path.onSent(n, n, 1_200, [stream], hasMore)
      ack(path, RTT, 5)
    }
    expect(told).to.deep.equal([false, true])
  })

  describe('the window', () => {
    it('lets datagrams leave until it is full', () => {
      const path = make()
      let sent = 0
      for (; path.mayLeave(0); sent++) send(path, 0, sent)
      expect(sent).to.equal(10)
      expect(path.bytesInFlight).to.equal(12_000)
      expect(path.pollTimeout(), 'no pacing before a round trip is known').to.be.at.least(ms(333))
      ack(path, RTT, 0, 1)
      expect(path.mayLeave(RTT)).to.equal(true)
    })

    it('is held to what the receiver can hold on a near path, and to nothing on a long one', () => {
      const createController = ({ datagramSize }: { datagramSize: number }): ReturnType<typeof createCubic> =>
        createCubic({ datagramSize: datagramSize * 1_000, random: () => 0 })
      const far = measured({ createController })
      const near = measured({ createController, isNear: () => true })
      expect(far.window).to.be.above(1_000_000)
      expect(near.window).to.equal(LOCAL_PARAMETERS.receiveBuffer / 4)
      expect(
        measured({ createController, isNear: () => true, remoteParameters: { ...LOCAL_PARAMETERS, receiveBuffer: 0 } })
          .window,
      ).to.equal(4_800)
    })

    it('is paced over the round trip once that is known', () => {
      const path = measured()
      let now = 0
      let n = 0
      for (; n < 60; n++) {
        while (!path.mayLeave(now)) {
          if (path.bytesInFlight + path.datagramSize > path.window) break
          expect(path.pollTimeout()).to.be.above(now)
          now = path.pollTimeout()
        }
        if (!path.mayLeave(now)) break
        send(path, now, n)
      }
      expect(n).to.equal(10)
      path.clearPacing()
    })
  })

  describe('datagram sizes', () => {
    it('are tried by probes that weigh nothing and whose loss is no congestion', () => {
      const path = measured()
      fill(path)
      const { window } = path
      for (let n = 0; n < 3; n++) {
        const now = n * s(2)
        expect(path.takeProbe(now)).to.equal(1_452)
        send(path, now, 2 * n, [probe], 1_452)
        expect(path.bytesInFlight).to.equal(0)
        send(path, now, 2 * n + 1)
        // The probe is given up by time.
        ack(path, now + RTT, 2 * n + 1)
        path.handleTimeout(now + s(1))
      }
      expect(path.losses).to.deep.equal({ packetsLost: 0, packetsSpurious: 0 })
      expect(path.window).to.be.at.least(window)
      expect(path.datagramSize).to.equal(1_200)
    })

    it('grow when a probe arrives, and the controller knows', () => {
      const path = measured()
      fill(path)
      expect(path.takeProbe(0)).to.equal(1_452)
      send(path, 0, 0, [probe], 1_452)
      ack(path, RTT, 0)
      expect(path.datagramSize).to.equal(1_452)
      expect(path.metrics()).to.include({ datagram_size: 1_452, smoothed_rtt: 50, min_rtt: 50 })
    })

    it('fall when full datagrams vanish, which two probe timeouts show', () => {
      const path = measured()
      fill(path)
      path.takeProbe(0)
      send(path, 0, 0, [probe], 1_452)
      ack(path, RTT, 0)
      send(path, RTT, 1)
      for (let timeouts = 0; timeouts < 2; timeouts++) {
        const { probes, again } = path.handleTimeout(path.pollTimeout())
        expect([probes, again]).to.deep.equal([timeouts + 1, [stream]])
      }
      expect(path.datagramSize).to.equal(1_200)
    })
  })

  describe('losses', () => {
    /** Ten packets of which the first is overtaken. @returns the path with its window before and after. */
    function overtaken(): { path: Path; before: number; after: number } {
      const path = measured()
      for (let n = 0; n < 10; n++) send(path, 0, n)
      const before = path.window
      const { lost } = ack(path, RTT, 1, 9)
      expect(lost.map(({ packetNumber, trigger }) => `${packetNumber} ${trigger}`)).to.deep.equal([
        '0 reordering_threshold',
      ])
      return { path, before, after: path.window }
    }

    it('cost window', () => {
      const { path, before, after } = overtaken()
      expect(after).to.be.below(before)
      expect(path.losses).to.deep.equal({ packetsLost: 1, packetsSpurious: 0 })
    })

    it('that arrive after all give it back, and the same reordering is no loss any more', () => {
      const { path, before } = overtaken()
      ack(path, RTT + 1, 0, 9)
      expect(path.window).to.be.at.least(before)
      expect(path.losses).to.deep.equal({ packetsLost: 1, packetsSpurious: 1 })
      for (let n = 10; n < 20; n++) send(path, RTT + 2, n)
      expect(ack(path, RTT + 20, 11, 19).lost).to.deep.equal([])
    })

    it('of which only some arrive after all give nothing back', () => {
      const path = measured()
      for (let n = 0; n < 10; n++) send(path, 0, n)
      ack(path, RTT, 2, 9)
      const after = path.window
      ack(path, RTT + 1, 1, 9)
      expect(path.losses).to.deep.equal({ packetsLost: 2, packetsSpurious: 1 })
      expect(path.window).to.equal(after)
    })
  })

  it('reads no round trip right after a standstill', () => {
    const path = measured()
    send(path, 0, 0)
    ack(path, s(3), 0, 0, false)
    expect(path.rtt.smoothed).to.equal(RTT)
  })

  describe('after the peer moved to another host', () => {
    const elsewhere = { host: '198.51.100.7', port: 3 }

    it('learns nothing from packets that went to the old one: no round trip, no window', () => {
      const path = measured()
      for (let n = 0; n < 8; n++) send(path, 0, n)
      path.restart(0, elsewhere, GONE)
      const { window } = path
      ack(path, RTT, 0, 7)
      expect(path.rtt.hasSample).to.equal(false)
      expect(path.window).to.equal(window)
      expect(path.bytesInFlight).to.equal(0)
      for (let n = 8; n < 18; n++) send(path, RTT, n)
      ack(path, RTT + ms(200), 8, 17)
      expect(path.rtt.min).to.equal(ms(200))
      expect(path.window).to.be.above(window)
    })

    it('does not take a size that only the old one has carried', () => {
      const path = measured()
      fill(path)
      expect(path.takeProbe(0)).to.equal(1_452)
      send(path, 0, 0, [probe], 1_452)
      path.restart(0, elsewhere, GONE)
      ack(path, RTT, 0)
      expect(path.datagramSize).to.equal(1_200)
    })

    it('holds no lost probe of the old one against the new one, and is not probed before it is full', () => {
      const path = measured()
      fill(path)
      path.takeProbe(0)
      send(path, 0, 0, [probe], 1_452)
      send(path, 0, 1)
      path.restart(0, elsewhere, GONE)
      ack(path, RTT, 1)
      path.handleTimeout(s(1))
      expect(path.takeProbe(s(1))).to.equal(undefined)
    })
  })

  it('forgets what it learnt when the peer moved to another host, but waits for what is in flight', () => {
    const path = measured()
    fill(path)
    path.takeProbe(0)
    send(path, 0, 0, [probe], 1_452)
    ack(path, RTT, 0)
    for (let n = 1; n < 9; n++) send(path, RTT, n)
    path.restart(RTT, { host: '198.51.100.7', port: 3 }, GONE)
    expect(path.datagramSize).to.equal(1_200)
    expect(path.rtt.hasSample).to.equal(false)
    expect(path.window).to.equal(12_000)
    expect(path.bytesInFlight).to.equal(8 * 1_452)
    send(path, RTT, 9)
    expect(path.takeProbe(RTT), 'and climbs again').to.equal(1_452)
    ack(path, 2 * RTT, 1, 9)
    expect(path.bytesInFlight).to.equal(0)
  })
})
