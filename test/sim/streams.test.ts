import { expect } from 'chai'
import { millis, seconds } from '../../src/core/time/instant.ts'
import { MsgError } from '../../src/core/errors.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair, receivedOn } from '../helpers/linked-pair.ts'
import { PATHS, type Path } from '../helpers/network.ts'
import { RawPeer, spell } from '../helpers/raw-peer.ts'
import { ms } from '../helpers/time.ts'

const PATH: Path = { ...PATHS.LAN, delay: millis(10), drop: 0.01, mtu: 1_472 }

/** A stream of `a` that always has something to send. */
function flood(pair: LinkedPair, priority: number): number {
  const stream = pair.a.link!.openStream(priority)
  const fill = (): void => {
    while (pair.write(pair.a, stream, CHUNK) > 0);
  }
  const others = pair.a.onWritable
  pair.a.onWritable = (id) => (id === stream ? fill() : others(id))
  fill()
  return stream
}
const CHUNK = Buffer.alloc(65_536, 'msg')

describe('sim: many streams, and a receiver that stops', () => {
  forSeeds(import.meta.url, 'carries 2,000 streams of 32 bytes on one link', 3, (seed) => {
    const pair = new LinkedPair(PATH, seed).open()
    const sent = new Map<number, string>()
    const answered = new Set<number>()
    const open = (): boolean => {
      try {
        const stream = pair.a.link!.openStream(0)
        const text = `stream ${stream}`.padEnd(32, '.')
        expect(pair.write(pair.a, stream, Buffer.from(text))).to.equal(32)
        pair.finish(pair.a, stream)
        sent.set(stream, text)
        return true
      } catch (error) {
        if (!MsgError.is(error) || error.code !== 'MSG_ERR_LIMIT') throw error
        return false
      }
    }
    for (let i = 0; pair.a.finished.size < 2_000; i++) {
      if (i > 20_000) throw new Error(`stuck at ${sent.size} streams`)
      while (sent.size < 2_000 && open());
      pair.network.pass(millis(1))
      for (const stream of pair.b.finished) {
        if (answered.has(stream)) continue
        answered.add(stream)
        pair.finish(pair.b, stream)
      }
    }
    for (const [stream, text] of sent) expect(receivedOn(pair.b, stream).toString()).to.equal(text)
    // 10 % above eight turns of 256 streams, each a round trip or two.
    expect(pair.network.now).to.be.at.most(seconds(2))
  })

  forSeeds(import.meta.url, 'brings a word in the time of an idle path while files fill it', 40, (seed) => {
    const path: Path = { ...PATH, drop: 0, delay: millis(20), rate: 2 / 8, queue: 20_000 }
    const pair = new LinkedPair(path, seed).open()
    const chat = pair.a.link!.openStream(0)
    for (let i = 0; i < 3; i++) flood(pair, 2)
    pair.network.pass(seconds(3) + millis(seed))
    const times: number[] = []
    for (let n = 1; n <= 20; n++) {
      const saidAt = pair.network.now
      pair.write(pair.a, chat, Buffer.from('a word'))
      pair.network.run(() => receivedOn(pair.b, chat).byteLength === 6 * n, seconds(2))
      times.push(pair.network.now - saidAt)
      pair.network.pass(millis(50 + 7 * (seed % 10)))
    }
    times.sort((x, y) => x - y)
    // Half a round trip, what the path's queue holds (80 ms), and the datagram before it (6 ms).
    expect(times[17], 'nine of ten').to.be.at.most(millis(20 + 80 + 6))
    // One that the queue dropped goes again after about a round trip.
    expect(times[19], 'the slowest').to.be.at.most(millis(400))
  })

  forSeeds(
    import.meta.url,
    'shares a link fairly among four streams of one priority, also the ones that come later',
    10,
    (seed) => {
      const pair = new LinkedPair({ ...PATH, rate: 10 / 8, queue: 60_000 }, seed).open()
      const streams = [flood(pair, 1), flood(pair, 1)]
      pair.network.pass(seconds(1))
      streams.push(flood(pair, 1), flood(pair, 1))
      pair.network.pass(seconds(1))
      const before = streams.map((stream) => receivedOn(pair.b, stream).byteLength)
      pair.network.pass(seconds(4))
      const shares = streams.map((stream, i) => receivedOn(pair.b, stream).byteLength - before[i]!)
      expect(Math.min(...shares) / Math.max(...shares)).to.be.at.least(0.9)
    },
  )

  it('takes no more than a stream buffer when the receiver is gone', () => {
    const pair = new LinkedPair({ ...PATH, drop: 0 }, 1).open()
    const stream = pair.a.link!.openStream(0)
    const chunk = new Uint8Array(100_000)
    pair.network.remove('b')
    let taken = 0
    for (let i = 0; i < 200; i++) {
      taken += pair.write(pair.a, stream, chunk)
      pair.network.pass(millis(50))
    }
    expect(taken).to.be.within(1_000_000, 2 * 1_048_576)
  })

  it('takes no more than the window and a buffer when the receiver acknowledges everything and reads nothing', () => {
    const peer = new RawPeer(true)
    peer.receive()
    const stream = peer.connection.streams.open(0)
    let taken = 0
    for (let i = 0; i < 3_000; i++) {
      taken += peer.connection.streams.write(stream, new Uint8Array(100_000))
      const numbers = peer.receive().map(({ packetNumber }) => packetNumber)
      peer.now += ms(2)
      if (numbers.length > 0) peer.send([spell.ack([numbers[0]!, numbers.at(-1)!])])
      else peer.connection.handleTimeout(peer.now)
    }
    const window = 4 * 1_048_576
    // What was acknowledged is freed; what waits for the window is all that is held.
    expect(taken).to.be.above(window)
    expect(taken).to.be.at.most(window + 2 * 1_048_576)
    expect(peer.connection.path.bytesInFlight).to.be.at.most(2 * 1_200)
  })
})
