import { expect } from 'chai'
import { MAX_SOURCES, ReceivePlan, type ReceivePlanOptions } from '../../../src/core/transfer/receive-plan.ts'
import { ms, s } from '../../helpers/time.ts'

const MIB = 1_048_576

/** A download of `blocks` blocks of 1 MiB unless said otherwise. */
function planOf(blocks: number | undefined, options: Partial<ReceivePlanOptions> = {}): ReceivePlan {
  return new ReceivePlan(0, { blockSize: MIB, size: blocks === undefined ? undefined : blocks * MIB, ...options })
}
const flat = (polled: ReturnType<ReceivePlan['pollWants']>): Record<string, number[]> =>
  Object.fromEntries(
    polled.map(({ source, ranges }) => [
      source,
      ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, n) => start + n)),
    ]),
  )
const wants = (plan: ReceivePlan, now = 0): Record<string, number[]> => flat(plan.pollWants(now))
const cancels = (plan: ReceivePlan): Record<string, number[]> => flat(plan.pollCancels())
function events(plan: ReceivePlan): string[] {
  const told: string[] = []
  for (let event = plan.pollEvent(); event; event = plan.pollEvent()) told.push(Object.values(event).join(' '))
  return told
}
/** These blocks come, right ones. */
const come = (plan: ReceivePlan, now: number, source: string, ...blocks: number[]): string[] =>
  blocks.map((index) => plan.handleBlock(now, source, index, MIB, true))
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('transfer/receive-plan', () => {
  it('asks a single source in order, for as much as its window holds', () => {
    const plan = planOf(20)
    plan.addSource('a')
    expect(wants(plan)).to.deep.equal({ a: upTo(8) })
    expect(wants(plan)).to.deep.equal({})
    come(plan, ms(100), 'a', 0)
    expect(wants(plan, ms(100))['a']![0]).to.equal(8)
  })

  it('is done when every block is believed, and says so once', () => {
    const plan = planOf(3)
    plan.addSource('a')
    wants(plan)
    expect(come(plan, s(1), 'a', 0, 2)).to.deep.equal(['accepted', 'accepted'])
    expect([plan.isDone, ...events(plan)]).to.deep.equal([false])
    expect(come(plan, s(1), 'a', 1, 1)).to.deep.equal(['accepted', 'duplicate'])
    expect([plan.isDone, ...events(plan)]).to.deep.equal([true, 'done'])
    expect(wants(plan, s(1))).to.deep.equal({})
    expect(plan.pollTimeout()).to.equal(undefined)
  })

  it('is done at once when there is nothing to fetch', () => {
    for (const plan of [planOf(0), planOf(3, { verified: [{ start: 0, end: 3 }] })])
      expect(events(plan)).to.deep.equal(['done'])
  })

  it('goes on from what an earlier run verified', () => {
    const plan = planOf(6, { size: 5 * MIB + 10, verified: [{ start: 0, end: 2 }, { start: 5, end: 9 }] }) // prettier-ignore
    plan.addSource('a')
    expect(plan.progress(0)).to.include({ bytes: 2 * MIB + 10, total: 5 * MIB + 10 })
    expect(wants(plan)).to.deep.equal({ a: [2, 3, 4] })
  })

  it('spreads a few blocks over all sources', () => {
    const plan = planOf(6)
    for (const id of ['a', 'b', 'c']) plan.addSource(id)
    expect(wants(plan)).to.deep.equal({ a: [0, 3], b: [1, 4], c: [2, 5] })
  })

  it('asks a fast source for more than a slow one', () => {
    const plan = planOf(1_000)
    plan.addSource('fast')
    plan.addSource('slow')
    const asked = wants(plan)
    for (let n = 0; n < 4; n++) {
      come(plan, (n + 1) * ms(100), 'fast', asked['fast']![n]!)
      if (n % 2 === 1) come(plan, (n + 1) * ms(100), 'slow', asked['slow']![n >> 1]!)
    }
    wants(plan, ms(400))
    const [fast, slow] = [plan.sources.get('fast')!, plan.sources.get('slow')!]
    expect(fast.outstanding).to.be.within(19 * MIB, 20 * MIB)
    expect(slow.outstanding).to.be.within(9 * MIB, 10 * MIB)
  })

  it('blocks a source that sends a wrong block, and asks others for what it was asked', () => {
    const plan = planOf(4)
    plan.addSource('liar')
    plan.addSource('b')
    expect(wants(plan)).to.deep.equal({ liar: [0, 2], b: [1, 3] })
    expect(plan.handleBlock(ms(1), 'liar', 0, MIB, false)).to.equal('bad')
    expect(events(plan)).to.deep.equal(['blocked liar 0'])
    expect(wants(plan, ms(1))).to.deep.equal({ b: [0, 2] })
    expect(plan.addSource('liar')).to.equal(false)
    expect(plan.isWanted('liar', 2)).to.equal(false)
    expect(come(plan, ms(2), 'liar', 2)).to.deep.equal(['ignored'])
    expect(come(plan, ms(2), 'b', 0, 1, 2, 3)).to.deep.equal(Array(4).fill('accepted'))
  })

  it('takes a block of the wrong length, or that does not exist, for a wrong one', () => {
    for (const [index, bytes] of [
      [0, MIB - 1],
      [0, MIB + 1],
      [2, MIB],
      [3, 10],
      [-1, MIB],
      [0.5, MIB],
    ] as const) {
      const plan = planOf(0, { size: 2 * MIB + 10 })
      plan.addSource('a')
      expect(plan.handleBlock(0, 'a', index, bytes, true), `${index} ${bytes}`).to.equal('bad')
    }
    const plan = planOf(0, { size: 2 * MIB + 10 })
    plan.addSource('a')
    expect(plan.handleBlock(0, 'a', 2, 10, true)).to.equal('accepted')
  })

  it('asks others for what a source that left was asked, and takes it back', () => {
    const plan = planOf(4)
    plan.addSource('a')
    plan.addSource('b')
    wants(plan)
    plan.removeSource('a')
    expect(wants(plan)).to.deep.equal({ b: [0, 2] })
    expect(plan.addSource('a')).to.equal(true)
    expect(come(plan, s(1), 'a', 0), 'late, from before').to.deep.equal(['accepted'])
    expect(cancels(plan)).to.deep.equal({ b: [0] })
  })

  it('asks only for what a source has, and for more when it has more', () => {
    const plan = planOf(10)
    plan.addSource('part', [{ start: 4, end: 6 }])
    expect(wants(plan)).to.deep.equal({ part: [4, 5] })
    plan.handleHave('part', [{ start: 0, end: 2 }])
    expect(wants(plan)).to.deep.equal({ part: [0, 1] })
  })

  it('asks first for what is preferred', () => {
    const plan = planOf(100)
    plan.addSource('a')
    plan.prefer([{ start: 50, end: 52 }])
    expect(wants(plan)).to.deep.equal({ a: [...upTo(6), 50, 51] })
  })

  it('takes no more sources than it can look after', () => {
    const plan = planOf(1)
    for (let n = 0; n < MAX_SOURCES; n++) expect(plan.addSource(String(n))).to.equal(true)
    expect(plan.addSource('more')).to.equal(false)
    expect(plan.addSource('0')).to.equal(false)
  })

  describe('of a source that is silent', () => {
    function stalled(): ReceivePlan {
      const plan = planOf(4)
      plan.addSource('a')
      plan.addSource('b')
      expect(wants(plan)).to.deep.equal({ a: [0, 2], b: [1, 3] })
      come(plan, s(9), 'b', 1, 3)
      expect(plan.pollTimeout()).to.equal(s(10))
      return plan
    }

    it('asks others, and says so once', () => {
      const plan = stalled()
      expect(wants(plan, s(10))).to.deep.equal({ b: [0, 2] })
      expect(events(plan)).to.deep.equal(['stalled a'])
      wants(plan, s(11))
      expect(events(plan)).to.deep.equal([])
    })

    it('counts what comes twice once, and cancels what is not needed any more', () => {
      const plan = stalled()
      wants(plan, s(10))
      expect(come(plan, s(11), 'b', 0)).to.deep.equal(['accepted'])
      expect(cancels(plan)).to.deep.equal({ a: [0] })
      expect(cancels(plan)).to.deep.equal({})
      expect(come(plan, s(11), 'a', 0)).to.deep.equal(['duplicate'])
      expect(plan.progress(s(11)).bytes).to.equal(3 * MIB)
    })

    it('relies on it again as soon as something comes from it', () => {
      const plan = stalled()
      wants(plan, s(10))
      plan.handleSign(s(11), 'a')
      expect(plan.sources.get('a')!.state).to.equal('live')
    })

    it('tries it with one block now and then, when it waits for nothing else', () => {
      const plan = planOf(400)
      plan.addSource('a')
      plan.addSource('b')
      const asked = wants(plan)
      come(plan, s(8), 'b', ...asked['b']!)
      wants(plan, s(10))
      expect(plan.sources.get('a')!.state).to.equal('stalled')
      come(plan, s(11), 'b', ...asked['a']!)
      expect(cancels(plan)).to.deep.equal({ a: asked['a'] })
      expect(wants(plan, s(12))['a']).to.equal(undefined)
      expect(wants(plan, s(20))['a']).to.have.length(1)
      expect(wants(plan, s(90))['a']).to.equal(undefined)
    })

    it('asks nobody else while there is nobody else, and waits', () => {
      const plan = planOf(2)
      plan.addSource('a')
      wants(plan)
      expect(wants(plan, s(60))).to.deep.equal({})
      expect(events(plan)).to.deep.equal(['stalled a'])
      expect(come(plan, s(90), 'a', 0, 1)).to.deep.equal(['accepted', 'accepted'])
    })
  })

  describe('paused', () => {
    it('asks nothing, and counts what still comes', () => {
      const plan = planOf(20)
      plan.addSource('a')
      wants(plan)
      plan.pause()
      expect(come(plan, s(1), 'a', 0)).to.deep.equal(['accepted'])
      expect(wants(plan, s(1))).to.deep.equal({})
      expect(plan.pollTimeout()).to.equal(undefined)
    })

    it('goes on, and does not hold the pause against a source', () => {
      const plan = planOf(20)
      plan.addSource('a')
      wants(plan)
      plan.pause()
      plan.continue(s(1_000))
      expect(wants(plan, s(1_001))).to.deep.equal({})
      expect(events(plan)).to.deep.equal([])
      expect(plan.isPaused).to.equal(false)
    })

    it('by a source: asks others meanwhile, and it again afterwards', () => {
      const plan = planOf(4)
      plan.addSource('a')
      plan.addSource('b')
      wants(plan)
      plan.handlePause('a')
      expect(wants(plan, ms(1))).to.deep.equal({ b: [0, 2] })
      come(plan, s(1), 'b', 0)
      plan.handleContinue(s(20), 'a')
      expect(plan.sources.get('a')!.state).to.equal('live')
      expect(plan.sources.get('a')!.outstanding).to.equal(MIB)
    })
  })

  it('tells checkpoints as they are crossed, before the end', () => {
    const plan = planOf(3, { checkpoints: [0.5, 0.9] })
    plan.addSource('a')
    wants(plan)
    come(plan, s(1), 'a', 0, 1)
    expect(events(plan)).to.deep.equal(['checkpoint 0.5'])
    come(plan, s(1), 'a', 2)
    expect(events(plan)).to.deep.equal(['checkpoint 0.9', 'done'])
  })

  it('is starved when nobody has what is lacking, once until somebody has', () => {
    const plan = planOf(3)
    wants(plan)
    expect(events(plan)).to.deep.equal(['starved'])
    plan.addSource('part', [{ start: 0, end: 1 }])
    wants(plan)
    come(plan, s(1), 'part', 0)
    wants(plan, s(1))
    wants(plan, s(1))
    expect(events(plan)).to.deep.equal(['starved'])
    plan.addSource('a')
    expect(wants(plan, s(2))).to.deep.equal({ a: [1, 2] })
    plan.removeSource('a')
    wants(plan, s(3))
    expect(events(plan)).to.deep.equal(['starved'])
  })

  it('asks a faster source again for what a slow one has left at the end', () => {
    const plan = planOf(16)
    plan.addSource('slow')
    plan.addSource('fast')
    const asked = wants(plan)
    asked['fast']!.forEach((index, n) => come(plan, (n + 1) * ms(100), 'fast', index))
    come(plan, ms(800), 'slow', asked['slow']![0]!)
    const again = wants(plan, ms(800))['fast']!
    expect(again).to.include(asked['slow']!.at(-1)!)
    come(plan, ms(900), 'fast', ...again)
    expect(cancels(plan)).to.deep.equal({ slow: again })
  })

  describe('of a stream', () => {
    it('asks on until it is told where the end is', () => {
      const plan = planOf(undefined)
      plan.addSource('a')
      expect(wants(plan)).to.deep.equal({ a: upTo(8) })
      come(plan, s(1), 'a', 0, 1)
      expect(plan.handleEnd(3 * MIB - 7)).to.equal(true)
      expect(wants(plan, s(1))).to.deep.equal({})
      expect(plan.handleBlock(s(2), 'a', 2, MIB - 7, true)).to.equal('accepted')
      expect(events(plan)).to.deep.equal(['done'])
    })

    it('takes the end before or after the last block', () => {
      const plan = planOf(undefined)
      plan.addSource('a')
      wants(plan)
      expect(plan.handleBlock(s(1), 'a', 0, 10, true)).to.equal('accepted')
      expect(plan.handleEnd(10)).to.equal(true)
      expect(events(plan)).to.deep.equal(['done'])
    })

    it('does not believe an end before what has come, nor two ends', () => {
      const plan = planOf(undefined)
      plan.addSource('a')
      wants(plan)
      come(plan, s(1), 'a', 0, 1)
      expect(plan.handleEnd(MIB)).to.equal(false)
      expect(plan.handleEnd(2 * MIB)).to.equal(true)
      expect(plan.handleEnd(2 * MIB)).to.equal(true)
      expect(plan.handleEnd(3 * MIB)).to.equal(false)
    })

    it('lets its source be silent for as long as it likes', () => {
      const plan = planOf(undefined)
      plan.addSource('a')
      wants(plan)
      expect(plan.pollTimeout()).to.equal(undefined)
      wants(plan, s(1_000))
      expect(events(plan)).to.deep.equal([])
    })
  })
})
