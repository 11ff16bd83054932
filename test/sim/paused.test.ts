import { createHash } from 'node:crypto'
import { expect } from 'chai'
import { millis, seconds } from '../../src/core/time/instant.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair, receivedOn, type End } from '../helpers/linked-pair.ts'
import { PATHS, type Path } from '../helpers/network.ts'
import { seededRandom } from '../helpers/random.ts'

const LOSSY: Path = { ...PATHS.LAN, rate: 25, delay: millis(10), drop: 0.02, mtu: 1_472, queue: 256 * 1_024 }
const MIB = 1_048_576

const pause = (end: End, stream: number): void => end.link!.connection!.streams.pause(stream)
const resume = (pair: LinkedPair, end: End, stream: number): void => {
  end.link!.connection!.streams.resume(pair.network.now, stream)
  end.endpoint.touch(end.link!)
}
const bytesOf = (end: End, stream: number): number =>
  (end.received.get(stream) ?? []).reduce((sum, { byteLength }) => sum + byteLength, 0)
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Writes all of `bytes` as the link takes them, then finishes. */
class Upload {
  readonly stream: number
  taken = 0
  readonly #pair: LinkedPair
  readonly #bytes: Uint8Array

  constructor(pair: LinkedPair, bytes: Uint8Array) {
    this.#pair = pair
    this.#bytes = bytes
    this.stream = pair.a.link!.openStream(1)
    const others = pair.a.onWritable
    pair.a.onWritable = (stream) => (stream === this.stream ? this.write() : others(stream))
    this.write()
  }

  write(): void {
    const { a } = this.#pair
    this.taken += this.#pair.write(a, this.stream, this.#bytes.subarray(this.taken, this.taken + 4 * MIB))
    if (this.taken === this.#bytes.byteLength) this.#pair.finish(a, this.stream)
  }
}

describe('sim: paused streams', () => {
  forSeeds(import.meta.url, 'stop their sender within a window, while chat goes on over a lossy path', 5, (seed) => {
    const pair = new LinkedPair(LOSSY, seed).open()
    const bytes = new Uint8Array(64 * MIB).fill(seed)
    const uploads = Array.from({ length: 1 + (seed % 3) }, () => new Upload(pair, bytes))
    const chat = pair.a.link!.openStream(0)
    // Long enough for the windows to have grown.
    pair.network.pass(millis(200 + (seed % 8) * 100))
    for (const { stream } of uploads) pause(pair.b, stream)
    const told = uploads.map(({ stream }) => bytesOf(pair.b, stream))
    for (let i = 1; i <= 50; i++) {
      pair.write(pair.a, chat, new Uint8Array(1_000))
      pair.network.run(() => bytesOf(pair.b, chat) === i * 1_000, seconds(2))
      pair.network.pass(millis(50))
    }
    expect(uploads.map(({ stream }) => bytesOf(pair.b, stream))).to.deep.equal(told)
    const { cwnd } = pair.a.link!.stats()
    // The stream's window, and what the sender keeps ready beyond it.
    for (const [i, { taken }] of uploads.entries())
      expect(taken - told[i]!).to.be.at.most(16 * MIB + Math.max(MIB, 2 * cwnd) + 64 * 1_024)
    const stopped = uploads.map(({ taken }) => taken)
    pair.network.pass(seconds(60))
    expect([uploads.map(({ taken }) => taken), pair.b.closed]).to.deep.equal([stopped, undefined])
    for (const { stream } of uploads) resume(pair, pair.b, stream)
    pair.network.run(() => uploads.every(({ stream }, i) => bytesOf(pair.b, stream) > stopped[i]!), seconds(30))
  })

  forSeeds(import.meta.url, 'deliver every byte in order when paused and resumed at random', 5, (seed) => {
    const pair = new LinkedPair({ ...LOSSY, drop: 0.01 * (seed % 4) }, seed).open()
    const random = seededRandom(seed)
    const bytes = Buffer.from(Uint8Array.from({ length: 3 * MIB }, (_, i) => (i * 31 + (i >> 9)) & 0xff))
    const uploads = [0, 1, 2].map(() => new Upload(pair, bytes))
    for (let i = 0; uploads.some(({ stream }) => !pair.b.finished.has(stream)); i++) {
      if (i > 4_000) throw new Error('they never end')
      for (const { stream } of uploads) random() < 0.5 ? pause(pair.b, stream) : resume(pair, pair.b, stream)
      pair.network.pass(millis(random() * 20))
    }
    for (const { stream } of uploads) expect(digest(receivedOn(pair.b, stream))).to.equal(digest(bytes))
  })

  forSeeds(import.meta.url, 'leave nothing behind when they are reset, stopped or closed', 2, (seed) => {
    const pair = new LinkedPair(LOSSY, seed).open()
    // More than the link allows at a time: each must be over on both sides before the last can open.
    for (let i = 0; i < 300; i++) {
      const stream = pair.a.link!.openStream(0)
      pair.write(pair.a, stream, new Uint8Array(50_000))
      pair.network.run(() => pair.b.received.has(stream), seconds(5))
      pause(pair.b, stream)
      if (i % 3 === 0) pair.finish(pair.a, stream)
      if (i % 2 === 0) pair.network.pass(millis(30))
      const { streams } = pair.a.link!.connection!
      if (i % 3 === 1) streams.reset(stream, 1)
      if (i % 3 !== 1) pair.b.link!.connection!.streams.stop(pair.network.now, stream, 2)
      pair.finish(pair.b, stream)
      pair.a.endpoint.touch(pair.a.link!)
      pair.b.endpoint.touch(pair.b.link!)
    }
    pair.network.pass(seconds(2))
    expect(pair.a.link!.state).to.equal('open')
    const { a, b } = pair
    const held = [a, b].map(({ link }) => link!.connection!.streams.hasPending)
    expect(held).to.deep.equal([false, false])
  })
})
