import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { DiskStore } from '../../../../src/core/io/transfer/disk-store.ts'
import { contentOf, indicesOf, type Content } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { expectRejects } from '../../../helpers/errors.ts'
import { forSeeds } from '../../../helpers/for-seeds.ts'
import { seededBytes, seededRandom } from '../../../helpers/random.ts'
import { removeTempDirs, tempDir } from '../../../helpers/temp.ts'

type Random = () => number
const below = (random: Random, limit: number): number => Math.floor(random() * limit)

describe('transfer: a download that is killed and damaged at random', () => {
  const disk = useDiskThread()
  afterEach(removeTempDirs)

  const partial = (root: string, { key }: Content): string => join(root, '.msg-partial', key)
  const open = (root: string, { manifest, key }: Content): Promise<DiskStore> =>
    DiskStore.open(disk, { root, manifest, key })

  forSeeds(import.meta.url, 'believes no wrong block and lands the same bytes', 60, async (seed) => {
    const random = seededRandom(seed)
    const content = someContent(random)
    let root = tempDir()
    for (let round = below(random, 4); round >= 0; round--) {
      const store = await open(root, content)
      await checkBelieved(store, content)
      const writing = writeSome(store, content, random)
      if (random() < 0.5) await writing
      // As a process leaves it that is killed now, perhaps in the middle of a write: its folder is copied as it is.
      const next = tempDir()
      cpSync(partial(root, content), partial(next, content), { recursive: true, mode: 0, preserveTimestamps: true })
      rmSync(join(partial(next, content), 'lock'), { force: true })
      await writing
      await store.discard()
      expect(readdirSync(root), 'nothing is left of what was discarded').to.deep.equal([])
      for (let n = below(random, 3); n > 0; n--) damage(partial(next, content), random)
      root = next
    }
    const last = await open(root, content)
    await checkBelieved(last, content)
    for (const index of indicesOf(content)) {
      const { bytes, hash } = content.block(index)
      await last.write(index, bytes, hash)
    }
    const { path } = await last.land()
    let at = 0
    for (const { path: name, kind, size } of content.manifest.entries) {
      const file = content.manifest.kind === 'file' ? path : join(path, name)
      if (kind === 'file') expect(readFileSync(file).equals(content.bytes.subarray(at, at + size)), name).to.equal(true)
      else expect(existsSync(file), name).to.equal(true)
      at += size
    }
    expect(readdirSync(root)).to.deep.equal(['sent'])
  })

  /** Each block that is believed is there, with its own hash and its own bytes. */
  async function checkBelieved(store: DiskStore, content: Content): Promise<void> {
    for (const index of indicesOf(content).filter((each) => store.has(each))) {
      const { bytes, hash } = content.block(index)
      expect(Buffer.from(store.hash(index)!).equals(hash), `hash of block ${index}`).to.equal(true)
      expect(Buffer.compare((await store.read(index))!, bytes), `bytes of block ${index}`).to.equal(0)
    }
  }

  /** Some blocks in some order, several at once, some of them wrong and some twice. */
  async function writeSome(store: DiskStore, content: Content, random: Random): Promise<void> {
    const writes: Array<Promise<void>> = []
    for (let n = below(random, 2 * indicesOf(content).length); n > 0; n--) {
      const index = below(random, indicesOf(content).length)
      const { bytes, hash } = content.block(index)
      if (random() < 0.2 && !store.has(index)) {
        const wrong = Buffer.from(bytes)
        wrong[below(random, wrong.length)]! ^= 1 + below(random, 255)
        // A block that is there by then is not needed, right or wrong.
        const isNeeded = store.write(index, wrong, hash).then(
          () => expect(store.has(index)).to.equal(true),
          async (error: unknown) => expectRejects(Promise.reject(error as Error), 'MSG_ERR_TRANSFER_INTEGRITY'),
        )
        writes.push(isNeeded.then(() => {}))
      } else writes.push(store.write(index, bytes, hash))
      if (random() < 0.3) await Promise.all(writes)
    }
    await Promise.all(writes)
  }
})

/** A few files, some empty, some larger than a block, some that share one. */
function someContent(random: Random): Content {
  const bytes = seededBytes(random)
  const files: Record<string, Uint8Array> = {}
  for (let n = below(random, 6); n >= 0; n--) {
    const folder = random() < 0.3 ? `folder ${below(random, 2)}/` : ''
    files[`${folder}${n}`] = random() < 0.2 ? new Uint8Array() : bytes(1 + below(random, 3 * BLOCK))
  }
  if (random() < 0.3) files['only a folder/'] = new Uint8Array()
  return contentOf(files, { blockSize: BLOCK })
}

/** What disks, crashes and curious people do to one of the files of a partial download. */
function damage(folder: string, random: Random): void {
  const names = readdirSync(folder).filter((name) => name === 'blocks' || /^f\d+$/.test(name))
  const path = join(folder, names[below(random, names.length)] ?? 'blocks')
  if (!existsSync(path)) return
  const bytes = readFileSync(path)
  switch (below(random, 6)) {
    case 0:
      return truncateSync(path, below(random, bytes.length + 1))
    case 1:
      if (bytes.length === 0) return
      bytes[below(random, bytes.length)]! ^= 1 + below(random, 255)
      return writeFileSync(path, bytes)
    case 2:
      return writeFileSync(path, Buffer.concat([bytes, seededBytes(random)(below(random, 100))]))
    case 3:
      return rmSync(path)
    // What a power cut makes of blocks that had not reached the disk.
    case 4:
      return writeFileSync(path, bytes.fill(0, below(random, bytes.length + 1)))
    // Its second half first: records in another order, or bytes at other places.
    case 5:
      return writeFileSync(
        path,
        Buffer.concat([bytes.subarray(bytes.length >> 1), bytes.subarray(0, bytes.length >> 1)]),
      )
  }
}

const BLOCK = 4_096
