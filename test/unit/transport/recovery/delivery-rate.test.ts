import { expect } from 'chai'
import { DeliveryRate } from '../../../../src/core/transport/recovery/delivery-rate.ts'
import { ms } from '../../../helpers/time.ts'

const RTT = ms(50)

/** Sends a packet at `at`, and keeps what an acknowledgement of it needs. */
const send = (rate: DeliveryRate, at: number, inFlight: number): Parameters<DeliveryRate['onAck']>[2] => ({
  sentAt: at,
  stamp: rate.onSent(at, inFlight),
})

describe('transport/recovery/delivery-rate', () => {
  it('reads the rate of a path from packets that come back evenly', () => {
    const rate = new DeliveryRate()
    const packets = Array.from({ length: 40 }, (_, i) => send(rate, ms(i), i * 1_000))
    const samples = packets.map((packet, i) => rate.onAck(ms(50 + i), 1_000, packet, RTT))
    // Sent after the first came back, as a full window would be: one packet a millisecond.
    const late = Array.from({ length: 40 }, (_, i) => send(rate, ms(90 + i), 40_000))
    const last = late.map((packet, i) => rate.onAck(ms(140 + i), 1_000, packet, RTT)).at(-1)!
    expect(samples.at(-1)!.delivered).to.equal(40_000)
    expect(last.rate).to.be.closeTo(40_000 / ms(89), 0.05)
  })

  it('believes no rate that is higher than the packets were sent at: ACKs may come in bunches', () => {
    const rate = new DeliveryRate()
    const packets = Array.from({ length: 10 }, (_, i) => send(rate, ms(10 * i), i * 1_000))
    for (const packet of packets.slice(0, 9)) rate.onAck(ms(200), 1_000, packet, RTT)
    const sample = rate.onAck(ms(200), 1_000, packets[9]!, RTT)
    expect(sample.deliveredSince).to.equal(10_000)
    expect(sample.rate).to.equal(10_000 / ms(200))
  })

  it('reads no rate from an interval that is shorter than the round trip', () => {
    const rate = new DeliveryRate()
    const packet = send(rate, ms(10), 0)
    expect(rate.onAck(ms(30), 1_000, packet, RTT).rate).to.equal(0)
    expect(rate.onAck(ms(30), 1_000, send(rate, ms(30), 0), 0).rate, 'no interval at all').to.equal(0)
  })

  it('starts a new flight after a silence, which counts for nothing', () => {
    const rate = new DeliveryRate()
    rate.onAck(ms(50), 1_000, send(rate, 0, 0), RTT)
    const packet = send(rate, ms(10_000), 0)
    expect(rate.onAck(ms(10_050), 1_000, packet, RTT).rate).to.equal(1_000 / ms(50))
  })

  it('marks what is in flight when the application ran dry, and what is sent until it has left the path', () => {
    const rate = new DeliveryRate()
    const first = send(rate, 0, 0)
    expect(first.stamp.isAppLimited).to.equal(false)
    rate.onAppLimited(1_000)
    const second = send(rate, 1, 1_000)
    expect(second.stamp.isAppLimited).to.equal(true)
    rate.onAck(ms(50), 1_000, first, RTT)
    expect(send(rate, ms(50), 1_000).stamp.isAppLimited, 'it is not past yet').to.equal(true)
    rate.onAck(ms(51), 1_000, second, RTT)
    expect(send(rate, ms(51), 0).stamp.isAppLimited).to.equal(false)
  })

  it('counts what was lost and delivered since a packet left', () => {
    const rate = new DeliveryRate()
    const before = send(rate, 0, 0)
    const after = send(rate, 1, 1_000)
    rate.onLost(700)
    const sample = rate.onAck(ms(60), 1_000, before, RTT)
    expect(sample).to.include({ deliveredSince: 1_000, lostSince: 700, priorDelivered: 0, delivered: 1_000 })
    expect(rate.since(after.stamp)).to.deep.equal({ deliveredSince: 1_000, lostSince: 700 })
    expect(rate.since(send(rate, ms(60), 0).stamp)).to.deep.equal({ deliveredSince: 0, lostSince: 0 })
  })
})
