import { expect } from 'chai'
import fc from 'fast-check'
import { Bitmap } from '../../../src/core/transfer/bitmap.ts'

describe('transfer/bitmap', () => {
  it('holds what was added, once', () => {
    const bitmap = new Bitmap(100)
    expect([bitmap.add(0), bitmap.add(31), bitmap.add(32), bitmap.add(99), bitmap.add(31)]).to.deep.equal([
      true,
      true,
      true,
      true,
      false,
    ])
    expect(bitmap.count).to.equal(4)
    expect([0, 1, 31, 32, 99].map((n) => bitmap.has(n))).to.deep.equal([true, false, true, true, true])
  })

  it('holds nothing outside', () => {
    const bitmap = new Bitmap(40)
    expect([bitmap.add(40), bitmap.add(63), bitmap.add(1e6)]).to.deep.equal([false, false, false])
    expect([bitmap.has(40), bitmap.has(1e6), bitmap.delete(50)]).to.deep.equal([false, false, false])
    bitmap.addRange({ start: 38, end: 1e9 })
    expect(bitmap.ranges()).to.deep.equal([{ start: 38, end: 40 }])
  })

  it('finds nothing in nothing', () => {
    expect(new Bitmap(0).next(0)).to.equal(-1)
    expect(new Bitmap(33).next(0)).to.equal(-1)
    expect(new Bitmap(33).next(1_000)).to.equal(-1)
    expect(new Bitmap(0).ranges()).to.deep.equal([])
  })

  it('agrees with a set of numbers', () => {
    const operation = fc.record({ kind: fc.constantFrom('add', 'delete', 'range'), n: fc.nat(140), length: fc.nat(40) })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), fc.nat(130), (operations, size) => {
        const bitmap = new Bitmap(size)
        const model = new Set<number>()
        for (const { kind, n, length } of operations) {
          if (kind === 'add') expect(bitmap.add(n)).to.equal(n < size && !model.has(n))
          if (kind === 'delete') expect(bitmap.delete(n)).to.equal(model.has(n))
          if (kind === 'range') bitmap.addRange({ start: n, end: n + length })
          if (kind === 'delete') model.delete(n)
          else for (let i = n; i < Math.min(size, kind === 'add' ? n + 1 : n + length); i++) model.add(i)
        }
        const sorted = [...model].sort((a, b) => a - b)
        expect(bitmap.count).to.equal(model.size)
        for (let from = 0; from <= size; from++) expect(bitmap.next(from)).to.equal(sorted.find((n) => n >= from) ?? -1)
        const ranges = bitmap.ranges()
        expect(
          ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)),
        ).to.deep.equal(sorted)
        expect(Bitmap.of(size, ranges).ranges()).to.deep.equal(ranges)
        for (let i = 1; i < ranges.length; i++) expect(ranges[i]!.start).to.be.above(ranges[i - 1]!.end)
      }),
    )
  })

  it('finds the first that two have in common, also when they are of different sizes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(200)), fc.uniqueArray(fc.nat(300)), fc.nat(210), (a, b, from) => {
        const one = new Bitmap(201)
        const other = new Bitmap(301)
        for (const n of a) one.add(n)
        for (const n of b) other.add(n)
        const common = a.filter((n) => n >= from && b.includes(n))
        expect(one.nextIn(other, from)).to.equal(common.length === 0 ? -1 : Math.min(...common))
        expect(other.nextIn(one, from)).to.equal(one.nextIn(other, from))
      }),
    )
  })
})
