import { expect } from 'chai'
import { Turns } from '../../../src/core/transfer/turns.ts'

/** Serves whoever is next until so much is served. @returns what each had. */
function serve(turns: Turns<string>, sizes: Record<string, number>, total: number): Record<string, number> {
  const had = Object.fromEntries(Object.keys(sizes).map((who) => [who, 0]))
  for (let sum = 0; sum < total;) {
    const who = Object.keys(sizes).reduce((best, other) => (turns.served(other) < turns.served(best) ? other : best))
    turns.handleServed(who, sizes[who]!)
    had[who]! += sizes[who]!
    sum += sizes[who]!
  }
  return had
}

describe('transfer/turns', () => {
  it('gives everybody the same, whatever the size of what they want', () => {
    const turns = new Turns<string>()
    for (const who of ['a', 'b', 'c']) turns.join(who)
    const had = serve(turns, { a: 1, b: 7, c: 16 }, 3_000)
    for (const who of ['a', 'b', 'c']) expect(had[who], who).to.be.within(984, 1_016)
  })

  it('does not let one who comes late catch up', () => {
    const turns = new Turns<string>()
    turns.join('a')
    serve(turns, { a: 1 }, 1_000)
    turns.join('b')
    expect(serve(turns, { a: 1, b: 1 }, 100)).to.deep.equal({ a: 50, b: 50 })
  })

  it('does not hold against one what it had while it was alone', () => {
    const turns = new Turns<string>()
    for (let n = 0; n < 100; n++) {
      turns.join('a')
      turns.handleServed('a', 1)
    }
    turns.join('b')
    turns.handleServed('b', 1)
    turns.join('a')
    expect(serve(turns, { a: 1, b: 1 }, 100)).to.deep.equal({ a: 50, b: 50 })
  })

  it('gains nobody anything by coming and going', () => {
    const turns = new Turns<string>()
    turns.join('a')
    const had = { a: 0, b: 0 }
    for (let n = 0; n < 1_000; n++) {
      turns.join('b')
      const who = turns.served('b') < turns.served('a') ? 'b' : 'a'
      turns.handleServed(who, 1)
      had[who]++
    }
    expect(had.b).to.be.within(450, 550)
  })

  it('forgets who is gone', () => {
    const turns = new Turns<string>()
    turns.handleServed('a', 1_000)
    turns.remove('a')
    turns.join('a')
    expect(turns.served('a')).to.equal(0)
  })
})
