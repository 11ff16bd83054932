import { expect } from 'chai'
import fc from 'fast-check'
import { WantList } from '../../../src/core/transfer/want-list.ts'

function drain(list: WantList): number[] {
  const taken: number[] = []
  for (let index = list.take(); index !== undefined; index = list.take()) taken.push(index)
  return taken
}

describe('transfer/want-list', () => {
  it('is empty at first', () => {
    const list = new WantList()
    expect(list.peek()).to.equal(undefined)
    expect(list.take()).to.equal(undefined)
    expect(list.count).to.equal(0)
    expect(list.remove(0, 10)).to.equal(0)
  })

  it('gives blocks in the order they were asked', () => {
    const list = new WantList()
    list.add(10, 12)
    list.add(0, 2)
    expect(list.count).to.equal(4)
    expect(list.peek()).to.equal(10)
    expect(drain(list)).to.deep.equal([10, 11, 0, 1])
    expect(list.count).to.equal(0)
  })

  it('keeps a block that is asked twice once, at its first place', () => {
    const list = new WantList()
    expect(list.add(5, 7)).to.equal(2)
    expect(list.add(0, 10)).to.equal(8)
    expect(list.add(0, 10)).to.equal(0)
    expect(drain(list)).to.deep.equal([5, 6, 0, 1, 2, 3, 4, 7, 8, 9])
  })

  it('keeps what is asked in a row as one range', () => {
    const list = new WantList()
    for (let n = 0; n < 100; n++) list.add(n, n + 1)
    expect(list.ranges).to.equal(1)
    expect(list.count).to.equal(100)
  })

  it('removes from the edges, the middle and across ranges', () => {
    const list = new WantList()
    list.add(20, 30)
    list.add(0, 10)
    expect(list.remove(4, 22)).to.equal(8)
    expect(list.remove(25, 26)).to.equal(1)
    expect(drain(list)).to.deep.equal([22, 23, 24, 26, 27, 28, 29, 0, 1, 2, 3])
  })

  it('takes an empty or a reversed range for nothing', () => {
    const list = new WantList()
    list.add(0, 10)
    expect(list.add(5, 5) + list.add(30, 20) + list.remove(5, 5) + list.remove(6, 4)).to.equal(0)
    expect(list.count).to.equal(10)
  })

  it('is a queue of distinct blocks, whatever is done to it', () => {
    const step = fc.tuple(fc.constantFrom('add', 'remove', 'take'), fc.nat(40), fc.nat(12))
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const list = new WantList()
        let model: number[] = []
        for (const [what, start, length] of steps) {
          const blocks = Array.from({ length }, (_, n) => start + n)
          if (what === 'take') expect(list.take()).to.equal(model.shift())
          else if (what === 'remove') {
            const left = model.filter((n) => !blocks.includes(n))
            expect(list.remove(start, start + length)).to.equal(model.length - left.length)
            model = left
          } else {
            const fresh = blocks.filter((n) => !model.includes(n))
            expect(list.add(start, start + length)).to.equal(fresh.length)
            model.push(...fresh)
          }
          expect(list.count).to.equal(model.length)
        }
        expect(drain(list)).to.deep.equal(model)
      }),
    )
  })
})
