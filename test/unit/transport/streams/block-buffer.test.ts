import { expect } from 'chai'
import { BlockBuffer } from '../../../../src/core/transport/streams/block-buffer.ts'

const BLOCK = 16_384
const pattern = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) + salt) & 0xff)

/** Reads [start, end) in the pieces that views come in. */
function read(buffer: BlockBuffer, start: number, end: number): { bytes: Buffer; pieces: number } {
  const views: Uint8Array[] = []
  for (let at = start; at < end; at += views.at(-1)!.byteLength) views.push(buffer.view(at, end))
  return { bytes: Buffer.concat(views), pieces: views.length }
}

describe('transport/streams/block-buffer', () => {
  it('gives back what was written, across blocks, at any offset', () => {
    for (const start of [0, 1, BLOCK - 1, BLOCK, 5 * BLOCK + 77, 2 ** 40 - 3]) {
      const buffer = new BlockBuffer()
      const bytes = pattern(2 * BLOCK + 5)
      buffer.write(start, bytes)
      expect(read(buffer, start, start + bytes.length).bytes.equals(bytes), `at ${start}`).to.equal(true)
      const copy = new Uint8Array(bytes.length + 2)
      buffer.copy(start, start + bytes.length, copy, 1)
      expect(Buffer.from(copy.subarray(1, -1)).equals(bytes), `at ${start}`).to.equal(true)
      expect([copy[0], copy.at(-1)]).to.deep.equal([0, 0])
    }
  })

  it('takes writes in any order, and the later one wins where they overlap', () => {
    const buffer = new BlockBuffer()
    buffer.write(10, Uint8Array.of(3, 4, 5))
    buffer.write(8, Uint8Array.of(1, 2, 9))
    expect([...read(buffer, 8, 13).bytes]).to.deep.equal([1, 2, 9, 4, 5])
  })

  it('copies on writing, so that the caller may use its buffer again', () => {
    const buffer = new BlockBuffer()
    const bytes = Uint8Array.of(1, 2)
    buffer.write(0, bytes)
    bytes.fill(9)
    expect([...buffer.view(0, 2)]).to.deep.equal([1, 2])
  })

  it('cuts views at the ends of blocks', () => {
    const buffer = new BlockBuffer()
    buffer.write(0, pattern(2 * BLOCK))
    expect(buffer.view(BLOCK - 3, 2 * BLOCK).byteLength).to.equal(3)
    expect(read(buffer, 5, 2 * BLOCK - 5).pieces).to.equal(2)
  })

  it('keeps the block that freed bytes share with others', () => {
    const buffer = new BlockBuffer()
    const bytes = pattern(3 * BLOCK)
    buffer.write(0, bytes)
    buffer.free(BLOCK + 100)
    expect(read(buffer, BLOCK + 100, 3 * BLOCK).bytes.equals(bytes.subarray(BLOCK + 100))).to.equal(true)
    buffer.free(BLOCK + 100)
    buffer.free(2 * BLOCK)
    expect(read(buffer, 2 * BLOCK, 3 * BLOCK).bytes.equals(bytes.subarray(2 * BLOCK))).to.equal(true)
  })

  it('leaves views alone that were given out before their block was freed', () => {
    const buffer = new BlockBuffer()
    buffer.write(0, pattern(BLOCK))
    const view = buffer.view(0, BLOCK)
    buffer.free(BLOCK)
    buffer.write(BLOCK, pattern(BLOCK, 99))
    expect(Buffer.from(view).equals(pattern(BLOCK))).to.equal(true)
  })

  it('does nothing for nothing', () => {
    const buffer = new BlockBuffer()
    buffer.write(5, new Uint8Array(0))
    buffer.copy(5, 5, new Uint8Array(0), 0)
    buffer.free(0)
    expect(read(buffer, 5, 5).bytes.length).to.equal(0)
  })
})
