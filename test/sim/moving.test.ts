import { expect } from 'chai'
import { millis, seconds } from '../../src/core/time/instant.ts'
import { Flow } from '../helpers/flow.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair } from '../helpers/linked-pair.ts'
import { PATHS, type Path } from '../helpers/network.ts'

const PATH: Path = { ...PATHS.LAN, delay: millis(20), rate: 2 / 8, queue: 20_000, mtu: 1_472 }

/** Rebinds `a` after 1 s, then every 5 s, with 1 % loss. @returns the longest silence at b's side, microseconds. */
function move(seed: number, direction: 'up' | 'down', seenAs: (n: number) => string | undefined): number {
  const pair = new LinkedPair({ ...PATH, drop: 0.01 }, seed).open()
  const flow = direction === 'up' ? new Flow(pair.network, pair.a, pair.b) : new Flow(pair.network, pair.b, pair.a)
  flow.pass(seconds(1))
  let longest = 0
  for (let n = 1, quiet = 0; n <= 3; n++) {
    pair.network.rebind('a', seenAs(n))
    for (const until = pair.network.now + seconds(5); pair.network.now < until;) {
      quiet = flow.pass(millis(50)) > 0 ? 0 : quiet + millis(50)
      longest = Math.max(longest, quiet)
    }
  }
  expect(pair.a.closed ?? pair.b.closed).to.equal(undefined)
  expect(pair.b.link!.stats().remote).to.deep.equal({ host: seenAs(3) ?? 'a', port: 4 })
  expect(pair.a.link!.stats().keyPhase, 'handshakes since').to.equal(0)
  return longest
}

describe('sim: a peer that moves', () => {
  forSeeds(import.meta.url, 'goes on when its port changes after 1 s, then every 5 s', 30, (seed) => {
    expect(move(seed, 'up', () => undefined)).to.be.at.most(seconds(1.5))
  })

  forSeeds(import.meta.url, 'goes on when its address changes after 1 s, then every 5 s', 30, (seed) => {
    expect(move(seed, 'up', (n) => `a-${n}`)).to.be.at.most(seconds(1.5))
  })

  it('keeps what it learnt of the path when only the port changes, and forgets it for another address', () => {
    const move = (seenAs?: string) => {
      const pair = new LinkedPair({ ...PATH, rate: 20 / 8, queue: 200_000 }, 1).open()
      const [up, down] = [new Flow(pair.network, pair.a, pair.b), new Flow(pair.network, pair.b, pair.a)]
      const state = (): { cwnd: number; size: number } => {
        const { connection } = pair.b.link!
        return { cwnd: connection!.stats().cwnd, size: connection!.path.datagramSize }
      }
      up.pass(seconds(2))
      const before = state()
      pair.network.rebind('a', seenAs)
      const moved = { host: seenAs ?? 'a', port: 2 }
      while (pair.b.link!.stats().remote.port !== moved.port) down.pass(millis(1))
      expect(pair.b.link!.stats().remote).to.deep.equal(moved)
      const at = state()
      // By then everything that went to the dead address is known to be lost.
      down.pass(millis(200))
      return { before, at, after: state() }
    }
    const near = move()
    expect([near.before.size, near.at.size, near.after.size]).to.deep.equal([1_452, 1_452, 1_452])
    expect(near.after.cwnd).to.be.at.least(0.6 * near.before.cwnd)
    const far = move('a-abroad')
    expect([far.before.size, far.at.size]).to.deep.equal([1_452, 1_200])
    expect(far.before.cwnd).to.be.above(40_000)
    expect(far.at.cwnd).to.be.at.most(20_000)
  })

  forSeeds(import.meta.url, 'sends at most three times what came to an address that was never proven', 30, (seed) => {
    const pair = new LinkedPair(PATH, seed).open()
    const flow = new Flow(pair.network, pair.b, pair.a)
    flow.pass(seconds(1))
    // Somebody on the way sends packets of a's on with the victim for a sender, faster than they arrive themselves.
    const victim = { host: 'victim', port: 9 }
    let given = 0
    let taken = 0
    const count = (): void => {
      for (const { to, payload } of pair.network.recorded.splice(0))
        if (to.host === 'victim') taken += payload.byteLength
    }
    const stream = pair.a.link!.openStream(0)
    for (let i = 0; i < 40; i++) {
      count()
      pair.write(pair.a, stream, Buffer.from('a word'))
      const stolen = pair.a.endpoint.pollTransmit(pair.network.now)
      if (stolen) {
        given += stolen.payload.byteLength
        pair.b.endpoint.handleDatagram(pair.network.now, victim, Uint8Array.from(stolen.payload))
      }
      pair.network.pass(millis(5 + (seed % 30)))
    }
    pair.network.pass(seconds(3))
    count()
    expect(given).to.be.above(0)
    expect(taken).to.be.above(0)
    expect(taken).to.be.at.most(3 * given)
    expect(pair.b.link!.stats().remote.host).to.equal('a')
  })

  forSeeds(
    import.meta.url,
    'is found again within one and a half seconds by a peer that only listens to it',
    30,
    (seed) => {
      for (const seenAs of [undefined, 'a-abroad']) {
        const pair = new LinkedPair({ ...PATH, drop: 0.01 }, seed).open()
        const flow = new Flow(pair.network, pair.b, pair.a)
        flow.pass(seconds(2) + millis(seed % 50))
        pair.network.rebind('a', seenAs)
        let silence = 0
        for (let quiet = 0; pair.network.now < seconds(8);) {
          quiet = flow.pass(millis(50)) > 0 ? 0 : quiet + millis(50)
          silence = Math.max(silence, quiet)
        }
        expect(silence).to.be.at.most(seconds(1.5))
        expect(flow.pass(seconds(2))).to.be.above(1)
      }
    },
  )
})
