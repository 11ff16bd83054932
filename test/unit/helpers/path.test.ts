import { expect } from 'chai'
import { millis } from '../../../src/core/time/instant.ts'
import { CLEAN, onAndOff, Pipe, rebindings, wayBack, type Path } from '../../helpers/path.ts'
import { seededRandom } from '../../helpers/random.ts'

const pipe = (changes: Partial<Path>, seed = 1): Pipe => new Pipe({ ...CLEAN, ...changes }, seededRandom(seed))

/** When each of `count` datagrams of `length` bytes, put in `gap` apart, comes out; lost ones are missing. */
function arrivals(through: Pipe, count: number, length: number, gap = 0): number[] {
  return Array.from({ length: count }, (_, i) => through.carry(i * gap, Buffer.alloc(length))).flatMap((out) =>
    out.map(({ at }) => at),
  )
}

describe('helpers/path', () => {
  it('holds a datagram for the delay, and changes nothing else', () => {
    const payload = Buffer.from('hello')
    expect(pipe({ delay: millis(7) }).carry(100, payload)).to.deep.equal([{ at: 7_100, payload }])
  })

  it('sends at the rate, headers included, one datagram after the other', () => {
    // 972 + 28 bytes at 10 bytes per microsecond take 100 µs each.
    expect(arrivals(pipe({ delay: 0, rate: 10 }), 3, 972)).to.deep.equal([100, 200, 300])
    expect(arrivals(pipe({ delay: 0, rate: 10, headers: 0 }), 2, 1_000)).to.deep.equal([100, 200])
  })

  it('is idle when nothing came: time not used is not saved', () => {
    const through = pipe({ delay: 0, rate: 10 })
    expect(through.carry(0, Buffer.alloc(972))[0]?.at).to.equal(100)
    expect(through.carry(5_000, Buffer.alloc(972))[0]?.at).to.equal(5_100)
    expect(through.carry(5_000, Buffer.alloc(972))[0]?.at).to.equal(5_200)
  })

  it('drops what does not fit the queue, counted in bytes with headers, and takes again when it has drained', () => {
    const through = pipe({ delay: 0, rate: 10, queue: 2_500 })
    expect(arrivals(through, 5, 972)).to.deep.equal([100, 200])
    expect(through.counts).to.include({ sent: 5, arrived: 2, overflowed: 3, queuePeak: 2_000 })
    // A small one fits where a large one did not.
    expect(through.carry(0, Buffer.alloc(472))[0]?.at).to.equal(250)
    expect(through.carry(250, Buffer.alloc(972))[0]?.at).to.equal(350)
  })

  it('fills the rate in spite of random loss, which comes before the queue', () => {
    const out = arrivals(pipe({ delay: 0, rate: 10, drop: 0.5, queue: 10_000 }), 10_000, 972, 25)
    expect((out.length * 100) / out.at(-1)!).to.be.within(0.99, 1)
  })

  it('loses the share it was told to', () => {
    const through = pipe({ drop: 0.1 })
    arrivals(through, 20_000, 100)
    expect(through.counts.lost / 20_000).to.be.within(0.09, 0.11)
    expect(through.counts.lost + through.counts.arrived).to.equal(20_000)
  })

  it('loses in bursts of at most the length, and of every length up to it', () => {
    const through = pipe({ burst: { chance: 0.02, length: 3 } })
    let run = 0
    const runs = new Map<number, number>()
    for (let i = 0; i < 20_000; i++) {
      if (through.carry(0, Buffer.alloc(10)).length === 0) run++
      else if (run > 0) {
        runs.set(run, (runs.get(run) ?? 0) + 1)
        run = 0
      }
    }
    for (const length of [1, 2, 3]) expect(runs.get(length), `bursts of ${length}`).to.be.above(50)
    // Two bursts may touch; four in a row is then rare.
    expect([...runs].filter(([length]) => length > 3).reduce((sum, [, n]) => sum + n, 0)).to.be.below(30)
  })

  it('lets later datagrams overtake those it holds back', () => {
    const through = pipe({ reorder: 0.2, reorderBy: 500 })
    const out = arrivals(through, 1_000, 10, 100)
    const overtaken = out.filter((at, i) => i > 0 && at < out[i - 1]!).length
    expect(through.counts.heldBack).to.be.within(150, 250)
    expect(overtaken).to.be.above(100)
  })

  it('delivers both copies of a duplicate', () => {
    const through = pipe({ duplicate: 1 })
    expect(through.carry(0, Buffer.from('x'))).to.have.length(2)
    expect(through.counts).to.include({ sent: 1, duplicated: 1, arrived: 2 })
  })

  it('changes exactly one byte of a copy, never the original', () => {
    const payload = Buffer.alloc(50, 7)
    const [arrival] = pipe({ corrupt: 1 }).carry(0, payload)
    expect([...arrival!.payload].filter((byte) => byte !== 7)).to.have.length(1)
    expect(payload.equals(Buffer.alloc(50, 7))).to.equal(true)
  })

  it('says nothing of a datagram larger than the MTU', () => {
    const through = pipe({ mtu: 1_200 })
    expect(through.carry(0, Buffer.alloc(1_201))).to.have.length(0)
    expect(through.carry(0, Buffer.alloc(1_200))).to.have.length(1)
    expect(through.counts.tooLarge).to.equal(1)
  })

  it('is cut during every outage, from its first instant to before its last', () => {
    const through = pipe({ delay: 0, outage: [10, 20], outages: onAndOff(100, 50, 300) })
    const passes = [9, 10, 19, 20, 99, 100, 149, 150, 250].filter(
      (now) => through.carry(now, Buffer.alloc(1)).length === 1,
    )
    expect(passes).to.deep.equal([9, 20, 99, 150])
    expect(through.counts.cut).to.equal(5)
  })

  it('goes on with another path where it was, with what waits still waiting', () => {
    const through = pipe({ delay: 0, rate: 10 })
    through.carry(0, Buffer.alloc(972))
    through.change({ ...CLEAN, delay: 1_000, rate: 10 })
    expect(through.carry(0, Buffer.alloc(972))[0]?.at).to.equal(1_200)
  })

  it('does the same again for the same seed', () => {
    const hostile = { drop: 0.2, duplicate: 0.1, jitter: 500, burst: { chance: 0.05, length: 3 } }
    expect(arrivals(pipe(hostile, 5), 200, 10)).to.deep.equal(arrivals(pipe(hostile, 5), 200, 10))
    expect(arrivals(pipe(hostile, 5), 200, 10)).to.not.deep.equal(arrivals(pipe(hostile, 6), 200, 10))
  })

  it('differs on the way back only in what was said', () => {
    expect(wayBack({ ...CLEAN, drop: 0.5, back: { rate: 1 } })).to.include({ drop: 0.5, rate: 1 })
  })

  it('counts rebindings of the side that is rebound, from the first instant on', () => {
    const path: Path = { ...CLEAN, rebind: { at: SECOND, every: 5 * SECOND } }
    expect(
      [0, SECOND - 1, SECOND, 6 * SECOND - 1, 6 * SECOND, 21 * SECOND].map((now) => rebindings(path, 'dialer', now)),
    ).to.deep.equal([0, 0, 1, 1, 2, 5])
    expect(rebindings(path, 'answerer', 60 * SECOND)).to.equal(0)
    expect(rebindings({ ...CLEAN, rebind: { of: 'answerer', at: 5 } }, 'answerer', 60 * SECOND)).to.equal(1)
  })
})

/** Microseconds; an instant or a duration, as a plain number fits both. */
const SECOND = 1_000_000
