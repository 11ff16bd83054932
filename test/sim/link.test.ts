import { expect } from 'chai'
import { millis, seconds } from '../../src/core/time/instant.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair, receivedOn, type End } from '../helpers/linked-pair.ts'
import { PATHS, type Path } from '../helpers/network.ts'

const HOSTILE: Record<string, Path> = {
  'loss of 20 %': { ...PATHS.LAN, delay: millis(20), drop: 0.2 },
  'loss of 30 %': { ...PATHS.LAN, delay: millis(20), drop: 0.3 },
  reordering: { ...PATHS.LAN, delay: millis(5), jitter: millis(40) },
  duplication: { ...PATHS.LAN, duplicate: 0.5 },
  'corruption of 30 %': { ...PATHS.LAN, corrupt: 0.3 },
  'everything at once': { ...PATHS.LOSSY_WAN },
}

/** Recognisable bytes: position matters. */
const text = (length: number, salt: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => (i * 31 + salt * 17 + (i >> 8)) & 0xff))

function send(pair: LinkedPair, from: End, to: End, length: number, salt: number): () => boolean {
  const stream = from.link!.openStream(0)
  const bytes = text(length, salt)
  expect(pair.write(from, stream, bytes)).to.equal(length)
  pair.finish(from, stream)
  return () => to.finished.has(stream) && receivedOn(to, stream).equals(bytes)
}

