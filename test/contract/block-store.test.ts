import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DiskStore } from '../../src/core/io/transfer/disk-store.ts'
import { MemoryDownloads } from '../../src/core/testing/memory-block-store.ts'
import { useDiskThread } from '../helpers/disk-thread.ts'
import { removeTempDirs, tempDir } from '../helpers/temp.ts'
import { describeBlockStore } from './block-store.ts'

describe('block stores', () => {
  const disk = useDiskThread()
  let root: string
  let memory: MemoryDownloads

  beforeEach(() => {
    root = tempDir()
    memory = new MemoryDownloads()
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
})

function bytesBelow(path: string): Buffer {
  if (statSync(path).isFile()) return readFileSync(path)
  return Buffer.concat(
    readdirSync(path)
      .sort()
      .map((name) => bytesBelow(join(path, name))),
  )
}
