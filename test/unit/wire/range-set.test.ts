import { expect } from 'chai'
import { RangeSet } from '../../../src/core/wire/range-set.ts'

const setOf = (...ranges: Array<[number, number]>): RangeSet => {
  const set = new RangeSet()
  for (const [start, end] of ranges) set.add(start, end)
  return set
}
const pairs = (set: RangeSet): number[][] => set.ranges.map(({ start, end }) => [start, end])

describe('transport/range-set', () => {
  it('is empty at first', () => {
    const set = new RangeSet()
    expect(set.isEmpty).to.equal(true)
    expect(set.has(0)).to.equal(false)
    expect(set.takeFirst()).to.equal(undefined)
    set.dropBelow(10)
    set.remove(0, 10)
    expect(pairs(set)).to.deep.equal([])
  })

  it('keeps ranges apart, ascending, whatever the order they come in', () => {
    for (const order of [
      [0, 10, 20],
      [20, 10, 0],
      [10, 0, 20],
      [10, 20, 0],
    ]) {
      const set = new RangeSet()
      for (const start of order) expect(set.add(start, start + 5)).to.equal(5)
      expect(pairs(set)).to.deep.equal([
        [0, 5],
        [10, 15],
        [20, 25],
      ])
    }
  })

  it('joins ranges that touch, from either side and in between', () => {
    expect(pairs(setOf([0, 5], [5, 10]))).to.deep.equal([[0, 10]])
    expect(pairs(setOf([5, 10], [0, 5]))).to.deep.equal([[0, 10]])
    expect(pairs(setOf([0, 5], [10, 15], [5, 10]))).to.deep.equal([[0, 15]])
  })

  it('joins every range that a new one covers or overlaps, and counts only what is new', () => {
    const set = setOf([0, 5], [10, 15], [20, 25], [40, 45])
    expect(set.add(3, 22)).to.equal(10)
    expect(pairs(set)).to.deep.equal([
      [0, 25],
      [40, 45],
    ])
    expect(set.add(0, 25)).to.equal(0)
    expect(set.add(41, 44)).to.equal(0)
    expect(set.add(24, 41)).to.equal(15)
    expect(pairs(set)).to.deep.equal([[0, 45]])
  })

  it('takes an empty or a reversed range for nothing', () => {
    const set = setOf([0, 10])
    expect(set.add(3, 3)).to.equal(0)
    expect(set.add(30, 20)).to.equal(0)
    expect(pairs(set)).to.deep.equal([[0, 10]])
  })

  it('knows its members at both edges of every range', () => {
    const set = setOf([2, 4], [6, 7])
    expect(Array.from({ length: 9 }, (_, n) => set.has(n))).to.deep.equal(
      Array.from({ length: 9 }, (_, n) => [2, 3, 6].includes(n)),
    )
  })

  it('drops everything below a number and cuts the range it lies in', () => {
    const set = setOf([0, 5], [10, 15], [20, 25])
    set.dropBelow(12)
    expect(pairs(set)).to.deep.equal([
      [12, 15],
      [20, 25],
    ])
    set.dropBelow(15)
    expect(pairs(set)).to.deep.equal([[20, 25]])
    set.dropBelow(3)
    expect(pairs(set)).to.deep.equal([[20, 25]])
    set.dropBelow(Infinity)
    expect(set.isEmpty).to.equal(true)
  })

  it('takes the first range, whole or in pieces', () => {
    const set = setOf([0, 5], [10, 12])
    expect(set.takeFirst(2)).to.deep.equal({ start: 0, end: 2 })
    expect(set.takeFirst(3)).to.deep.equal({ start: 2, end: 5 })
    expect(set.takeFirst()).to.deep.equal({ start: 10, end: 12 })
    expect(set.takeFirst()).to.equal(undefined)
  })

  it('removes from the edges, the middle and across ranges', () => {
    const set = setOf([0, 10], [20, 30], [40, 50])
    set.remove(0, 2)
    set.remove(8, 22)
    set.remove(44, 46)
    expect(pairs(set)).to.deep.equal([
      [2, 8],
      [22, 30],
      [40, 44],
      [46, 50],
    ])
    set.remove(0, 100)
    expect(set.isEmpty).to.equal(true)
  })

  it('removes nothing outside its ranges', () => {
    const set = setOf([10, 20])
    set.remove(0, 10)
    set.remove(20, 30)
    expect(pairs(set)).to.deep.equal([[10, 20]])
  })

  it('removes nothing for an empty range, in the middle of one of its own', () => {
    const set = setOf([0, 10])
    set.remove(5, 5)
    set.remove(6, 4)
    expect(pairs(set)).to.deep.equal([[0, 10]])
  })

  it('names the ranges that share something with another', () => {
    const set = setOf([0, 5], [10, 15], [20, 25])
    const overlapping = (start: number, end: number): number[] =>
      set.overlapping(start, end).map((range) => range.start)
    expect(overlapping(0, 100)).to.deep.equal([0, 10, 20])
    expect(overlapping(4, 11)).to.deep.equal([0, 10])
    expect(overlapping(5, 10)).to.deep.equal([])
    expect(overlapping(14, 21)).to.deep.equal([10, 20])
    expect(overlapping(25, 30)).to.deep.equal([])
    expect(new RangeSet().overlapping(0, 1)).to.deep.equal([])
  })

  it('finds its place among many ranges, wherever that is', () => {
    const set = new RangeSet()
    for (let n = 999; n >= 0; n--) expect(set.add(n * 3, n * 3 + 2)).to.equal(2)
    expect(set.ranges).to.have.length(1_000)
    expect([0, 1, 2, 1_499, 1_500, 1_502, 2_998, 2_999].map((n) => set.has(n))).to.deep.equal(
      [true, true, false, false, true, false, true, false], // every third number is missing
    )
    expect(set.add(1_502, 1_503)).to.equal(1)
    expect(set.ranges).to.have.length(999)
    expect(set.has(1_502)).to.equal(true)
    set.remove(0, 2_998)
    expect(pairs(set)).to.deep.equal([[2_998, 2_999]])
  })

  it('takes away whole ranges in a row', () => {
    const set = setOf([0, 1], [2, 3], [4, 5], [6, 7])
    set.remove(2, 5)
    expect(pairs(set)).to.deep.equal([
      [0, 1],
      [6, 7],
    ])
  })
})
