import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { millis, seconds } from '../../../src/core/time/instant.ts'
import { onAndOff, type Path } from '../../helpers/path.ts'
import { sha256, SocketPairs, type SocketEnd } from '../../helpers/socket-pair.ts'

const WAN: Partial<Path> = { delay: millis(5), rate: 20 / 8, queue: 100_000 }

describe('a link between real sockets, over an emulated path', () => {
  let pairs: SocketPairs | undefined
  afterEach(async () => {
    await pairs?.stop()
    pairs = undefined
  })

  /** An open link; `bytes` of a file that is on its way from `a` to `b`. */
  async function sending(
    path: Partial<Path>,
    bytes: number,
  ): Promise<{ a: SocketEnd; b: SocketEnd; arrived: () => Promise<void> }> {
    pairs = await (await SocketPairs.start(path)).open()
    const { a, b } = pairs.pairs[0]!
    const file = randomBytes(bytes)
    const stream = a.send(file, 1)
    const arrived = async (): Promise<void> => {
      expect(await b.hashOf(stream)).to.equal(sha256(file))
      expect(b.bytesOn(stream), 'nothing twice').to.equal(bytes)
      expect([a.opened.length, b.opened.length, a.closed.length, b.closed.length]).to.deep.equal([1, 1, 0, 0])
    }
    return { a, b, arrived }
  }

  it('finishes its handshakes under 30 % loss in bursts of up to three, five of five', async () => {
    pairs = await SocketPairs.start({ ...WAN, burst: { chance: 1 / 4.67, length: 3 } }, { count: 5 })
    await pairs.open()
    for (const { a, b } of pairs.pairs)
      expect(await b.hashOf(a.send(Buffer.from('hello')))).to.equal(sha256(Buffer.from('hello')))
    const { there, back } = await pairs.emulator.counts()
    expect((there.lost + back.lost) / (there.sent + back.sent)).to.be.within(0.1, 0.5)
  })

  it('finishes its handshakes under 30 % corruption, five of five', async () => {
    pairs = await SocketPairs.start({ ...WAN, corrupt: 0.3 }, { count: 5 })
    await pairs.open()
    expect((await pairs.emulator.counts()).there.corrupted).to.be.above(0)
  })

  it('carries a file under 2 % loss and 2 % corruption', async () => {
    const { a, arrived } = await sending({ ...WAN, rate: 50 / 8, drop: 0.02, corrupt: 0.02 }, 3_000_000)
    await arrived()
    const { there } = await pairs!.emulator.counts()
    expect(Math.min(there.lost, there.corrupted)).to.be.above(10)
    expect(a.link.stats().packetsLost).to.be.at.least(there.lost + there.corrupted - 20)
  })

  it('carries a file with 10 % reordered and 10 % duplicated', async () => {
    const { a, arrived } = await sending({ ...WAN, reorder: 0.1, reorderBy: millis(4), duplicate: 0.1 }, 2_000_000)
    await arrived()
    const { there } = await pairs!.emulator.counts()
    expect(Math.min(there.heldBack, there.duplicated)).to.be.above(50)
    const { packetsLost, packetsSpurious, packetsSent } = a.link.stats()
    expect((packetsLost - packetsSpurious) / packetsSent, 'sent again for nothing').to.be.at.most(0.1)
  })

  it('uses a path that is there for two seconds and gone for one', async () => {
    const { arrived } = await sending(
      { ...WAN, rate: 2 / 8, queue: 30_000, outages: onAndOff(seconds(2), seconds(1)) },
      900_000,
    )
    await arrived()
    expect((await pairs!.emulator.counts()).there.cut).to.be.above(1)
  })

  for (const [what, hosts] of [
    ['port', ['127.0.0.1', '127.0.0.1', '127.0.0.1']],
    ['address', ['127.0.0.2', '127.0.0.3', '127.0.0.4']],
  ] as const) {
    it(`goes on when the ${what} of the sender changes three times under way, without a new handshake`, async () => {
      const { a, b, arrived } = await sending({ ...WAN, rate: 10 / 8, queue: 50_000 }, 4_000_000)
      const seen = new Set([b.link.stats().remote.port])
      for (const [i, host] of hosts.entries()) {
        await b.until(() => b.bytesOn(0) > (i + 1) * 800_000)
        await pairs!.emulator.rebind('dialer', host)
        await b.until(() => b.moves === i + 1)
        const { remote } = b.link.stats()
        expect(remote.host).to.equal(host)
        seen.add(remote.port)
      }
      await arrived()
      expect(seen.size).to.equal(4)
      expect([a.moves, b.moves]).to.deep.equal([0, 3])
    })
  }

  it('goes on when the port of the receiver changes, who only listens', async () => {
    const { a, b, arrived } = await sending({ ...WAN, rate: 10 / 8, queue: 50_000 }, 2_500_000)
    await b.until(() => b.bytesOn(0) > 500_000)
    await pairs!.emulator.rebind('answerer')
    await a.until(() => a.moves === 1)
    await arrived()
  })

  it('is not held up by a way back of 100 kbit/s', async () => {
    const { a, arrived } = await sending(
      { ...WAN, rate: 10 / 8, queue: 50_000, back: { rate: 0.1 / 8, queue: 10_000 } },
      3_000_000,
    )
    await arrived()
    const { there, back } = await pairs!.emulator.counts()
    expect(back.sent / there.sent, 'acknowledgements').to.be.at.most(0.25)
    expect(a.link.stats().packetsLost / a.link.stats().packetsSent).to.be.at.most(0.05)
  })
})
