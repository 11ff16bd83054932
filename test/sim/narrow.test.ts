import { expect } from 'chai'
import { millis, seconds } from '../../src/core/time/instant.ts'
import { Flow } from '../helpers/flow.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair } from '../helpers/linked-pair.ts'
import { PATHS, type Path } from '../helpers/network.ts'

const PATH: Path = { ...PATHS.LAN, delay: millis(30), rate: 5 / 8, queue: 40_000, mtu: 1_472 }

describe('sim: a path that becomes narrower, and wider again', () => {
  forSeeds(import.meta.url, 'is tried again after five seconds, and used', 20, (seed) => {
    const pair = new LinkedPair({ ...PATH, drop: (seed % 3) * 0.003 }, seed).open()
    const flow = new Flow(pair.network, pair.a, pair.b)
    const size = (): number => flow.link.connection!.path.datagramSize
    flow.pass(seconds(2) + millis(seed))
    pair.network.change({ mtu: 1_252 })
    flow.pass(seconds(3))
    expect(size()).to.equal(1_200)
    pair.network.change({ mtu: 1_472 })
    // The retry is due five seconds after the size was given up; a lost probe is followed by two more.
    flow.pass(seconds(6))
    expect(size()).to.equal(1_452)
  })

  forSeeds(import.meta.url, 'loses nothing but the probes where 1,280 was all there ever was', 20, (seed) => {
    const pair = new LinkedPair({ ...PATH, mtu: 1_252 }, seed).open()
    const flow = new Flow(pair.network, pair.a, pair.b)
    flow.pass(seconds(3) + millis(seed))
    const { tooLarge, overflowed } = pair.network.pipe('a')!.counts
    const { packetsLost } = flow.link.stats()
    expect(tooLarge, 'probes').to.equal(3)
    expect(packetsLost, 'losses that congestion control was told of').to.be.at.most(overflowed)
    expect(flow.pass(seconds(3)) / 5).to.be.at.least(0.8)
  })
})
