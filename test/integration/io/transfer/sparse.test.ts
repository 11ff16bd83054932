import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, statfsSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { DiskStore } from '../../../../src/core/io/transfer/disk-store.ts'
import { FileSource } from '../../../../src/core/io/transfer/file-source.ts'
import { manifestHash } from '../../../../src/core/transfer/hash.ts'
import { decodeManifest, encodeManifest } from '../../../../src/core/transfer/manifest-codec.ts'
import { sha256 } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { removeTempDirs, tempDir } from '../../../helpers/temp.ts'

const GIB = 2 ** 30
const SIZE = 50 * GIB + 12_345

/** The most memory a process had while `act` ran beyond what it had before, MiB. */
async function growth(act: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss()
  let most = before
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5)
  await act().finally(() => clearInterval(timer))
  return (Math.max(most, process.memoryUsage.rss()) - before) / 2 ** 20
}

describe('transfer: a file of 50 GiB', function () {
  const disk = useDiskThread()
  let base: string
  let path: string
  let mounted: string | undefined
  beforeEach(() => {
    base = tempDir()
    path = join(base, 'huge.bin')
    writeFileSync(path, '')
    truncateSync(path, SIZE)
  })
  afterEach(() => {
    if (mounted !== undefined) execFileSync('umount', ['-l', mounted])
    mounted = undefined
    removeTempDirs()
  })

  /** A download root with that much room, of which a test takes little; or why there is none. */
  function root(): { at: string } | { why: string } {
    const at = join(base, 'downloads')
    mkdirSync(at)
    const { bavail, bsize } = statfsSync(at)
    if (bavail * bsize > SIZE) return { at }
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=51g,mode=0700', 'msg-test', at], { stdio: 'pipe' })
      mounted = at
      return { at }
    } catch {
      return { why: `${Math.round((bavail * bsize) / GIB)} GiB are free, and none can be mounted` }
    }
  }

  it('is offered, and any of its blocks received, in little memory', async function () {
    const place = root()
    if ('why' in place) {
      console.log(`    skipped: ${place.why}`)
      return this.skip()
    }
    // Something to find, also where 32 bits do not reach.
    const marks = [0, 3 * GIB, 4 * GIB - 1, 17 * GIB + 77, 49 * GIB, SIZE - 1]
    const file = openSync(path, 'r+')
    for (const [n, at] of marks.entries()) writeSync(file, Buffer.of(n + 1), 0, 1, at)
    closeSync(file)
    let blocks = 0
    const grew = await growth(async () => {
      const source = await FileSource.open([path], disk)
      const encoded = encodeManifest(source.manifest)
      const manifest = decodeManifest(encoded)
      const key = manifestHash(encoded).toString('hex')
      let store = await DiskStore.open(disk, { root: place.at, manifest, key })
      blocks = store.blocks
      const wanted = marks.map((at) => Math.floor(at / manifest.blockSize))
      for (let index = 0; index < blocks; index += 4_999) wanted.push(index)
      for (const index of new Set(wanted)) {
        const block = (await source.read(index))!
        await store.write(index, block.bytes, block.hash)
        block.release()
      }
      await source.confirm()
      await store.keep()
      store = await DiskStore.open(disk, { root: place.at, manifest, key })
      expect(store.verified).to.equal(new Set(wanted).size)
      for (const [n, at] of marks.entries()) {
        const bytes = await store.read(Math.floor(at / manifest.blockSize))
        expect(bytes?.[at % manifest.blockSize], `byte ${at}`).to.equal(n + 1)
      }
      const staged = statSync(join(place.at, '.msg-partial', key, 'f0'))
      expect(staged.size).to.equal(SIZE)
      expect(staged.blocks * 512, 'only what was written takes room').to.be.below(64 * 2 ** 20)
      await store.discard()
    })
    console.log(`    ${blocks} blocks; memory grew by ${grew.toFixed(0)} MiB`)
    expect(blocks).to.equal(51_201)
    expect(grew).to.be.below(192)
  })

  const long = process.env['MSG_TEST_SPARSE'] === '1' ? it : () => {}
  long('is read and verified to its end in little memory (MSG_TEST_SPARSE=1)', async function () {
    this.timeout(3_600_000)
    const started = Date.now()
    const hashes = new Map<number, Buffer>()
    const grew = await growth(async () => {
      const source = await FileSource.open([path], disk)
      const { blockSize } = source.manifest
      const zeros = sha256(Buffer.alloc(blockSize))
      const count = Math.ceil(SIZE / blockSize)
      const last = sha256(Buffer.alloc(SIZE - (count - 1) * blockSize))
      let next = 0
      const worker = async (): Promise<void> => {
        for (let index = next++; index < count; index = next++) {
          const block = (await source.read(index))!
          expect(Buffer.compare(block.hash, index === count - 1 ? last : zeros), `block ${index}`).to.equal(0)
          hashes.set(index, Buffer.from(block.hash))
          block.release()
        }
      }
      await Promise.all([worker(), worker(), worker()])
      await source.confirm()
    })
    const seconds = (Date.now() - started) / 1_000
    console.log(
      `    ${hashes.size} blocks in ${seconds.toFixed(0)} s, ${(SIZE / 1e6 / seconds).toFixed(0)} MB/s; memory grew by ${grew.toFixed(0)} MiB`,
    )
    expect(hashes.size).to.equal(51_201)
    expect(grew).to.be.below(192)
  })
})
