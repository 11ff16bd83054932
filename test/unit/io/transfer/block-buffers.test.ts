import { expect } from 'chai'
import { BlockBuffers, FreeBuffers } from '../../../../src/core/io/transfer/block-buffers.ts'
import { useFakeTimers } from '../../../helpers/fake-timers.ts'

describe('io/transfer/block-buffers', () => {
  const timers = useFakeTimers()
  let free: FreeBuffers
  beforeEach(() => {
    free = new FreeBuffers()
  })

  it('are shared by everything that has the same block size', () => {
    const first = new BlockBuffers(24).take()
    new BlockBuffers(24).give(first)
    expect(new BlockBuffers(40).take().buffer).not.to.equal(first.buffer)
    expect(new BlockBuffers(24).take().buffer).to.equal(first.buffer)
  })

  it('go once nobody has used any of their size for a while', () => {
    const [small, large] = [new BlockBuffers(24, free), new BlockBuffers(40, free)]
    const [kept, gone] = [small.take(), large.take()]
    large.give(gone)
    for (let i = 0; i < 5; i++) {
      small.give(kept)
      timers.tick(4_000)
      expect(small.take().buffer).to.equal(kept.buffer)
    }
    expect(large.take().buffer).not.to.equal(gone.buffer)
    timers.tick(60_000)
    expect(timers.waiting, 'timers when nothing is kept').to.equal(0)
  })
})
