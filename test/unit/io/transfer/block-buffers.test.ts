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

  it('begin where a page does, so that a disk can read them, and never lie over each other', () => {
    const buffers = new BlockBuffers(1_048_576, free)
    const taken = Array.from({ length: 20 }, () => buffers.take())
    for (const [i, buffer] of taken.entries()) {
      expect(buffer.byteOffset % 65_536).to.equal(0)
      buffer.fill(i)
    }
    for (const [i, buffer] of taken.entries()) expect(new Set(buffer)).to.deep.equal(new Set([i]))
  })

  it('come back whole, whatever part of them is given back; what is no buffer is left alone', () => {
    const buffers = new BlockBuffers(65_536, free)
    const [first, second] = [buffers.take(), buffers.take(100)]
    const isInUse = ({ buffer, byteOffset }: Uint8Array): boolean =>
      [first, second].some((one) => byteOffset === one.byteOffset && buffer === one.buffer)
    buffers.give(second.subarray(20, 30))
    expect(buffers.take()).to.include({ byteOffset: second.byteOffset, byteLength: 65_536, buffer: second.buffer })
    buffers.give(Buffer.alloc(65_536))
    // The empty end of one is the beginning of its neighbour.
    for (const buffer of [first, second]) buffers.give(buffer.subarray(65_536))
    new BlockBuffers(131_072, free).give(first)
    const all = Array.from({ length: 300 }, () => buffers.take())
    expect(all.filter(({ buffer }) => !(buffer instanceof SharedArrayBuffer))).to.deep.equal([])
    expect(all.filter(isInUse)).to.deep.equal([])
  })
})
