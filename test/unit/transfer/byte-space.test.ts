import { expect } from 'chai'
import fc from 'fast-check'
import { ByteSpace } from '../../../src/core/transfer/byte-space.ts'
import type { Entry } from '../../../src/core/transfer/manifest.ts'

const file = (size: number): Entry => ({ path: 'x', kind: 'file', size, mode: 0o644, mtime: 0 })
const folder: Entry = { path: 'x', kind: 'folder', size: 0, mode: 0o755, mtime: 0 }
const space = (entries: readonly Entry[], blockSize = 10): ByteSpace =>
  new ByteSpace({ entries, blockSize, size: entries.reduce((sum, { size }) => sum + size, 0) })

describe('transfer/byte-space', () => {
  it('cuts one file into blocks, the last of which is shorter', () => {
    const one = space([file(25)])
    expect(one.blocks).to.equal(3)
    expect([0, 1, 2, 3].map((index) => one.length(index))).to.deep.equal([10, 10, 5, 0])
    expect(one.segments(2)).to.deep.equal([{ entry: 0, position: 20, length: 5 }])
    for (const outside of [3, -1, 0.5, NaN, Infinity]) {
      expect(one.length(outside)).to.equal(0)
      expect(one.segments(outside)).to.deep.equal([])
    }
  })

  it('puts small files into one block', () => {
    expect(space([file(3), file(4), file(5)]).segments(0)).to.deep.equal([
      { entry: 0, position: 0, length: 3 },
      { entry: 1, position: 0, length: 4 },
      { entry: 2, position: 0, length: 3 },
    ])
  })

  it('passes over folders and files without bytes', () => {
    const mixed = space([folder, file(0), file(8), folder, file(0), file(4), file(0)])
    expect(mixed.segments(0)).to.deep.equal([
      { entry: 2, position: 0, length: 8 },
      { entry: 5, position: 0, length: 2 },
    ])
    expect(mixed.segments(1)).to.deep.equal([{ entry: 5, position: 2, length: 2 }])
  })

  it('has no block when there are no bytes', () => {
    const empty = space([folder, file(0)])
    expect(empty.blocks).to.equal(0)
    expect(empty.segments(0)).to.deep.equal([])
  })

  it('goes on without end for a stream', () => {
    const stream = new ByteSpace({ entries: [file(0)], blockSize: 10, size: -1 })
    expect(stream.blocks).to.equal(Infinity)
    expect(stream.segments(1_000_000)).to.deep.equal([{ entry: 0, position: 10_000_000, length: 10 }])
  })

  it('finds its way among files far beyond 4 GiB', () => {
    const far = space([file(2 ** 40), file(7)], 2 ** 20)
    expect(far.segments(2 ** 20)).to.deep.equal([{ entry: 1, position: 0, length: 7 }])
    expect(far.segments(2 ** 20 - 1)).to.deep.equal([{ entry: 0, position: 2 ** 40 - 2 ** 20, length: 2 ** 20 }])
  })

  it('covers every byte of every file exactly once, in order', () => {
    const entries = fc.array(fc.oneof(fc.constant(folder), fc.nat(30).map(file)), { maxLength: 40 })
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 16 }), (list, blockSize) => {
        const all = space(list, blockSize)
        const reached = list.map(() => 0)
        for (let index = 0; index < all.blocks; index++) {
          const segments = all.segments(index)
          expect(segments.reduce((sum, { length }) => sum + length, 0)).to.equal(all.length(index))
          for (const { entry, position, length } of segments) {
            expect(position).to.equal(reached[entry])
            reached[entry]! += length
          }
        }
        expect(reached).to.deep.equal(list.map(({ size }) => size))
      }),
    )
  })
})
