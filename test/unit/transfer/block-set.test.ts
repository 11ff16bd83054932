import { expect } from 'chai'
import fc from 'fast-check'
import { BlockSet, CAPACITY } from '../../../src/core/transfer/block-set.ts'

const setOf = (...ranges: Array<[number, number]>): BlockSet =>
  new BlockSet(ranges.map(([start, end]) => ({ start, end })))
const pairs = (set: BlockSet): number[][] => [...set.ranges()].map(({ start, end }) => [start, end])

describe('transfer/block-set', () => {
  it('is empty at first', () => {
    const set = new BlockSet()
    expect(set.count).to.equal(0)
    expect(set.has(0)).to.equal(false)
    expect(set.delete(7)).to.equal(false)
    expect(pairs(set)).to.deep.equal([])
    expect(set.nextLacking(3, 10)).to.equal(3)
  })

  it('counts every block once', () => {
    const set = new BlockSet()
    expect(set.add(5)).to.equal(true)
    expect(set.add(5)).to.equal(false)
    expect(set.addRange(0, 10)).to.equal(9)
    expect(set.count).to.equal(10)
    expect(set.delete(5)).to.equal(true)
    expect(set.delete(5)).to.equal(false)
    expect(set.count).to.equal(9)
  })

  it('gives ranges as it took them, whatever words they cross', () => {
    const ranges: Array<[number, number]> = [
      [0, 1],
      [31, 33],
      [64, 96],
      [100, 300],
      [65_535, 65_536],
    ]
    expect(pairs(setOf(...ranges))).to.deep.equal(ranges)
    expect(pairs(setOf(...ranges.toReversed()))).to.deep.equal(ranges)
  })

  it('joins what touches', () => {
    expect(pairs(setOf([0, 5], [5, 40], [40, 41]))).to.deep.equal([[0, 41]])
  })

  it('names the next lacking block', () => {
    const set = setOf([0, 32], [33, 64])
    expect(set.nextLacking(0, 64)).to.equal(32)
    expect(set.nextLacking(33, 64)).to.equal(undefined)
    expect(set.nextLacking(33, 65)).to.equal(64)
    expect(set.nextLacking(0, 32)).to.equal(undefined)
    expect(set.nextLacking(200, 200)).to.equal(undefined)
  })

  it('finds what some have and others have not', () => {
    const [low, high] = [setOf([0, 50]), setOf([40, 90])]
    expect(BlockSet.first(0, Infinity, [low, high], [])).to.equal(40)
    expect(BlockSet.first(0, Infinity, [high], [low])).to.equal(50)
    expect(BlockSet.first(0, 100, [], [low, high])).to.equal(90)
    expect(BlockSet.first(50, Infinity, [low], [])).to.equal(undefined)
    expect(BlockSet.first(0, Infinity, [new BlockSet()], [])).to.equal(undefined)
  })

  it('holds as many blocks as a transfer can have, and no more', () => {
    const set = new BlockSet()
    expect(set.addRange(0, CAPACITY)).to.equal(CAPACITY)
    expect(set.has(CAPACITY - 1)).to.equal(true)
    expect(pairs(set)).to.deep.equal([[0, CAPACITY]])
    expect(set.nextLacking(0, CAPACITY)).to.equal(undefined)
    set.delete(CAPACITY - 1)
    expect(set.nextLacking(0, CAPACITY)).to.equal(CAPACITY - 1)
  })

  it('refuses indexes that no block has', () => {
    const set = new BlockSet()
    for (const index of [-1, CAPACITY, 0.5, NaN]) expect(() => set.add(index), String(index)).to.throw(RangeError)
    expect(() => set.addRange(5, 4)).to.throw(RangeError)
    expect(() => set.addRange(0, CAPACITY + 1)).to.throw(RangeError)
    expect(set.addRange(4, 4)).to.equal(0)
    expect(set.count).to.equal(0)
  })

  it('is a set, whatever is done to it', () => {
    const at = fc.nat(200)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('add', 'delete'), at, fc.nat(70))), at, (steps, from) => {
        const set = new BlockSet()
        const model = new Set<number>()
        for (const [what, start, length] of steps) {
          if (what === 'delete') expect(set.delete(start)).to.equal(model.delete(start))
          else {
            const before = model.size
            for (let n = start; n < start + length; n++) model.add(n)
            expect(set.addRange(start, start + length)).to.equal(model.size - before)
          }
        }
        const all = Array.from({ length: 300 }, (_, n) => n)
        expect(set.count).to.equal(model.size)
        expect(all.filter((n) => set.has(n))).to.deep.equal([...model].sort((a, b) => a - b))
        expect(pairs(set).flatMap(([start, end]) => all.slice(start, end))).to.deep.equal(all.filter((n) => set.has(n)))
        expect(set.nextLacking(from, 250)).to.equal(all.slice(from, 250).find((n) => !model.has(n)))
      }),
    )
  })
})
