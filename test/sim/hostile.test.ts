import { expect } from 'chai'
import { millis, seconds } from '../../src/core/time/instant.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair, receivedOn, type End } from '../helpers/linked-pair.ts'
import { onAndOff, PATHS, type Path } from '../helpers/network.ts'
import { s } from '../helpers/time.ts'

const WAN: Path = { ...PATHS.LAN, delay: millis(20), mtu: 1_472 }

/** Recognisable bytes: position matters. */
const text = (length: number, salt: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + salt * 17 + (i >> 8)) & 0xff))

/** Writes all of it, whenever there is room. @returns whether all of it has arrived, and nothing else. */
function send(pair: LinkedPair, from: End, to: End, length: number, salt: number): () => boolean {
  const stream = from.link!.openStream(0)
  const bytes = text(length, salt)
  let written = 0
  const fill = (): void => {
    written += pair.write(from, stream, bytes.subarray(written))
    if (written === length) pair.finish(from, stream)
  }
  from.onWritable = fill
  fill()
  return () => to.finished.has(stream) && receivedOn(to, stream).equals(bytes)
}

/** Runs until `isDone`; both sides must be alive then. @returns microseconds it took. */
function until(pair: LinkedPair, isDone: () => boolean, limit: number): number {
  const from = pair.network.now
  pair.network.run(isDone, limit)
  expect(pair.a.closed ?? pair.b.closed).to.equal(undefined)
  return pair.network.now - from
}

describe('sim: hostile paths', () => {
  // A burst loses two packets on average: 0.3 of all when 4.67 good ones come between two of them.
  const BURSTS: Path = { ...WAN, burst: { chance: 1 / 4.67, length: 3 } }
  const CORRUPT: Path = { ...WAN, corrupt: 0.3 }

  for (const [name, path] of [
    ['30 % loss in bursts of up to three', BURSTS],
    ['30 % corruption', CORRUPT],
  ] as const) {
    forSeeds(import.meta.url, `finishes its handshake and says hello under ${name}`, 200, (seed) => {
      const pair = new LinkedPair(path, seed)
      until(pair, () => pair.a.isOpen && pair.b.isOpen, seconds(10))
      // Seven probe timeouts in a row may fail: the last of them are two seconds apart.
      until(pair, send(pair, pair.a, pair.b, 1_024, seed), seconds(12))
    })
  }

  forSeeds(import.meta.url, 'carries files both ways under 2 % loss and 2 % corruption', 150, (seed) => {
    const pair = new LinkedPair({ ...WAN, drop: 0.02, corrupt: 0.02, rate: 20 / 8, queue: 100_000 }, seed).open()
    const [there, back] = [send(pair, pair.a, pair.b, 150_000, 1), send(pair, pair.b, pair.a, 50_000, 2)]
    // A tenth of a second on the wire each way, slow start, and a probe timeout for what was lost last.
    expect(until(pair, () => there() && back(), seconds(20))).to.be.at.most(seconds(1))
  })

  forSeeds(import.meta.url, 'uses a path that is there for five seconds and gone for two', 30, (seed) => {
    const pair = new LinkedPair({ ...WAN, rate: 1 / 8, queue: 20_000, outages: onAndOff(seconds(5), seconds(2)) }, seed)
    pair.open()
    // Half a second apart from run to run, so that outages fall into every phase.
    pair.network.pass(millis((seed % 10) * 500))
    const took = until(pair, send(pair, pair.a, pair.b, 1_000_000, seed), seconds(60))
    // Eight seconds on the wire, three outages, and a second to notice that each is over.
    expect(took).to.be.at.most(seconds(8.5 + 4 * 3))
  })

  forSeeds(import.meta.url, 'notices within two seconds that a path is back, however long it was gone', 20, (seed) => {
    const back = s(2 + (seed % 20) * 0.6)
    const pair = new LinkedPair({ ...WAN, delay: millis(100), outage: [s(1), back] }, seed).open()
    pair.network.pass(seconds(1))
    until(pair, send(pair, pair.a, pair.b, 10_000, seed), seconds(20))
    // And a round trip to find out what else is missing.
    expect(pair.network.now - back).to.be.at.most(seconds(2.6))
  })

  forSeeds(import.meta.url, 'keeps its pace with 10 % reordered and 10 % duplicated', 80, (seed) => {
    const path: Path = { ...WAN, rate: 20 / 8, queue: 100_000, duplicate: 0.1, reorder: 0.1, reorderBy: millis(8) }
    const pair = new LinkedPair(path, seed).open()
    const took = until(pair, send(pair, pair.a, pair.b, 600_000, seed), seconds(20))
    // A quarter of a second on the wire; a tenth of it twice; slow start. What comes late is given up and turns up: it must cost nothing.
    expect(took).to.be.at.most(seconds(0.6))
  })

  forSeeds(import.meta.url, 'opens and delivers at a round trip of 1,500 ms with 1 % loss', 40, (seed) => {
    const pair = new LinkedPair({ ...WAN, delay: millis(750), drop: 0.01, rate: 10 / 8, queue: 100_000 }, seed)
    until(pair, () => pair.a.isOpen && pair.b.isOpen, seconds(10))
    const took = until(pair, send(pair, pair.a, pair.b, 200_000, seed), seconds(60))
    // A packet lost in slow start, and one lost last.
    expect(took).to.be.at.most(seconds(12))
  })

  it('finishes its handshake at a round trip of 1,500 ms in one of them', () => {
    const pair = new LinkedPair({ ...WAN, delay: millis(750) }, 1)
    expect(until(pair, () => pair.a.isOpen, seconds(10))).to.equal(millis(1_500))
  })
})
