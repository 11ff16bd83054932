import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { DiskStore } from '../../src/core/io/transfer/disk-store.ts'
import { MemoryDownloads } from '../../src/core/testing/memory-block-store.ts'
import { useDiskThread } from '../helpers/disk-thread.ts'
import { WritableStore } from '../../src/core/io/transfer/writable-store.ts'
import { removeTempDirs, tempDir } from '../helpers/temp.ts'
import { describeBlockStore } from './block-store.ts'

describe('block stores', () => {
  const disk = useDiskThread()
  let root: string
  let memory: MemoryDownloads
  /** What a stream was given. */
  let taken: Buffer[] | undefined

  beforeEach(() => {
    root = tempDir()
    memory = new MemoryDownloads()
    taken = undefined
  })
  afterEach(removeTempDirs)

  describeBlockStore('MemoryBlockStore', () => ({
    open: (manifest, key) => memory.open(manifest, key),
    landed: (name) => {
      const bytes = memory.landed.get(name)
      return bytes && Buffer.from(bytes)
    },
  }))
  describeBlockStore('DiskStore', () => ({
    open: (manifest, key) => DiskStore.open(disk, { root, manifest, key }),
    landed: (name) => (existsSync(join(root, name)) ? bytesBelow(join(root, name)) : undefined),
  }))
  describeBlockStore(
    'WritableStore',
    () => ({
      open: (manifest) => {
        taken = []
        const to = new Writable({
          write(chunk: Buffer, _encoding, done) {
            taken?.push(chunk)
            setImmediate(done)
          },
        })
        return WritableStore.open(disk, { to, manifest })
      },
      landed: (name) => (name === 'sent' && taken ? Buffer.concat(taken) : undefined),
    }),
    { isPassing: true },
  )
})

function bytesBelow(path: string): Buffer {
  if (statSync(path).isFile()) return readFileSync(path)
  return Buffer.concat(
    readdirSync(path)
      .sort()
      .map((name) => bytesBelow(join(path, name))),
  )
}
