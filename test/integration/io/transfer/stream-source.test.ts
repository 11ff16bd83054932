import { randomBytes } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { expect } from 'chai'
import { StreamSource } from '../../../../src/core/io/transfer/stream-source.ts'
import { sha256 } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { expectRejects } from '../../../helpers/errors.ts'

describe('transfer: a stream that is sent', () => {
  const disk = useDiskThread()
  const open = (stream: Readable): StreamSource => new StreamSource(stream, disk, { name: 'stdin', blockSize: 262_144 })

  it('is cut into blocks whatever pieces it comes in, and has a size at its end', async () => {
    const content = randomBytes(700_000)
    for (const size of [1_000, 65_536, 262_144, 700_000]) {
      const pieces = Array.from({ length: Math.ceil(content.length / size) }, (_, i) =>
        content.subarray(i * size, (i + 1) * size),
      )
      const source = open(Readable.from(pieces))
      expect(source.manifest).to.deep.include({ name: 'stdin', kind: 'stream', size: -1 })
      const blocks: Buffer[] = []
      for (let block = await source.read(0); block; block = await source.read(blocks.length)) {
        expect(Buffer.from(block.hash).equals(sha256(block.bytes))).to.equal(true)
        blocks.push(Buffer.from(block.bytes))
        block.release()
      }
      expect(blocks.map(({ length }) => length)).to.deep.equal([262_144, 262_144, 175_712])
      expect(Buffer.concat(blocks).equals(content)).to.equal(true)
      expect(source.manifest.size).to.equal(700_000)
    }
  })

  it('may be empty', async () => {
    const source = open(Readable.from([]))
    expect(await source.read(0)).to.equal(undefined)
    expect(source.manifest.size).to.equal(0)
  })

  it('is read in order only', async () => {
    const source = open(Readable.from([randomBytes(600_000)]))
    await expectRejects(source.read(1), 'MSG_ERR_USAGE')
    const [, second] = await Promise.allSettled([source.read(0), source.read(1)])
    expect(second.status).to.equal('rejected')
    await expectRejects(source.read(0), 'MSG_ERR_USAGE')
    expect((await source.read(1))?.bytes).to.have.length(262_144)
  })

  it('is not read ahead of what is asked for', async () => {
    const stream = new PassThrough({ highWaterMark: 16_384 })
    const source = open(stream)
    let isFull = false
    for (let i = 0; i < 100 && !isFull; i++) isFull = !stream.write(randomBytes(16_384))
    expect(isFull, 'the writer waits').to.equal(true)
    await source.close()
    expect(stream.destroyed).to.equal(true)
  })

  it('passes on what breaks it', async () => {
    const stream = new PassThrough()
    const reading = open(stream).read(0)
    stream.destroy(new Error('the disk went away'))
    const error = await reading.then(
      () => undefined,
      (thrown: Error) => thrown,
    )
    expect(error?.message).to.equal('the disk went away')
  })
})