describe('a link over a simulated path', () => {
  for (const [name, path] of Object.entries(HOSTILE)) {
    forSeeds(import.meta.url, `delivers both ways, whole and in order, under ${name}`, 20, (seed) => {
      const pair = new LinkedPair(path, seed).open(seconds(10))
      const there = send(pair, pair.a, pair.b, 60_000, 1)
      const back = send(pair, pair.b, pair.a, 40_000, 2)
      pair.network.run(() => there() && back(), seconds(120))
    })
  }

  for (const [name, path] of Object.entries(PATHS)) {
    it(`carries 500 kB over ${name}`, () => {
      const pair = new LinkedPair(path, 1).open()
      const done = send(pair, pair.a, pair.b, 500_000, 3)
      pair.network.run(done, seconds(300))
    })
  }

  it('gives the same run for the same seed, and another for another', () => {
    const run = (seed: number): string => {
      const pair = new LinkedPair(PATHS.LOSSY_WAN, seed).open()
      pair.network.run(send(pair, pair.a, pair.b, 20_000, 4), seconds(60))
      return `${pair.network.now} ${JSON.stringify(pair.network.counts)}`
    }
    expect(run(7)).to.equal(run(7))
    expect(run(7)).to.not.equal(run(8))
  })

  it('finishes the handshake in one round trip on a clean path', () => {
    const pair = new LinkedPair({ ...PATHS.LAN, delay: millis(50) }, 1)
    pair.network.run(() => pair.a.isOpen, seconds(1))
    expect(pair.network.now).to.equal(millis(100))
  })

  it('opens and delivers at a round trip of 1,500 ms', () => {
    const pair = new LinkedPair({ ...PATHS.LAN, delay: millis(750) }, 1).open()
    pair.network.run(send(pair, pair.a, pair.b, 100_000, 5), seconds(60))
  })

  it('goes on after an outage of ten seconds', () => {
    const pair = new LinkedPair({ ...PATHS.LAN, outage: [1_000_000, 11_000_000] }, 1).open()
    pair.network.pass(millis(1_500))
    const done = send(pair, pair.a, pair.b, 50_000, 6)
    pair.network.run(done, seconds(40))
    expect(pair.a.closed).to.equal(undefined)
  })

  it('ends as idle on both sides when the path dies', () => {
    const pair = new LinkedPair({ ...PATHS.LAN, outage: [1_000_000, Infinity] }, 1).open()
    pair.network.run(() => pair.a.closed !== undefined && pair.b.closed !== undefined, seconds(60))
    expect(pair.a.closed).to.include({ kind: 'idle' })
    expect(pair.b.closed).to.include({ kind: 'idle' })
  })

  it('stays open through ten silent minutes', () => {
    const pair = new LinkedPair(PATHS.LAN, 1).open()
    pair.network.pass(seconds(600))
    expect(pair.a.closed).to.equal(undefined)
    pair.network.run(send(pair, pair.b, pair.a, 100, 7), seconds(1))
  })

  it('finds out within about three seconds that a peer is gone, when asked to', () => {
    const pair = new LinkedPair(PATHS.LAN, 1).open()
    pair.network.pass(seconds(1))
    pair.network.remove('b')
    const from = pair.network.now
    pair.a.link!.connection!.probe(from)
    pair.a.endpoint.touch(pair.a.link!)
    pair.network.run(() => pair.a.closed !== undefined, seconds(5))
    expect(pair.a.closed).to.include({ kind: 'idle' })
    expect(pair.network.now - from).to.be.at.most(seconds(3.1))
  })

  it('gives up on a peer that never answers, and says so', () => {
    const pair = new LinkedPair({ ...PATHS.LAN, drop: 1 }, 1)
    pair.network.run(() => pair.a.closed !== undefined, seconds(15))
    expect(pair.a.closed).to.include({ kind: 'unanswered' })
  })

  it('tells the peer when it closes, with code and reason', () => {
    const pair = new LinkedPair(PATHS.LAN, 1).open()
    pair.a.link!.close(pair.network.now, 9, 'enough')
    pair.a.endpoint.touch(pair.a.link!)
    pair.network.run(() => pair.b.closed !== undefined, seconds(1))
    expect(pair.b.closed).to.deep.include({ kind: 'remote', code: 9, reason: 'enough' })
    expect(pair.a.closed).to.deep.include({ kind: 'local', code: 9 })
  })

  it('changes its keys every fifteen minutes, with nothing lost and nothing noticed', () => {
    const pair = new LinkedPair({ ...PATHS.LOSSY_WAN, duplicate: 0.1 }, 3).open()
    for (let quarter = 1; quarter <= 3; quarter++) {
      pair.network.pass(seconds(15 * 60 + 20))
      pair.network.run(send(pair, pair.a, pair.b, 5_000, quarter), seconds(60))
      pair.network.run(send(pair, pair.b, pair.a, 5_000, quarter), seconds(60))
      expect(pair.a.link!.stats().keyPhase, 'updates of the initiator').to.be.at.least(quarter)
      expect(pair.b.link!.stats().keyPhase).to.equal(pair.a.link!.stats().keyPhase)
    }
  })

  it('is not reached by a stranger, nor by somebody who was forgotten', () => {
    const pair = new LinkedPair(PATHS.LAN, 1)
    pair.b.endpoint.forget(pair.a.instance)
    pair.network.pass(seconds(9))
    expect(pair.b.isOpen).to.equal(false)
    expect(
      pair.network.recorded.filter(({ from }) => from.host === 'b'),
      'answers',
    ).to.have.length(0)
  })

  it('survives a replay of its whole past: nothing arrives twice, nothing breaks', () => {
    const pair = new LinkedPair(PATHS.LAN, 1).open()
    const first = send(pair, pair.a, pair.b, 20_000, 8)
    pair.network.run(first, seconds(10))
    const before = [...pair.b.received.keys()].map((stream) => receivedOn(pair.b, stream).byteLength)
    for (const { from, to, payload } of [...pair.network.recorded]) pair.network.inject(from, to, payload)
    pair.network.pass(seconds(15))
    expect([...pair.b.received.keys()].map((stream) => receivedOn(pair.b, stream).byteLength)).to.deep.equal(before)
    expect(pair.a.closed ?? pair.b.closed).to.equal(undefined)
    pair.network.run(send(pair, pair.a, pair.b, 1_000, 9), seconds(10))
  })

  it('sends an unconfirmed initiator no more than it got', () => {
    const pair = new LinkedPair({ ...PATHS.LAN, drop: 0 }, 1)
    pair.network.pass(seconds(1))
    const initial = pair.network.recorded.find(({ from }) => from.host === 'a')!
    const before = pair.network.recorded.length
    for (let i = 0; i < 50; i++) pair.network.inject({ host: 'victim', port: 1 }, initial.to, initial.payload)
    pair.network.pass(seconds(60))
    const answers = pair.network.recorded.slice(before).filter(({ to }) => to.host === 'victim')
    const bytes = answers.reduce((sum, { payload }) => sum + payload.byteLength, 0)
    expect(answers.length).to.be.above(0)
    expect(bytes).to.be.below(50 * initial.payload.byteLength)
  })

  it('lets a peer dial again: the new link replaces the old one once it is proven', () => {
    const pair = new LinkedPair(PATHS.LAN, 1).open()
    const old = pair.b.link!
    pair.dial()
    pair.network.run(() => pair.b.link !== old, seconds(5))
    expect(old.state).to.equal('closed')
    pair.network.run(send(pair, pair.a, pair.b, 1_000, 10), seconds(5))
  })
})
