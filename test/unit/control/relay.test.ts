import { expect } from 'chai'
import { addressOf, channelOf, relayed, RelayLab } from '../../helpers/relay-lab.ts'
import { ms, s } from '../../helpers/time.ts'

const MIB = 1_048_576

describe('control/relay', () => {
  let lab: RelayLab
  beforeEach(() => {
    lab = new RelayLab()
  })

  it('passes on what one end of a channel sends to where the other end was seen', () => {
    const channel = lab.open(1, 2)
    const target = lab.relay.handle(lab.now, addressOf(1), relayed(channel))
    expect(target?.address).to.deep.equal(addressOf(2))
    expect(lab.send(addressOf(2), channel)).to.equal(1)
    expect(lab.relay.totals).to.deep.include({ datagrams: 2, bytes: 200, channels: 1, inUse: 1, legs: 0 })
  })

  it('knows no channel before it is opened and none after it was closed', () => {
    expect(lab.send(addressOf(1), channelOf(1, 2))).to.equal(undefined)
    const channel = lab.open(1, 2)
    lab.relay.close('00'.repeat(8))
    lab.relay.close(`${channel.slice(0, 12)}ffff`)
    expect(lab.send(addressOf(1), channel)).to.equal(2)
    expect(lab.send(addressOf(1), `${channel.slice(0, 14)}ff`), 'the last byte').to.equal(undefined)
    lab.relay.close(channel)
    expect(lab.send(addressOf(1), channel)).to.equal(undefined)
    expect(lab.drops).to.deep.equal({ channel: 3 })
    expect(lab.relay.totals).to.deep.include({ channels: 0, inUse: 0 })
  })

  it('takes nothing from third parties, known ones included', () => {
    const channel = lab.open(1, 2)
    lab.open(3, 4)
    const strangers = [
      addressOf(3),
      addressOf(9),
      { ...addressOf(1), port: 1 },
      { ...addressOf(1), host: '192.0.2.99' },
    ]
    for (const from of strangers) expect(lab.send(from, channel)).to.equal(undefined)
    for (const leg of [1, 3, 9]) expect(lab.send(leg, channel), 'over a leg').to.equal(undefined)
    expect(lab.drops).to.deep.equal({ source: 7 })
  })

  it('believes a token for 60 seconds, on both sides', () => {
    const channel = lab.open(1, 2)
    lab.now += s(60)
    expect(lab.send(addressOf(1), channel)).to.equal(2)
    lab.now += 1
    expect(lab.send(addressOf(1), channel)).to.equal(undefined)
    lab.relay.see(lab.now, 1, addressOf(1), true)
    expect(lab.send(addressOf(1), channel)).to.equal(undefined)
    expect(lab.drops).to.deep.equal({ source: 1, nowhere: 1 })
    lab.relay.see(lab.now, 2, addressOf(2), true)
    expect(lab.send(addressOf(1), channel)).to.equal(2)
  })

  it('sends next to nothing to where an end only says it is, whatever addresses it names, until it answers from there', () => {
    const channel = lab.open(1, 2)
    let bytes = 0
    for (let i = 0; i < 100; i++) {
      lab.relay.see(lab.now, 2, addressOf(3 + (i % 5)), false)
      for (let j = 0; j < 10; j++) if (lab.send(addressOf(1), channel, 1_452)) bytes += 1_452
    }
    expect(bytes).to.be.within(10 * 1_452, 16_384)
    expect(lab.drops).to.deep.equal({ unproven: 1_000 - bytes / 1_452 })
    lab.relay.see(lab.now, 2, addressOf(7), true)
    lab.relay.see(lab.now, 2, addressOf(7), false)
    expect(lab.send(addressOf(1), channel), 'proven').to.equal(2)
    lab.relay.see(lab.now, 2, addressOf(8), false)
    expect(lab.send(addressOf(1), channel, 1_452), 'moved').to.equal(undefined)
    lab.relay.attach(2)
    expect(lab.send(addressOf(1), channel), 'over its leg').to.equal(2)
  })

  it('follows an end to another address at once, and forgets the old one', () => {
    const channel = lab.open(1, 2)
    lab.relay.see(lab.now, 2, addressOf(7), true)
    expect(lab.relay.handle(lab.now, addressOf(1), relayed(channel))?.address).to.deep.equal(addressOf(7))
    expect(lab.send(addressOf(7), channel)).to.equal(1)
    expect(lab.send(addressOf(2), channel)).to.equal(undefined)
  })

  it('has nowhere to send to before the other end was seen', () => {
    lab.relay.enter(5, 'u5')
    const channel = lab.open(1, 5)
    expect(lab.send(addressOf(1), channel)).to.equal(undefined)
    expect(lab.drops).to.deep.equal({ nowhere: 1 })
  })

  it('takes datagrams of an Ethernet’s size and no larger, and no empty ones', () => {
    const channel = lab.open(1, 2)
    for (const size of [10, 1_452]) expect(lab.send(addressOf(1), channel, size)).to.equal(2)
    for (const size of [9, 1_453]) expect(lab.send(addressOf(1), channel, size)).to.equal(undefined)
    expect(lab.relay.handle(lab.now, addressOf(1), new Uint8Array(0))).to.equal(undefined)
    expect(lab.relay.handle(lab.now, addressOf(1), relayed(channel).fill(0x21, 0, 1))).to.equal(undefined)
    expect(lab.drops).to.deep.equal({ size: 4 })
  })

  it('reaches an end over its leg while it has one, and hears it there', () => {
    const channel = lab.open(1, 2)
    lab.relay.attach(2)
    lab.now += s(3_600)
    lab.relay.see(lab.now, 1, addressOf(1), true)
    expect(lab.relay.handle(lab.now, addressOf(1), relayed(channel))?.hasLeg).to.equal(true)
    expect(lab.send(2, channel)).to.equal(1)
    expect(lab.send(1, channel)).to.equal(undefined)
    expect(lab.relay.totals.legs).to.equal(1)
    lab.relay.attach(2)
    lab.relay.detach(2)
    lab.relay.detach(2)
    expect(lab.relay.totals.legs).to.equal(0)
    expect(lab.send(2, channel)).to.equal(undefined)
  })

  it('keeps channels and address of a process on a new connection, whose old one is nobody then', () => {
    const channel = lab.open(1, 2)
    lab.relay.attach(2)
    lab.relay.enter(7, 'u2')
    lab.relay.replace(2, 7)
    expect(lab.relay.totals.legs).to.equal(0)
    expect(lab.send(addressOf(1), channel)).to.equal(7)
    expect(lab.send(addressOf(2), channel)).to.equal(1)
    lab.relay.see(lab.now, 2, addressOf(9), true)
    lab.relay.leave(2)
    expect(lab.relay.handle(lab.now, addressOf(1), relayed(channel))?.address).to.deep.equal(addressOf(2))
    lab.relay.replace(2, 7)
    lab.relay.replace(7, 99)
    expect(lab.send(addressOf(1), channel)).to.equal(7)
  })

  it('opens nothing for a connection that has left', () => {
    lab.relay.leave(2)
    lab.relay.leave(2)
    expect(lab.send(addressOf(1), lab.open(1, 2))).to.equal(undefined)
    expect(lab.relay.totals.channels).to.equal(0)
  })

  describe('bounds', () => {
    /** Bytes that pass when `from` sends full datagrams for a second, one every 0.1 ms. */
    const passed = (from: number, channel: string, second = lab.now): number => {
      let bytes = 0
      for (let i = 0; i < 10_000; i++) {
        if (lab.relay.handle(second + i * 100, addressOf(from), relayed(channel, 1_452))) bytes += 1_452
      }
      return bytes
    }

    it('a channel’s rate, both directions together, and no other’s', () => {
      lab = new RelayLab({ channelRate: 4 * MIB })
      const [channel, other] = [lab.open(1, 2), lab.open(1, 3)]
      expect(passed(1, channel)).to.be.within(4.9 * MIB, 5 * MIB)
      expect(lab.drops).to.have.all.keys('channel-rate')
      lab.now += s(1)
      expect(lab.send(addressOf(1), other)).to.equal(3)
      expect(passed(2, channel, lab.now + 1)).to.be.within(3.9 * MIB, 4.1 * MIB)
    })

    it('small datagrams, which cost as much as larger ones: 256 bytes of each rate, and of a quota what they are', () => {
      for (const rate of ['channelRate', 'userRate', 'serverRate'] as const) {
        lab = new RelayLab({ [rate]: 2_560, quota: 1_000 })
        const channel = lab.open(1, 2)
        for (let i = 0; i < 12; i++) lab.send(addressOf(1), channel, 10)
        expect(lab.relay.totals, rate).to.deep.include({ datagrams: 10, bytes: 100 })
      }
    })

    it('a user’s rate over all channels, and nobody else’s', () => {
      lab = new RelayLab({ userRate: 4 * MIB })
      lab.enter(5, 'u1')
      const [channel, other] = [lab.open(1, 2), lab.open(5, 3)]
      expect(passed(1, channel)).to.be.within(5.9 * MIB, 6 * MIB)
      lab.now += s(1)
      expect(lab.send(addressOf(5), other, 1_452), 'the same user').to.equal(undefined)
      expect(lab.send(addressOf(2), channel), 'the other way').to.equal(1)
      expect(lab.drops).to.have.all.keys('user-rate')
    })

    it('the server’s rate', () => {
      lab = new RelayLab({ serverRate: 4 * MIB })
      expect(passed(1, lab.open(1, 2))).to.be.within(7.9 * MIB, 8 * MIB)
      lab.now += s(1) - 100
      expect(lab.send(addressOf(3), lab.open(3, 4), 1_452)).to.equal(undefined)
      expect(lab.drops).to.have.all.keys('server-rate')
      lab.now += ms(10)
      expect(lab.send(addressOf(3), channelOf(3, 4), 1_452)).to.equal(4)
    })

    it('what a user sends in a day, signing out or not, and begins anew with the next', () => {
      lab = new RelayLab({ quota: 1_000 })
      const channel = lab.open(1, 2)
      for (let i = 0; i < 12; i++) lab.send(addressOf(1), channel)
      expect(lab.relay.totals.bytes).to.equal(1_000)
      expect(lab.drops).to.deep.equal({ quota: 2 })
      expect(lab.send(addressOf(2), channel)).to.equal(1)
      lab.relay.close(channel)
      lab.relay.leave(1)
      lab.enter(5, 'u1')
      lab.open(5, 2)
      expect(lab.send(addressOf(5), channelOf(5, 2))).to.equal(undefined)
      lab.now = Math.ceil(lab.now / s(86_400)) * s(86_400)
      for (const id of [5, 2]) lab.relay.see(lab.now, id, addressOf(id), true)
      expect(lab.send(addressOf(5), channelOf(5, 2))).to.equal(2)
    })

    it('what is idle: after five minutes a channel is not in use any more, and still there', () => {
      const channel = lab.open(1, 2)
      lab.send(addressOf(1), channel)
      lab.relay.sweep(lab.now + s(300) - 1)
      expect(lab.relay.totals.inUse).to.equal(1)
      lab.now += s(300)
      lab.relay.sweep(lab.now)
      expect(lab.relay.totals).to.deep.include({ inUse: 0, channels: 1 })
      for (const id of [1, 2]) lab.relay.see(lab.now, id, addressOf(id), true)
      expect(lab.send(addressOf(1), channel)).to.equal(2)
    })
  })

  it('reports the channels in use, busiest first', () => {
    const [channel, busy] = [lab.open(1, 2), lab.open(3, 4)]
    lab.open(1, 4)
    lab.relay.attach(4)
    lab.send(addressOf(1), channel)
    lab.send(addressOf(2), channel, 50)
    for (let i = 0; i < 100; i++) lab.send(addressOf(3), busy, 1_000)
    const [first, second, ...rest] = lab.relay.report(lab.now)
    expect(rest).to.deep.equal([])
    expect(first).to.deep.include({ users: ['u3', 'u4'], bytes: [100_000, 0], since: lab.now, via: ['udp', 'tls'] })
    expect(first?.rate).to.be.closeTo(100_000 / 3, 1)
    expect(second).to.deep.include({ users: ['u1', 'u2'], bytes: [100, 50], via: ['udp', 'udp'] })
    expect(lab.relay.report(lab.now + s(60))[0]?.rate).to.be.below(0.1)
  })

  it('counts what a leg did not take as dropped, and not as passed on', () => {
    const channel = lab.open(1, 2)
    for (let i = 0; i < 2; i++) lab.send(addressOf(1), channel)
    lab.relay.handleFull(100)
    expect(lab.drops).to.deep.equal({ full: 1 })
    expect(lab.relay.totals).to.deep.include({ datagrams: 1, bytes: 100 })
  })
})
