import { expect } from 'chai'
import { millis, seconds, type Duration, type Instant } from '../../src/core/time/instant.ts'
import { createCubic } from '../../src/core/transport/congestion/cubic.ts'
import { Dumbbell } from '../helpers/dumbbell.ts'
import { Flow, passAll } from '../helpers/flow.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { LinkedPair } from '../helpers/linked-pair.ts'
import { PATHS, type Path } from '../helpers/network.ts'
import { s } from '../helpers/time.ts'

const ETHERNET: Path = { ...PATHS.LAN, mtu: 1_472 }
const path = (mbit: number, rtt: number, changes: Partial<Path>): Path => ({
  ...ETHERNET,
  rate: mbit / 8,
  delay: millis(rtt / 2),
  ...changes,
})
/** What of a rate is left for a stream in datagrams of 1,452 bytes: headers of IP, UDP, packet and frame. */
const PAYLOAD = 1_414 / 1_480

function start(path: Path, seed: number): { pair: LinkedPair; flow: Flow } {
  const pair = new LinkedPair(path, seed).open()
  return { pair, flow: new Flow(pair.network, pair.a, pair.b) }
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

/** One at most: everybody has the same. */
const jain = (shares: readonly number[]): number =>
  shares.reduce((sum, x) => sum + x, 0) ** 2 / (shares.length * shares.reduce((sum, x) => sum + x * x, 0))

describe('sim: bulk data', () => {
  forSeeds(import.meta.url, 'fills 100 Mbit/s, 50 ms, 1 % loss, a queue of 600 KiB', 2, (seed) => {
    const { pair, flow } = start(path(100, 50, { drop: 0.01, queue: 600 * 1_024 }), seed)
    flow.pass(seconds(2))
    const rtts: number[] = []
    const goodputs = Array.from({ length: 100 }, () => {
      rtts.push(flow.link.stats().srtt)
      return flow.pass(millis(100))
    })
    const [goodput, srtt] = [mean(goodputs), mean(rtts)]
    const { packetsLost, packetsSent } = flow.link.stats()
    const { lost, sent } = pair.network.pipe('a')!.counts
    report(
      seed,
      `${goodput.toFixed(1)} Mbit/s, srtt ${(srtt / 1_000).toFixed(1)} ms, lost ${percent(packetsLost / packetsSent)}`,
    )
    expect(goodput / (100 * PAYLOAD), 'share of the payload rate').to.be.at.least(0.98)
    expect(srtt).to.be.at.most(1.5 * millis(50))
    expect(packetsLost / packetsSent).to.be.at.most(lost / sent + 0.02)
  })

  forSeeds(import.meta.url, 'comes back after ten seconds of outage on 20 Mbit/s, 200 ms, 2 % loss', 5, (seed) => {
    // At any moment of a probe timeout's doubling.
    const outage: readonly [Instant, Instant] = [s(15) + seed * millis(470), s(25) + seed * millis(470)]
    const { pair, flow } = start(path(20, 200, { drop: 0.02, queue: 500_000, outage }), seed)
    flow.pass(seconds(5))
    const before = flow.pass(outage[0] - pair.network.now)
    flow.pass(outage[1] - pair.network.now)
    const first = Array.from({ length: 5 }, () => flow.pass(seconds(1)))
    const after = flow.pass(seconds(10))
    const { minRtt, cwnd } = flow.link.stats()
    report(seed, `${before.toFixed(1)} Mbit/s before, ${first.map((x) => x.toFixed(1)).join(' ')}, ${after.toFixed(1)}`)
    expect(before / (20 * PAYLOAD), 'before').to.be.at.least(0.8)
    expect(Math.max(...first) / before, 'within five seconds').to.be.at.least(0.8)
    expect(after / before, 'afterwards').to.be.at.least(0.8)
    expect(minRtt).to.be.within(millis(200), millis(210))
    expect(cwnd).to.be.at.least(12_000)
  })

  forSeeds(import.meta.url, 'fills 10 Mbit/s, 30 ms, a queue of 25 packets', 5, (seed) => {
    const { flow } = start(path(10, 30, { queue: 25 * 1_500 }), seed)
    flow.pass(seconds(1))
    const goodput = flow.pass(seconds(10))
    report(seed, `${goodput.toFixed(2)} Mbit/s`)
    expect(goodput).to.be.at.least(9)
  })

  for (const [count, share] of [
    [2, 3],
    [4, 2],
  ] as const) {
    forSeeds(
      import.meta.url,
      `shares one bottleneck fairly among ${count} flows that start one after the other`,
      share,
      (seed) => {
        const dumbbell = new Dumbbell(path(20, 40, { queue: 150_000 }), seed, Array.from({ length: count }))
        const flows = dumbbell.pairs.map((_, i) => {
          const { a, b } = dumbbell.open(i)
          const flow = new Flow(dumbbell.network, a, b)
          dumbbell.network.pass(millis(700))
          return flow
        })
        passAll(dumbbell.network, flows, seconds(10))
        const shares = passAll(dumbbell.network, flows, seconds(50))
        const sum = shares.reduce((total, x) => total + x, 0)
        report(seed, `${shares.map((x) => x.toFixed(2)).join(' ')} Mbit/s, Jain ${jain(shares).toFixed(3)}`)
        expect(jain(shares)).to.be.at.least(0.9)
        expect(sum / (20 * PAYLOAD), 'of the bottleneck').to.be.at.least(0.9)
      },
    )
  }

  for (const [queue, share] of [
    [0.5, 2],
    [1, 2],
    [2, 4],
    [8, 2],
  ] as const) {
    forSeeds(
      import.meta.url,
      `leaves one CUBIC flow its share of 10 Mbit/s, 30 ms, a queue of ${queue} bandwidth-delay products, and takes its own`,
      share,
      (seed) => {
        const bdp = (10 / 8) * millis(30)
        const dumbbell = new Dumbbell(path(10, 30, { queue: queue * bdp }), seed, [undefined, createCubic])
        const flows: Flow[] = []
        // One finds the other there, in turn.
        for (const i of seed % 2 === 0 ? [0, 1] : [1, 0]) {
          const { a, b } = dumbbell.open(i)
          flows[i] = new Flow(dumbbell.network, a, b)
          dumbbell.network.pass(seconds(3))
        }
        passAll(dumbbell.network, flows, seconds(7))
        const [bbr, cubic] = passAll(dumbbell.network, flows, seconds(40))
        report(seed, `bbr ${bbr!.toFixed(2)}, cubic ${cubic!.toFixed(2)} Mbit/s`)
        expect(bbr! / (bbr! + cubic!), 'share').to.be.within(0.25, 0.75)
        expect((bbr! + cubic!) / (10 * PAYLOAD), 'of the bottleneck').to.be.at.least(0.9)
      },
    )
  }

  forSeeds(import.meta.url, 'is not held up by a way back of 100 kbit/s', 10, (seed) => {
    const back = { rate: 0.1 / 8, queue: 10_000 }
    const { flow } = start(path(10, 40, { queue: 50_000, back }), seed)
    flow.pass(seconds(3))
    const goodput = flow.pass(seconds(5))
    report(seed, `${goodput.toFixed(2)} Mbit/s`)
    expect(goodput / (10 * PAYLOAD)).to.be.at.least(0.8)
  })

  forSeeds(
    import.meta.url,
    'repairs a path from 1,500 to 1,280 bytes whose ICMP is dropped, within three seconds',
    60,
    (seed) => {
      const { pair, flow } = start(path(5, 60, { queue: 40_000, drop: (seed % 3) * 0.005 }), seed)
      flow.pass(seconds(2))
      expect(flow.link.connection!.path.datagramSize).to.equal(1_452)
      pair.network.change({ mtu: 1_252 })
      const from = pair.network.now
      let silence: Duration = 0
      for (let quiet = 0; pair.network.now - from < seconds(6);) {
        quiet = flow.pass(millis(100)) > 0.5 ? 0 : quiet + millis(100)
        silence = Math.max(silence, quiet)
      }
      report(seed, `silent for ${silence / 1_000} ms`)
      expect(silence).to.be.at.most(seconds(3))
      expect(flow.link.connection!.path.datagramSize).to.equal(1_200)
      expect(flow.pass(seconds(2)) / (5 * PAYLOAD)).to.be.at.least(0.6)
    },
  )
})

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

/** Figures for whoever asks: `SIM_REPORT=1`. */
function report(seed: number, figures: string): void {
  if (process.env['SIM_REPORT'] !== undefined) process.stdout.write(`    seed ${seed}: ${figures}\n`)
}
