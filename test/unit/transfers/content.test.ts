import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import type { Block, BlockSource } from '../../../src/core/io/transfer/block-source.ts'
import { DiskThread } from '../../../src/core/io/transfer/disk-thread.ts'
import { StreamSource } from '../../../src/core/io/transfer/stream-source.ts'
import { MIN_BLOCK_SIZE } from '../../../src/core/transfer/manifest.ts'
import { Content } from '../../../src/core/transfers/content.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { FakeFile } from '../../helpers/fake-files.ts'

/** A file in memory as a source; counts what is read. */
class FakeSource implements BlockSource {
  readonly isSeekable = true
  readonly file: FakeFile
  readonly reads: number[] = []
  readonly forged = new Set<number>()
  confirmed = 0

  constructor(file: FakeFile) {
    this.file = file
  }

  get manifest(): FakeFile['manifest'] {
    return this.file.manifest
  }

  async read(index: number): Promise<Block | undefined> {
    this.reads.push(index)
    const hash = this.forged.has(index) ? new Uint8Array(32) : this.file.hash(index)
    return { index, bytes: this.file.block(index), hash, release: () => {} }
  }

  async confirm(): Promise<void> {
    this.confirmed++
  }

  async close(): Promise<void> {}
}

describe('transfers/content', () => {
  const file = new FakeFile(3.5 * MIN_BLOCK_SIZE)

  it('names the whole, and reads no block twice for it', async () => {
    const source = new FakeSource(file)
    const content = new Content(source)
    await content.read(3)
    await content.read(1)
    expect(content.hashes(0, 4), 'not before all are known').to.equal(undefined)
    const { size, root, lastByte } = await content.summary()
    expect([size, Buffer.from(root), lastByte]).to.deep.equal([
      file.bytes.byteLength,
      Buffer.from(file.root),
      file.bytes.at(-1),
    ])
    expect([source.reads, source.confirmed]).to.deep.equal([[3, 1, 0, 2], 1])
    await content.summary()
    expect(source.reads).to.have.length(4)
    expect(Buffer.from(content.hashes(1, 2)!)).to.deep.equal(Buffer.from(file.hashes.subarray(32, 96)))
  })

  it('notices that a block is not what it was, though nothing else tells', async () => {
    const source = new FakeSource(file)
    const content = new Content(source)
    await content.read(2)
    source.forged.add(2)
    await expectRejects(content.read(2), 'MSG_ERR_TRANSFER_CHANGED')
    await expectRejects(new Content(source, { hashes: file.hashes }).read(2), 'MSG_ERR_TRANSFER_CHANGED')
  })

  it('is read no further for its name when the last who asked has given up, and from there when it is asked again', async () => {
    const source = new FakeSource(file)
    const content = new Content(source)
    const [one, two] = [new AbortController(), new AbortController()]
    const asked = [content.summary(one.signal), content.summary(two.signal)].map((summary) =>
      summary.catch(() => 'gone'),
    )
    one.abort()
    await content.read(3)
    two.abort()
    expect(await Promise.all(asked)).to.deep.equal(['gone', 'gone'])
    expect(source.reads.length).to.be.below(4)
    expect(Buffer.from((await content.summary()).root).equals(file.root)).to.equal(true)
  })

  it('takes its turn with others when it is read for its name', async () => {
    let [running, most] = [0, 0]
    class Slow extends FakeSource {
      override async read(index: number): Promise<Block | undefined> {
        most = Math.max(most, ++running)
        await setImmediate()
        running--
        return super.read(index)
      }
    }
    await Promise.all([1, 2, 3].map(() => new Content(new Slow(file)).summary()))
    expect(most).to.equal(1)
  })

  it('of a stream is read in turn, whoever asks, and ends where the stream does', async () => {
    const disk = new DiskThread()
    const bytes = file.bytes.subarray(0, 2.5 * MIN_BLOCK_SIZE)
    const source = new StreamSource(Readable.from([bytes]), disk, { name: 'x', blockSize: MIN_BLOCK_SIZE })
    const content = new Content(source)
    try {
      const blocks = await Promise.all([0, 1, 2, 3, 9].map((index) => content.read(index)))
      expect(blocks.map((block) => block?.bytes.byteLength)).to.deep.equal([
        MIN_BLOCK_SIZE,
        MIN_BLOCK_SIZE,
        MIN_BLOCK_SIZE / 2,
        undefined,
        undefined,
      ])
      expect((await content.summary()).size).to.equal(bytes.byteLength)
    } finally {
      await content.close()
      await disk.close()
    }
  })
})
