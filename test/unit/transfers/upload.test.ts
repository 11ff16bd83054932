import { setImmediate } from 'node:timers/promises'
import { expect } from 'chai'
import type { Block, BlockSource } from '../../../src/core/io/transfer/block-source.ts'
import { MIN_BLOCK_SIZE } from '../../../src/core/transfer/manifest.ts'
import type { BlockDispatch } from '../../../src/core/transfers/block-dispatch.ts'
import { Content } from '../../../src/core/transfers/content.ts'
import { Upload } from '../../../src/core/transfers/upload.ts'
import { FakeFile, FakeFiles } from '../../helpers/fake-files.ts'
import { transferId } from '../../helpers/transfers.ts'

const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await setImmediate()
}
const id = transferId(1)
const file = new FakeFile(3 * MIN_BLOCK_SIZE)
const reads: number[] = []

/** The file in memory as a source. */
class Source implements BlockSource {
  readonly isSeekable = true
  readonly manifest = file.manifest

  async read(index: number): Promise<Block> {
    reads.push(index)
    return { index, bytes: file.block(index), hash: file.hash(index), release: () => {} }
  }

  async confirm(): Promise<void> {}

  async close(): Promise<void> {}
}

describe('transfers/upload', () => {
  let told: string[]
  let upload: Upload
  const [bob] = [new FakeFiles('bob')]
  beforeEach(() => {
    told = []
    bob.sent.length = 0
    reads.length = 0
    const dispatch = {
      add: () => {},
      remove: () => {},
      isIdle: () => true,
      handleStop: ({ key }: FakeFiles) => told.push(`${key} lets go`),
    }
    upload = new Upload({
      id,
      content: new Content(new Source()),
      dispatch: dispatch as unknown as BlockDispatch,
      priority: 1,
      listener: {
        onSent: () => {},
        onDone: ({ key }) => told.push(`${key} is done`),
        onFailed: ({ code }) => told.push(code),
      },
    })
  })

  it('lets the stream go of a receiver that has all of it', async () => {
    upload.handleFrame(bob.files, { type: 'done', id, root: file.root })
    await settle()
    expect(told).to.deep.equal(['bob lets go', 'bob is done'])
  })

  it('is not read to its end for somebody who has gone', async () => {
    for (let i = 0; i < 3; i++) upload.handleFrame(bob.files, { type: 'root-want', id })
    upload.handleGone(bob.files)
    await settle()
    expect([reads.length < file.blocks, bob.sent, told]).to.deep.equal([true, [], ['bob lets go']])
    upload.handleFrame(bob.files, { type: 'root-want', id })
    await settle()
    expect(bob.all('root')).to.have.length(1)
  })
})
