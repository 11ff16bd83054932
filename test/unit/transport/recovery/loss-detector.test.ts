import { expect } from 'chai'
import type { Instant } from '../../../../src/core/time/instant.ts'
import { DeliveryRate } from '../../../../src/core/transport/recovery/delivery-rate.ts'
import { LossDetector, type Carried, type SentPacket } from '../../../../src/core/transport/recovery/loss-detector.ts'
import { RttEstimator } from '../../../../src/core/transport/recovery/rtt-estimator.ts'
import { ms } from '../../../helpers/time.ts'

/** Rate samples are not this test's subject. */
const STAMP = new DeliveryRate().onSent(0, 0)
const MAX_ACK_DELAY = ms(25)
const stream: Carried = { kind: 'stream', stream: 0, start: 0, end: 1_000, fin: false }

/** A detector that has measured a round trip, of 100 ms unless said otherwise: pto 300 ms, loss delay 112.5 ms. */
function measured(sample = ms(100)): { rtt: RttEstimator; loss: LossDetector } {
  const rtt = new RttEstimator()
  rtt.update(sample, 0)
  return { rtt, loss: new LossDetector(rtt) }
}

const send = (loss: LossDetector, packetNumber: number, sentAt: Instant, carried: Carried[] = [stream]): void =>
  loss.onSent({ packetNumber, sentAt, bytes: 1_200, carried, appLimited: false, inFlight: 1_200, stamp: STAMP })
const numbers = (packets: readonly SentPacket[]): number[] => packets.map(({ packetNumber }) => packetNumber)

/** What an ACK of exactly these numbers does. */
function ack(loss: LossDetector, now: Instant, ...acked: number[]): { acked: number[]; lost: number[]; rtt?: number } {
  const ranges = acked.toSorted((a, b) => b - a).map((n) => ({ start: n, end: n + 1 }))
  const outcome = loss.onAck(now, ranges[0]!.start, ranges)
  const lost = numbers(loss.detectLost(now))
  return { acked: numbers(outcome.acked), lost, ...(outcome.rttSample === undefined ? {} : { rtt: outcome.rttSample }) }
}

