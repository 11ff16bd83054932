import { expect } from 'chai'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { DiskStore } from '../../../../src/core/io/transfer/disk-store.ts'
import { ReceivedSource } from '../../../../src/core/io/transfer/received-source.ts'
import { contentOf, indicesOf } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { expectRejects } from '../../../helpers/errors.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

describe('io/transfer/received-source', () => {
  const root = useTempDir()
  const disk = useDiskThread()
  // Names that are changed when they land: blocks are found all the same.
  const content = contentOf({ 'a/CON': randomBytes(300_000), 'a/x': randomBytes(500_000), '../b': randomBytes(9) })

  const opened = async (): Promise<{ store: DiskStore; source: ReceivedSource }> => {
    const { manifest, key } = content
    const store = await DiskStore.open(disk, { root: root(), manifest, key })
    const hashOf = (index: number): Uint8Array => content.block(index).hash
    return { store, source: new ReceivedSource(disk, { manifest, store, hashOf }) }
  }
  const put = async (store: DiskStore, index: number): Promise<void> => {
    const { bytes, hash } = content.block(index)
    await store.write(index, bytes, hash)
  }
  const isRight = async (source: ReceivedSource, index: number): Promise<boolean> => {
    const block = await source.read(index)
    const same = Buffer.from(block!.bytes).equals(content.block(index).bytes)
    block!.release()
    return same
  }

  it('hands out what has come so far, and nothing else', async () => {
    const { store, source } = await opened()
    await put(store, 1)
    expect(await isRight(source, 1)).to.equal(true)
    await expectRejects(source.read(0), 'MSG_ERR_TRANSFER_CHANGED')
    expect(await source.read(99)).to.equal(undefined)
    await store.discard()
  })

  it('goes on from the files once they have landed, whoever asks meanwhile', async () => {
    const { store, source } = await opened()
    for (const index of indicesOf(content)) await put(store, index)
    const landing = store.land()
    source.handleLanding(landing)
    expect(await Promise.all(indicesOf(content).map((index) => isRight(source, index)))).to.not.include(false)
    await landing
    for (const index of indicesOf(content)) expect(await isRight(source, index)).to.equal(true)
  })

  it('hands out nothing of a file that its owner has changed', async () => {
    const { store, source } = await opened()
    for (const index of indicesOf(content)) await put(store, index)
    const landing = store.land()
    source.handleLanding(landing)
    const { path } = await landing
    writeFileSync(join(path, 'a', 'x'), 'something else')
    await expectRejects(source.read(1), 'MSG_ERR_TRANSFER_CHANGED')
  })
})
