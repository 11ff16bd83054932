import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { BlockStore } from '../../src/core/io/transfer/block-store.ts'
import type { Manifest } from '../../src/core/transfer/manifest.ts'
import { contentOf, indicesOf, sha256, type Content } from '../helpers/content.ts'
import { expectRejects } from '../helpers/errors.ts'

/** What the suite needs of an implementation; one download root for each test. */
export interface BlockStoreSubject {
  open(manifest: Manifest, key: string): Promise<BlockStore> | BlockStore
  /** Bytes that landed under `name`: those of its files one after the other in order of their names; nothing when there is none. */
  landed(name: string): Buffer | undefined
}

/**
 * What every {@link BlockStore} keeps to.
 *
 * @param options.isPassing - what it has taken is gone: nothing is read back, kept for the next time, or lands under a free name. Files and streams only.
 */
export function describeBlockStore(
  name: string,
  subject: () => BlockStoreSubject,
  { isPassing = false }: { isPassing?: boolean } = {},
): void {
  describe(`contract: ${name} is a BlockStore`, () => {
    const unlessPassing = isPassing ? (): void => {} : it
    const three = contentOf({ a: randomBytes(600_000) })
    const openFor = async ({ manifest, key }: Content): Promise<BlockStore> => subject().open(manifest, key)
    const put = (store: BlockStore, content: Content, index: number): Promise<void> => {
      const { bytes, hash } = content.block(index)
      return store.write(index, bytes, hash)
    }

    it('starts with nothing', async () => {
      const store = await openFor(three)
      expect(store.blocks).to.equal(3)
      expect(store.verified).to.equal(0)
      expect(store.has(0)).to.equal(false)
      expect(store.hash(0)).to.equal(undefined)
      expect(await store.read(0)).to.equal(undefined)
      await store.discard()
    })

    it('takes blocks in any order, gives them back, and lands them', async () => {
      const store = await openFor(three)
      for (const index of [2, 0, 1]) await put(store, three, index)
      expect(store.verified).to.equal(3)
      for (const index of indicesOf(three)) {
        expect(store.has(index)).to.equal(true)
        expect(Buffer.from(store.hash(index)!)).to.deep.equal(three.block(index).hash)
        const back = await store.read(index)
        if (isPassing) expect(back).to.equal(undefined)
        else expect(Buffer.compare(back!, three.block(index).bytes)).to.equal(0)
      }
      expect(store.hasLanded).to.equal(false)
      const landed = await store.land()
      expect(store.hasLanded).to.equal(true)
      expect(landed).to.include({ name: 'sent', files: 1, size: 600_000 })
      expect(subject().landed('sent')!.equals(three.bytes)).to.equal(true)
    })

    it('takes several blocks at once, and one block twice', async () => {
      const store = await openFor(three)
      await Promise.all([0, 1, 2, 1, 1].map((index) => put(store, three, index)))
      expect(store.verified).to.equal(3)
      await put(store, three, 0)
      expect(store.verified).to.equal(3)
      await store.discard()
    })

    it('does not believe what has another hash, another length or another place', async () => {
      const store = await openFor(three)
      const { bytes, hash } = three.block(0)
      await expectRejects(store.write(0, bytes, sha256(Buffer.from('x'))), 'MSG_ERR_TRANSFER_INTEGRITY')
      const short = bytes.subarray(1)
      await expectRejects(store.write(0, short, sha256(short)), 'MSG_ERR_TRANSFER_INTEGRITY')
      await expectRejects(store.write(3, bytes, hash), 'MSG_ERR_TRANSFER_INTEGRITY')
      await expectRejects(store.write(-1, bytes, hash), 'MSG_ERR_TRANSFER_INTEGRITY')
      await expectRejects(store.write(0.5, bytes, hash), 'MSG_ERR_TRANSFER_INTEGRITY')
      await expectRejects(store.write(3, new Uint8Array(), sha256(new Uint8Array())), 'MSG_ERR_TRANSFER_INTEGRITY')
      expect(store.verified).to.equal(0)
      await put(store, three, 0)
      expect(store.verified).to.equal(1)
      await store.discard()
    })

    it('takes the right block from one source after a wrong one from another', async () => {
      const store = await openFor(three)
      const wrong = store.write(0, randomBytes(262_144), three.block(0).hash)
      const right = put(store, three, 0)
      await expectRejects(wrong, 'MSG_ERR_TRANSFER_INTEGRITY')
      await right
      expect(Buffer.from(store.hash(0)!)).to.deep.equal(three.block(0).hash)
      await store.discard()
    })

    it('does not land before everything is there, and goes on afterwards', async () => {
      const store = await openFor(three)
      await put(store, three, 1)
      await expectRejects(store.land(), 'MSG_ERR_TRANSFER_INTEGRITY')
      await put(store, three, 0)
      await put(store, three, 2)
      await store.land()
      expect(subject().landed('sent')!.equals(three.bytes)).to.equal(true)
    })

    it('lands once, however often it is told to', async () => {
      const store = await openFor(three)
      for (const index of indicesOf(three)) await put(store, three, index)
      const [first, second] = await Promise.all([store.land(), store.land()])
      expect(second).to.deep.equal(first)
      expect(await store.land()).to.deep.equal(first)
      expect(subject().landed('sent (2)')).to.equal(undefined)
    })

    unlessPassing('lands beside what is there, never in its place', async () => {
      for (const name of ['sent', 'sent (2)', 'sent (3)']) {
        const content = contentOf({ a: `this is ${name}` })
        const store = await openFor(content)
        await put(store, content, 0)
        expect((await store.land()).name).to.equal(name)
      }
      expect(String(subject().landed('sent'))).to.equal('this is sent')
      expect(String(subject().landed('sent (3)'))).to.equal('this is sent (3)')
    })

    unlessPassing('keeps what is there for the next time', async () => {
      const first = await openFor(three)
      await put(first, three, 2)
      await first.keep()
      const second = await openFor(three)
      expect(second.verified).to.equal(1)
      expect(second.has(2)).to.equal(true)
      await put(second, three, 0)
      await put(second, three, 1)
      await second.land()
      expect(subject().landed('sent')!.equals(three.bytes)).to.equal(true)
    })

    unlessPassing('forgets what was discarded and what has landed', async () => {
      const first = await openFor(three)
      await put(first, three, 2)
      await first.discard()
      const second = await openFor(three)
      expect(second.verified).to.equal(0)
      for (const index of indicesOf(three)) await put(second, three, index)
      await second.land()
      const third = await openFor(three)
      expect(third.verified).to.equal(0)
      await third.discard()
    })

    it('does nothing more once it has ended, and ends as often as one likes', async () => {
      for (const end of ['keep', 'discard'] as const) {
        const store = await openFor(three)
        await store[end]()
        await store.keep()
        await store.discard()
        await expectRejects(put(store, three, 0), 'MSG_ERR_CANCELLED')
        await expectRejects(store.read(0), 'MSG_ERR_CANCELLED')
        await expectRejects(store.land(), 'MSG_ERR_CANCELLED')
      }
    })

    unlessPassing('lands folders, empty files and content without bytes', async () => {
      const folder = contentOf({ a: 'one', 'b/': '', 'b/c': '', 'b/d': 'two' })
      const store = await openFor(folder)
      await put(store, folder, 0)
      expect(await store.land()).to.include({ files: 3, size: 6 })
      expect(String(subject().landed('sent'))).to.equal('onetwo')

      const nothing = contentOf({ a: '' })
      const empty = await openFor(nothing)
      expect(empty.blocks).to.equal(0)
      expect(await empty.land()).to.include({ name: 'sent (2)', size: 0 })
      expect(subject().landed('sent (2)')).to.have.length(0)
    })

    it('takes a stream whose size is told at its end, and starts it anew the next time', async () => {
      const stream = contentOf({ a: three.bytes }, { kind: 'stream', size: -1 })
      const first = await openFor(stream)
      expect(first.blocks).to.equal(Infinity)
      await put(first, stream, 0)
      await first.keep()
      const second = await openFor(stream)
      expect(second.verified).to.equal(0)
      for (const index of indicesOf(stream)) await put(second, stream, index)
      await expectRejects(second.land(), 'MSG_ERR_TRANSFER_INTEGRITY')
      await expectRejects(second.land({ size: 1 }), 'MSG_ERR_TRANSFER_INTEGRITY')
      expect(await second.land({ size: 600_000 })).to.include({ name: 'sent', size: 600_000 })
      expect(subject().landed('sent')!.equals(three.bytes)).to.equal(true)
    })
  })
}
