import { expect } from 'chai'
import { BlockPicker } from '../../../src/core/transfer/block-picker.ts'
import { BlockSet } from '../../../src/core/transfer/block-set.ts'
import { PlanSource } from '../../../src/core/transfer/plan-source.ts'
import { ms, s } from '../../helpers/time.ts'

const MIB = 1_048_576

/** Sources `a`, `b`, …: what each has, or `undefined` for everything. */
function lab(parts: ReadonlyArray<readonly [number, number] | undefined>, startAt = 0) {
  const sources = new Map<string, PlanSource>()
  parts.forEach((part, i) => {
    const id = 'abc'[i]!
    sources.set(id, new PlanSource(id, MIB, part && new BlockSet([{ start: part[0], end: part[1] }])))
  })
  const deps = { had: new BlockSet(), taken: new BlockSet(), sources }
  const picker = new BlockPicker(deps, startAt)
  /** Takes `count` blocks one after the other. */
  const take = (id: string, count: number, blocks = 20): Array<number | undefined> =>
    Array.from({ length: count }, () => {
      const index = picker.pick(sources.get(id)!, blocks)
      if (index !== undefined) deps.taken.add(index)
      return index
    })
  /** The source has sent blocks at this rate, and is asked for others. */
  const busy = (id: string, rate: number, ...asked: number[]): void => {
    const source = sources.get(id)!
    for (let n = 0; n < 10; n++) {
      source.ask((n * s(MIB)) / rate, 1_000 + n, MIB)
      source.settle(((n + 1) * s(MIB)) / rate, 1_000 + n)
    }
    for (const index of asked) source.ask(s(10), index, MIB)
  }
  const again = (id: string, now = s(10)): number | undefined => picker.pickAgain(now, sources.get(id)!, MIB)
  return { ...deps, picker, take, busy, again }
}

describe('transfer/block-picker', () => {
  it('goes in order for a single source', () => {
    expect(lab([undefined]).take('a', 5, 4)).to.deep.equal([0, 1, 2, 3, undefined])
  })

  it('begins where it is told to, and comes back to the beginning', () => {
    expect(lab([undefined], 2).take('a', 5, 4)).to.deep.equal([2, 3, 0, 1, undefined])
  })

  it('lets several sources go through the same order together', () => {
    const { take } = lab([undefined, undefined])
    expect([take('a', 2), take('b', 2), take('a', 1)]).to.deep.equal([[0, 1], [2, 3], [4]])
  })

  it('asks a source only for what it has', () => {
    expect(lab([[3, 5]]).take('a', 3)).to.deep.equal([3, 4, undefined])
  })

  it('asks first for what is preferred, as far as the source has it', () => {
    const { picker, take } = lab([undefined, [0, 8]])
    picker.prefer([{ start: 7, end: 9 }])
    expect(take('b', 3)).to.deep.equal([7, 0, 1])
    expect(take('a', 1)).to.deep.equal([8])
  })

  it('leaves to a source with a part what that has, as long as there is more', () => {
    const { take } = lab([undefined, [0, 3]])
    expect(take('a', 3, 6)).to.deep.equal([3, 4, 5])
    expect(take('b', 1, 6)).to.deep.equal([0])
    expect(take('a', 3, 6)).to.deep.equal([1, 2, undefined])
  })

  it('finds blocks that are free again once it was told', () => {
    const { picker, take, taken } = lab([undefined])
    take('a', 4, 4)
    taken.delete(1)
    picker.reset()
    expect(take('a', 1, 4)).to.deep.equal([1])
  })

  describe('at the end', () => {
    it('asks again for the block that would come last', () => {
      const { busy, again } = lab([undefined, undefined, undefined])
      busy('a', MIB, 0, 1, 2)
      busy('b', 2 * MIB, 3, 4, 5)
      busy('c', 2 * MIB)
      expect(again('c')).to.equal(2)
    })

    it('asks nothing again that the other has as soon', () => {
      const { busy, again } = lab([undefined, undefined])
      busy('a', 2 * MIB, 0, 1)
      busy('b', MIB)
      expect(again('b')).to.equal(undefined)
    })

    it('counts what the source has to do itself', () => {
      const { busy, again } = lab([undefined, undefined])
      busy('a', MIB, 0, 1)
      busy('b', MIB, 2, 3)
      expect(again('b')).to.equal(undefined)
    })

    it('takes a source for slower when it is late', () => {
      const { busy, again } = lab([undefined, undefined])
      busy('a', MIB, 0)
      busy('b', MIB)
      expect(again('b', s(10) + ms(900))).to.equal(undefined)
      expect(again('b', s(12))).to.equal(0)
    })

    it('asks no more than two sources for a block, and none twice', () => {
      const { busy, again, sources } = lab([undefined, undefined, undefined])
      busy('a', MIB / 4, 0)
      busy('b', MIB)
      busy('c', MIB)
      expect(again('b')).to.equal(0)
      sources.get('b')!.ask(s(10), 0, MIB)
      expect(again('b')).to.equal(undefined)
      expect(again('c')).to.equal(undefined)
    })

    it('asks nothing again that is there or that the source has not', () => {
      const { busy, again, had } = lab([undefined, [5, 9]])
      busy('a', MIB / 4, 4, 5, 6)
      busy('b', MIB)
      had.add(6)
      expect(again('b')).to.equal(5)
    })
  })
})
