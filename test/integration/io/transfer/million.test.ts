import { expect } from 'chai'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DiskStore } from '../../../../src/core/io/transfer/disk-store.ts'
import { landingTree } from '../../../../src/core/transfer/landing-names.ts'
import { decodeManifest, encodeManifest } from '../../../../src/core/transfer/manifest-codec.ts'
import { MAX_ENTRIES, MAX_MANIFEST, type Entry, type Manifest } from '../../../../src/core/transfer/manifest.ts'
import { sha256 } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { expectRejects } from '../../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../../helpers/temp.ts'

/** As many files as a manifest may have, of one byte each: a block holds 262,144 of them. */
function million(): Manifest {
  const entries = Array.from({ length: MAX_ENTRIES }, (_, i): Entry => {
    return { path: `${i % 1_000}/${i}`, kind: 'file', size: 1, mode: 0o644, mtime: 0 }
  })
  return { name: 'million', kind: 'folder', entries, size: MAX_ENTRIES, blockSize: 262_144 }
}

describe('transfer: a manifest of a million files', function () {
  this.timeout(120_000)
  const disk = useDiskThread()
  afterEach(removeTempDirs)

  it('is written and read again in bounded memory', () => {
    const manifest = million()
    const before = process.memoryUsage().heapUsed
    const started = performance.now()
    const encoded = encodeManifest(manifest)
    const written = performance.now()
    const read = decodeManifest(encoded)
    const grew = (process.memoryUsage().heapUsed - before) / 2 ** 20
    const took = [written - started, performance.now() - written].map((ms) => `${ms.toFixed(0)} ms`)
    console.log(
      `    ${(encoded.length / 2 ** 20).toFixed(1)} MiB, written in ${took[0]}, read in ${took[1]}; memory grew by ${grew.toFixed(0)} MiB`,
    )
    expect(read.entries).to.have.length(MAX_ENTRIES)
    expect(read.entries.at(-1)).to.deep.equal(manifest.entries.at(-1))
    expect(encoded.length).to.be.below(MAX_MANIFEST)
    expect(grew).to.be.below(400)
  })

  it('has a place for each in bounded memory', () => {
    const manifest = million()
    const before = process.memoryUsage().heapUsed
    const started = performance.now()
    const { folders, files } = landingTree(manifest.entries)
    const took = (performance.now() - started).toFixed(0)
    const grew = (process.memoryUsage().heapUsed - before) / 2 ** 20
    console.log(`    places found in ${took} ms; memory grew by ${grew.toFixed(0)} MiB`)
    expect(folders).to.have.length(1_001)
    expect(files).to.have.length(MAX_ENTRIES)
    expect(grew).to.be.below(600)
  })

  it('makes no file before its bytes are there, and lets others have the disk thread in between', async () => {
    const root = tempDir()
    const store = await DiskStore.open(disk, { root, manifest: million(), key: 'aa' })
    expect(store.blocks).to.equal(4)
    const partial = join(root, '.msg-partial', 'aa')
    const bytes = Buffer.alloc(262_144)
    await expectRejects(store.write(0, bytes, sha256(Buffer.alloc(1))), 'MSG_ERR_TRANSFER_INTEGRITY')
    expect(existsSync(join(partial, 'f0'))).to.equal(false)

    // The last block is the smallest that shows it: 213,568 files.
    const last = Buffer.alloc(MAX_ENTRIES - 3 * 262_144)
    const writing = store.write(3, last, sha256(last)).then(() => 'written')
    const other = disk.run('hash', { bytes: new Uint8Array(new SharedArrayBuffer(1)) }).then(() => 'hashed')
    expect(await Promise.race([writing, other])).to.equal('hashed')
    expect(await writing).to.equal('written')
    expect(readdirSync(partial).filter((name) => name.startsWith('f'))).to.have.length(last.length)
    await store.discard()
    expect(readdirSync(root)).to.deep.equal([])
  })
})
