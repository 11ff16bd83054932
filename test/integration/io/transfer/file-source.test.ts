import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Block, BlockSource } from '../../../../src/core/io/transfer/block-source.ts'
import { FileSource } from '../../../../src/core/io/transfer/file-source.ts'
import { sha256 } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { expectRejects } from '../../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../../helpers/temp.ts'

describe('transfer: files and folders that are sent', () => {
  const disk = useDiskThread()
  let base: string
  beforeEach(() => {
    base = tempDir()
  })
  afterEach(removeTempDirs)

  const write = (path: string, content: string | Uint8Array): string => {
    const whole = join(base, path)
    mkdirSync(join(whole, '..'), { recursive: true })
    writeFileSync(whole, content)
    return whole
  }
  const open = (...paths: string[]): Promise<FileSource> => FileSource.open(paths, disk, { blockSize: 262_144 })
  const readAll = async (source: BlockSource): Promise<Buffer> => {
    const blocks: Buffer[] = []
    for (let index = 0; ; index++) {
      const block = await source.read(index)
      if (!block) return Buffer.concat(blocks)
      expect(Buffer.from(block.hash).equals(sha256(block.bytes))).to.equal(true)
      blocks.push(Buffer.from(block.bytes))
      block.release()
      block.release()
    }
  }

  it('sends one file under its name', async () => {
    const content = randomBytes(700_000)
    const source = await open(write('photo.jpg', content))
    const { manifest } = source
    expect(manifest).to.include({ name: 'photo.jpg', kind: 'file', size: 700_000, blockSize: 262_144 })
    expect(manifest.entries).to.have.length(1)
    expect(manifest.entries[0]).to.include({ path: 'photo.jpg', kind: 'file', size: 700_000 })
    expect((await readAll(source)).equals(content)).to.equal(true)
    await source.confirm()
    await source.close()
    await source.close()
  })

  it('walks folders depth first, in the order of names, empty folders and files included', async () => {
    for (const path of ['b/2', 'b/10', 'a', 'B', 'é', 'b/deep/x']) write(`top/${path}`, path)
    write('top/empty', '')
    mkdirSync(join(base, 'top/nothing'))
    const source = await open(join(base, 'top'))
    expect(source.manifest).to.include({ name: 'top', kind: 'folder' })
    expect(source.manifest.entries.map(({ path, kind }) => `${path}${kind === 'folder' ? '/' : ''}`)).to.deep.equal([
      'B',
      'a',
      'b/',
      'b/10',
      'b/2',
      'b/deep/',
      'b/deep/x',
      'empty',
      'nothing/',
      'é',
    ])
    expect(String(await readAll(source))).to.equal('Bab/10b/2b/deep/xé')
  })

  it('sends several paths as one folder, in the order they were named', async () => {
    write('z/inner', 'inner')
    const source = await open(write('one', '1'), join(base, 'z'), write('two', '2'))
    expect(source.manifest).to.include({ name: 'files', kind: 'folder' })
    expect(source.manifest.entries.map(({ path }) => path)).to.deep.equal(['one', 'z', 'z/inner', 'two'])
    expect(String(await readAll(source))).to.equal('1inner2')
    await source.confirm()
  })

  it('follows a symlink that was named and leaves out those that were found, with pipes', async () => {
    const secret = write('secret', 'secret')
    write('top/file', 'file')
    symlinkSync(secret, join(base, 'top/link'))
    symlinkSync(base, join(base, 'top/loop'))
    symlinkSync(join(base, 'top'), join(base, 'named'))
    execFileSync('mkfifo', [join(base, 'top/pipe')])
    const source = await open(join(base, 'named'))
    expect(source.manifest.name).to.equal('named')
    expect(source.manifest.entries.map(({ path }) => path)).to.deep.equal(['file'])
    expect(source.skipped).to.deep.equal(['link', 'loop', 'pipe'])
  })

  it('offers composed names and reads the files under the names they have', async () => {
    write('top/e\u0301/e\u0301', 'composed')
    const source = await open(join(base, 'top'))
    expect(source.manifest.entries.map(({ path }) => path)).to.deep.equal(['\u00e9', '\u00e9/\u00e9'])
    expect(String(await readAll(source))).to.equal('composed')
  })

  it('says that there is nothing, or nothing that could be sent', async () => {
    await expectRejects(open(join(base, 'nothing')), 'MSG_ERR_FILE_UNKNOWN')
    await expectRejects(open(join(write('file', ''), 'below')), 'MSG_ERR_FILE_UNKNOWN')
    await expectRejects(open(), 'MSG_ERR_USAGE')
    await expectRejects(open('/dev/null'), 'MSG_ERR_USAGE')
  })

  const changes: Record<string, (path: string) => void> = {
    grew: (path) => appendFileSync(path, 'x'),
    shrank: (path) => truncateSync(path, 10),
    'is gone': (path) => rmSync(path),
    'has other content of the same size': (path) => writeFileSync(path, Buffer.alloc(300_000, 'y')),
    'was replaced by one of the same size and time': (path) => {
      renameSync(path, `${path}.old`)
      writeFileSync(path, Buffer.alloc(300_000, 'y'))
      utimesSync(path, 1_000, 1_000)
    },
    'became a folder': (path) => (rmSync(path), mkdirSync(path)),
    'became a symlink': (path) => (renameSync(path, `${path}.old`), symlinkSync(`${path}.old`, path)),
    'became a pipe': (path) => (rmSync(path), execFileSync('mkfifo', [path])),
    'has a file for a folder above': (path) => (
      rmSync(join(path, '..'), { recursive: true }),
      writeFileSync(join(path, '..'), '')
    ),
  }
  for (const [what, change] of Object.entries(changes))
    it(`notices a file that ${what}`, async () => {
      const path = write('top/file', Buffer.alloc(300_000, 'x'))
      utimesSync(path, 1_000, 1_000)
      const source = await open(join(base, 'top'))
      ;(await source.read(0))?.release()
      await source.confirm()
      change(path)
      await expectRejects(source.read(1), 'MSG_ERR_TRANSFER_CHANGED')
      await expectRejects(source.confirm(), 'MSG_ERR_TRANSFER_CHANGED')
    })

  it('reads a few blocks of a sparse file of 50 GiB without reading the rest', async () => {
    const path = write('huge', 'start')
    truncateSync(path, 50 * 2 ** 30)
    appendFileSync(path, 'end')
    const source = await FileSource.open([path], disk)
    expect(source.manifest.blockSize).to.equal(1_048_576)
    const before = process.memoryUsage().rss
    const last = 50 * 1_024
    for (const index of [0, 1, 25_000, last - 1, last]) {
      const block = await source.read(index)
      if (index === 0) expect(Buffer.from(block!.bytes.subarray(0, 6)).toString()).to.equal('start\0')
      if (index === last) expect(Buffer.from(block!.bytes).toString()).to.equal('end')
      block!.release()
    }
    expect(await source.read(last + 1)).to.equal(undefined)
    expect(process.memoryUsage().rss - before).to.be.below(64 * 2 ** 20)
  })

  // Takes a minute and more: only when asked for.
  const whole = process.env['WHOLE'] === '1' ? it : () => {}
  whole('hashes a sparse file of 50 GiB whole in bounded memory', async function () {
    this.timeout(0)
    const path = write('huge', '')
    truncateSync(path, 50 * 2 ** 30)
    const source = await FileSource.open([path], disk)
    const before = process.memoryUsage().rss
    for (let index = 0; ; index++) {
      const block = await source.read(index)
      if (!block) break
      block.release()
    }
    expect(process.memoryUsage().rss - before).to.be.below(64 * 2 ** 20)
  })

  it('uses the memory of released blocks again', async () => {
    const source = await open(write('file', randomBytes(800_000)))
    const first = (await source.read(0))!
    first.release()
    const second = (await source.read(1))!
    const placeOf = ({ bytes }: Block): unknown => [bytes.buffer, bytes.byteOffset]
    expect(placeOf(second)).to.deep.equal(placeOf(first))
    const third = (await source.read(2))!
    expect(placeOf(third)).to.not.deep.equal(placeOf(second))
  })
})
