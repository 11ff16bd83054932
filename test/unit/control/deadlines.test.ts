import { expect } from 'chai'
import fc from 'fast-check'
import { Deadlines } from '../../../src/core/control/deadlines.ts'

describe('control/deadlines', () => {
  it('hands out what is due in the order of time, and nothing early', () => {
    const due = new Deadlines<string>()
    due.add(30, 'c')
    due.add(10, 'a')
    due.add(20, 'b')
    expect(due.next()).to.equal(10)
    expect(due.take(9)).to.equal(undefined)
    expect([due.take(25), due.take(25), due.take(25)]).to.deep.equal(['a', 'b', undefined])
    expect(due.next()).to.equal(30)
    expect(due.take(30)).to.equal('c')
    expect(due.next()).to.equal(undefined)
  })

  it('does not hand out what was cancelled, and cancelling late or twice is nothing', () => {
    const due = new Deadlines<string>()
    const a = due.add(1, 'a')
    const b = due.add(2, 'b')
    a.cancel()
    a.cancel()
    expect(due.next()).to.equal(2)
    expect(due.take(5)).to.equal('b')
    b.cancel()
    due.add(3, 'c')
    expect(due.take(5)).to.equal('c')
  })

  it('does not grow with what is added and cancelled over and over', () => {
    const due = new Deadlines<number>()
    due.add(1_000_000, -1)
    for (let i = 0; i < 10_000; i++) due.add(500_000 + i, i).cancel()
    expect(due.size).to.be.below(200)
    expect(due.next()).to.equal(1_000_000)
  })

  it('agrees with a sorted list, whatever is added and cancelled', () => {
    const entry = fc.record({ at: fc.nat(50), isCancelled: fc.boolean() })
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
        const due = new Deadlines<number>()
        const made = entries.map(({ at }) => due.add(at, at))
        for (const [i, { isCancelled }] of entries.entries()) if (isCancelled) made[i]?.cancel()
        const taken: number[] = []
        for (let at = due.take(100); at !== undefined; at = due.take(100)) taken.push(at)
        const expected = entries.filter(({ isCancelled }) => !isCancelled).map(({ at }) => at)
        expect(taken).to.deep.equal(expected.sort((a, b) => a - b))
      }),
      { numRuns: 300 },
    )
  })
})