describe('transport/recovery/loss-detector', () => {
  describe('bytes in flight', () => {
    it('count every packet once, from sending to its acknowledgement or loss', () => {
      const { loss } = measured()
      for (let n = 0; n < 5; n++) send(loss, n, n)
      expect(loss.bytesInFlight).to.equal(6_000)
      ack(loss, ms(100), 4)
      expect(loss.bytesInFlight).to.equal(2 * 1_200)
      ack(loss, ms(100), 2, 3, 4)
      expect(loss.bytesInFlight).to.equal(0)
      ack(loss, ms(101), 0, 1, 2, 3, 4)
      expect(loss.bytesInFlight).to.equal(0)
    })
  })

  describe('a move to a quicker path', () => {
    it('gives what went by the older one its time, whatever overtakes it, and no more than that', () => {
      const { loss } = measured()
      for (let n = 0; n < 4; n++) send(loss, n, 0)
      loss.onMoved(3, ms(500))
      for (let n = 4; n < 20; n++) send(loss, n, ms(1))
      expect(ack(loss, ms(20), 10, 11, 12, 13, 14, 15, 16, 17, 18, 19).lost).to.deep.equal([4, 5, 6, 7, 8, 9])
      expect(ack(loss, ms(499), 0, 19).lost).to.deep.equal([])
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(ms(500))
      expect(numbers(loss.onTimeout(ms(500), MAX_ACK_DELAY).lost)).to.deep.equal([1, 2, 3])
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(undefined)
    })
  })

  describe('an acknowledgement', () => {
    it('acknowledges what was in flight, once', () => {
      const { loss } = measured()
      for (let n = 0; n < 3; n++) send(loss, n, 0)
      expect(ack(loss, 10, 0, 1).acked).to.have.members([0, 1])
      expect(ack(loss, 11, 0, 1, 2).acked).to.deep.equal([2])
      expect(loss.largestAcked).to.equal(2)
    })

    it('gives a sample only when its largest packet is newly acknowledged', () => {
      const { loss } = measured()
      send(loss, 0, ms(5))
      send(loss, 1, ms(8))
      expect(ack(loss, ms(100), 1).rtt).to.equal(ms(92))
      expect(ack(loss, ms(120), 0, 1).rtt).to.equal(undefined)
    })

    it('gives no sample when its largest packet carried nothing to acknowledge', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      expect(ack(loss, ms(100), 0, 1).rtt).to.equal(undefined)
    })

    it('of an old packet leaves the largest one where it is', () => {
      const { loss } = measured()
      for (let n = 0; n < 3; n++) send(loss, n, 0)
      ack(loss, 10, 2)
      ack(loss, 11, 0)
      expect(loss.largestAcked).to.equal(2)
    })

    it('takes ranges that are far longer than what is in flight', () => {
      const { loss } = measured()
      send(loss, 2 ** 40, 0)
      send(loss, 2 ** 40 + 2, 0)
      const { acked } = loss.onAck(10, 2 ** 40 + 5, [{ start: 0, end: 2 ** 40 + 6 }])
      expect(numbers(acked)).to.deep.equal([2 ** 40, 2 ** 40 + 2])
      expect(loss.bytesInFlight).to.equal(0)
    })
  })

  describe('the packet threshold', () => {
    it('takes a packet for lost when one three later is acknowledged', () => {
      const { loss } = measured()
      for (let n = 0; n < 5; n++) send(loss, n, 0)
      expect(ack(loss, 1, 2).lost).to.deep.equal([])
      expect(ack(loss, 1, 3).lost).to.deep.equal([0])
      expect(ack(loss, 1, 4).lost).to.deep.equal([1])
    })

    it('counts packet numbers, not packets in flight', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 3, 0)
      expect(ack(loss, 1, 3).lost).to.deep.equal([0])
    })

    it('never takes a packet for lost that is newer than the largest acknowledged', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 9, 0)
      expect(ack(loss, ms(900), 0).lost).to.deep.equal([])
      expect(loss.onTimeout(ms(200), MAX_ACK_DELAY).lost).to.deep.equal([])
    })

    it('finds losses in an ACK that acknowledges nothing new', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      expect(ack(loss, 1, 3)).to.deep.equal({ acked: [], lost: [0] })
    })
  })

  describe('the time threshold', () => {
    it('waits 9/8 of the round trip for a packet that is merely overtaken', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, 0)
      expect(ack(loss, ms(100), 1).lost).to.deep.equal([])
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(ms(112.5))
      expect(loss.onTimeout(ms(112.5) - 1, MAX_ACK_DELAY)).to.deep.equal({ lost: [], probes: 0 })
      const { lost, probes } = loss.onTimeout(ms(112.5), MAX_ACK_DELAY)
      expect([numbers(lost), probes]).to.deep.equal([[0], 0])
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(undefined)
    })

    it('uses the larger of latest and smoothed round trip', () => {
      const { rtt, loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, 0)
      rtt.update(ms(180), 0)
      ack(loss, ms(180), 1)
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(ms(202.5))
    })

    it('is never shorter than a millisecond', () => {
      const rtt = new RttEstimator()
      rtt.update(10, 0)
      const loss = new LossDetector(rtt)
      send(loss, 0, 0)
      send(loss, 1, 0)
      ack(loss, 10, 1)
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(ms(1))
    })

    it('names the moment of the oldest packet when several wait', () => {
      const { loss } = measured()
      send(loss, 0, ms(1))
      send(loss, 1, ms(2))
      send(loss, 2, ms(3))
      ack(loss, ms(103), 2)
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(ms(113.5))
      expect(numbers(loss.onTimeout(ms(113.5), MAX_ACK_DELAY).lost)).to.deep.equal([0])
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(ms(114.5))
    })

    it('moves on when the round trip has grown meanwhile, so that the timer cannot loop', () => {
      const { rtt, loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, 0)
      ack(loss, ms(100), 1)
      for (let i = 0; i < 20; i++) rtt.update(ms(400), 0)
      const at = loss.pollTimeout(MAX_ACK_DELAY)!
      expect(loss.onTimeout(at, MAX_ACK_DELAY).lost).to.deep.equal([])
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.be.above(at)
    })
  })

  describe('the probe timeout', () => {
    it('waits for nothing while nothing is in flight', () => {
      const { loss } = measured()
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(undefined)
      expect(loss.onTimeout(ms(10_000), MAX_ACK_DELAY)).to.deep.equal({ lost: [], probes: 0 })
      expect(loss.ptoCount).to.equal(0)
    })

    it('counts from the last packet sent: srtt + 4 * rttvar + max_ack_delay', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, ms(40))
      expect(loss.pollTimeout(MAX_ACK_DELAY)).to.equal(ms(40 + 300 + 25))
    })

    it('doubles with every expiry and asks for one probe, then two', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      let now = 0
      for (const [i, probes] of [1, 2, 2].entries()) {
        const at = loss.pollTimeout(MAX_ACK_DELAY)!
        expect(at - now).to.equal(ms(325) * 2 ** i)
        expect(loss.onTimeout(at, MAX_ACK_DELAY)).to.deep.equal({ lost: [], probes })
        now = at
      }
      expect(loss.ptoCount).to.equal(3)
    })

    it('doubles up to two seconds, or twice itself on a path that is longer', () => {
      for (const [rtt, expected] of [
        [ms(100), [325, 650, 1_300, 2_000, 2_000, 2_000]],
        [ms(1_000), [3_025, 6_050, 6_050]],
        [ms(1), [28, 56, 112, 224, 448, 896, 1_792, 2_000, 2_000]],
      ] as const) {
        const { loss } = measured(rtt)
        send(loss, 0, 0)
        let now = 0
        for (const interval of expected) {
          const at = loss.pollTimeout(MAX_ACK_DELAY)!
          expect(at - now).to.equal(ms(interval))
          loss.onTimeout(at, MAX_ACK_DELAY)
          now = at
        }
      }
    })

    it('starts over at the first acknowledgement', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, 0)
      loss.onTimeout(loss.pollTimeout(MAX_ACK_DELAY)!, MAX_ACK_DELAY)
      loss.onTimeout(loss.pollTimeout(MAX_ACK_DELAY)!, MAX_ACK_DELAY)
      ack(loss, ms(2_000), 0)
      expect(loss.ptoCount).to.equal(0)
    })

    it('does not start over for an ACK of nothing new', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 5, 0)
      ack(loss, 10, 0)
      loss.onTimeout(loss.pollTimeout(MAX_ACK_DELAY)!, MAX_ACK_DELAY)
      ack(loss, ms(2_000), 0)
      expect(loss.ptoCount).to.equal(1)
    })

    it('leaves the window alone: a probe timeout loses nothing', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      loss.onTimeout(loss.pollTimeout(MAX_ACK_DELAY)!, MAX_ACK_DELAY)
      expect(loss.bytesInFlight).to.equal(1_200)
    })

    it('offers the oldest packet that carries something', () => {
      const { loss } = measured()
      expect(loss.oldest()).to.equal(undefined)
      send(loss, 0, 0, [])
      send(loss, 1, 0)
      send(loss, 2, 0)
      expect(loss.oldest()?.packetNumber).to.equal(1)
      ack(loss, 1, 1)
      expect(loss.oldest()?.packetNumber).to.equal(2)
    })
  })

  describe('persistent congestion', () => {
    /** Longer than three probe timeouts of 325 ms. */
    const LONG = ms(980)

    it('is two lost packets further apart than three probe timeouts', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, LONG)
      send(loss, 2, LONG)
      send(loss, 10, LONG + 1)
      loss.onAck(LONG + 10, 10, [{ start: 10, end: 11 }])
      const lost = loss.detectLost(LONG + 10)
      expect(numbers(lost)).to.deep.equal([0, 1, 2])
      expect(loss.isPersistent(lost, MAX_ACK_DELAY)).to.equal(true)
    })

    it('is not when something sent in between has arrived: the path works', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      for (let n = 1; n < 10; n++) send(loss, n, n * ms(100))
      send(loss, 10, LONG)
      send(loss, 20, LONG + 1)
      loss.onAck(LONG + 10, 20, [
        { start: 20, end: 21 },
        { start: 1, end: 10 },
      ])
      const lost = loss.detectLost(LONG + 10)
      expect(numbers(lost)).to.deep.equal([0, 10])
      expect(loss.isPersistent(lost, MAX_ACK_DELAY)).to.equal(false)
    })

    it('is when a long run is lost although more was lost before an arrival', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, 1)
      for (let n = 2; n < 10; n++) send(loss, n, n * ms(200))
      send(loss, 20, ms(2_000))
      loss.onAck(ms(2_010), 20, [
        { start: 20, end: 21 },
        { start: 1, end: 2 },
      ])
      const lost = loss.detectLost(ms(2_010))
      expect(numbers(lost)).to.deep.equal([0, 2, 3, 4, 5, 6, 7, 8, 9])
      expect(loss.isPersistent(lost, MAX_ACK_DELAY)).to.equal(true)
    })

    it('is not for what was sent before the first round trip was measured', () => {
      const rtt = new RttEstimator()
      const loss = new LossDetector(rtt)
      send(loss, 0, 0)
      send(loss, 1, LONG)
      send(loss, 10, LONG + 1)
      loss.onAck(LONG + 10, 10, [{ start: 10, end: 11 }])
      rtt.update(10, 0)
      const lost = loss.detectLost(LONG + 10)
      expect(numbers(lost)).to.deep.equal([0, 1])
      expect(loss.isPersistent(lost, MAX_ACK_DELAY)).to.equal(false)
    })

    it('is not when they are exactly that far apart, or when there is one only', () => {
      const { loss } = measured()
      send(loss, 0, 0)
      send(loss, 1, ms(975))
      send(loss, 10, LONG)
      loss.onAck(LONG + 10, 10, [{ start: 10, end: 11 }])
      const lost = loss.detectLost(LONG + 10)
      expect(numbers(lost)).to.deep.equal([0, 1])
      expect(loss.isPersistent(lost, MAX_ACK_DELAY)).to.equal(false)
      expect(loss.isPersistent(lost.slice(0, 1), MAX_ACK_DELAY)).to.equal(false)
      expect(loss.isPersistent([], MAX_ACK_DELAY)).to.equal(false)
    })
  })
})
