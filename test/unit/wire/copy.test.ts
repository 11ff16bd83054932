import { expect } from 'chai'
import { copyInto, isShared } from '../../../src/core/wire/copy.ts'

describe('wire/copy', () => {
  const memories = {
    own: () => Buffer.alloc(100, 1),
    shared: () => Buffer.from(new SharedArrayBuffer(100)).fill(1),
  }
  for (const [to, makeTarget] of Object.entries(memories))
    for (const [from, makeSource] of Object.entries(memories)) {
      it(`copies from ${from} to ${to} memory, and touches nothing beside it`, () => {
        const [target, source] = [makeTarget(), makeSource()]
        for (let i = 0; i < 100; i++) source[i] = i
        copyInto(target, source.subarray(10, 40), 5)
        expect([...target]).to.deep.equal([
          ...Array<number>(5).fill(1),
          ...source.subarray(10, 40),
          ...Array<number>(65).fill(1),
        ])
        copyInto(target, source.subarray(0, 0), 3)
        expect(target[3]).to.equal(1)
      })

      it(`refuses what is too long from ${from} to ${to} memory`, () => {
        expect(() => copyInto(makeTarget(), makeSource(), 1)).to.throw(RangeError)
      })
    }

  it('knows what other threads see', () => {
    expect([isShared(memories.own()), isShared(memories.shared())]).to.deep.equal([false, true])
  })
})
