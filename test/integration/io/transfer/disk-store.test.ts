import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'chai'
import { DiskStore } from '../../../../src/core/io/transfer/disk-store.ts'
import { contentOf, indicesOf, sha256, type Content } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { expectRejects } from '../../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../../helpers/temp.ts'

describe('transfer: downloads on the disk', () => {
  const disk = useDiskThread()
  let base: string
  let root: string
  let outside: string
  beforeEach(() => {
    base = tempDir()
    root = join(base, 'downloads')
    outside = join(base, 'outside')
    mkdirSync(root)
    mkdirSync(outside)
  })
  afterEach(() => {
    expect(readdirSync(outside), 'nothing is written outside').to.deep.equal([])
    removeTempDirs()
  })

  const open = ({ manifest, key }: Content, quota?: number): Promise<DiskStore> =>
    DiskStore.open(disk, { root, manifest, key, quota })
  const fill = async (store: DiskStore, content: Content): Promise<void> => {
    for (const index of indicesOf(content)) {
      const { bytes, hash } = content.block(index)
      if (!store.has(index)) await store.write(index, bytes, hash)
    }
  }
  const receive = async (content: Content): Promise<string> => {
    const store = await open(content)
    await fill(store, content)
    return (await store.land()).path
  }
  const partial = (content: Content, name = ''): string => join(root, '.msg-partial', content.key, name)
  const tree = (path: string): string[] =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((found) => found.isFile())
      .map((found) => join(found.parentPath, found.name).slice(path.length + 1))
      .sort()

  it('lands hostile names below one folder, each under a safe name', async () => {
    const names = [
      '../x',
      '/etc/passwd',
      'a\0b',
      '\u001b[31mred',
      'gpj\u202eexe',
      'CON',
      'nul.txt',
      'dots...',
      'spaces  ',
    ]
    names.push('README', 'readme', '\u00e9', 'e\u0301', 'n'.repeat(4_096), `${'d/'.repeat(200)}deep`, 'C:\\x', '.', '')
    const content = contentOf(Object.fromEntries(names.map((name) => [name, `content of ${name}`])), {
      name: '../../up',
    })
    const path = await receive(content)
    expect(path).to.equal(join(root, '.._.._up'))
    const found = tree(path)
    expect(found).to.have.length(names.length)
    for (const name of [
      '_/x',
      'etc/passwd',
      'a_b',
      '_CON',
      '_nul.txt',
      'dots',
      'README',
      'readme (2)',
      'é (2)',
      'C__x',
    ])
      expect(found).to.include(name)
    expect(readFileSync(join(path, 'readme (2)'), 'utf8')).to.equal('content of readme')
    expect(readdirSync(root), 'nothing is left beside').to.deep.equal(['.._.._up'])
  })

  it('never takes the name of the folder where partial downloads are', async () => {
    expect(await receive(contentOf({ a: 'x' }, { name: '.MSG-partial' }))).to.equal(join(root, '_.MSG-partial'))
  })

  it('gives files their time, and their mode as far as the umask allows; nothing more than permissions', async () => {
    const path = await receive(contentOf({ 'bin/run': 'x', empty: '' }, { mode: 0o6777 }))
    const stats = statSync(join(path, 'bin/run'))
    expect(stats.mode & 0o7777).to.equal((0o777 & ~process.umask()) | 0o400)
    expect(stats.mtimeMs).to.equal(1_700_000_000_000)
    expect(stats.nlink, 'no second name is left').to.equal(1)
    expect(statSync(join(path, 'empty')).size).to.equal(0)
  })

  it('keeps partial downloads to this user', async () => {
    const content = contentOf({ a: randomBytes(300_000) })
    const store = await open(content)
    const { bytes, hash } = content.block(0)
    await store.write(0, bytes, hash)
    expect(statSync(partial(content)).mode & 0o777).to.equal(0o700)
    expect(statSync(partial(content, 'f0')).mode & 0o777).to.equal(0o600)
    await store.discard()
    expect(readdirSync(root)).to.deep.equal([])
  })

  it('leaves whatever has the name that a download would get', async () => {
    writeFileSync(join(root, 'sent'), 'mine')
    mkdirSync(join(root, 'sent (2)'))
    symlinkSync(join(outside, 'target'), join(root, 'sent (3)'))
    symlinkSync(outside, join(root, 'sent (4)'))
    expect(await receive(contentOf({ a: 'x' }))).to.equal(join(root, 'sent (5)'))
    expect(await receive(contentOf({ a: 'x', b: 'y' }))).to.equal(join(root, 'sent (6)'))
    expect(readFileSync(join(root, 'sent'), 'utf8')).to.equal('mine')
    expect(readdirSync(join(root, 'sent (2)'))).to.deep.equal([])
    expect(lstatSync(join(root, 'sent (3)')).isSymbolicLink()).to.equal(true)
  })

  it('follows no symlink in place of the partial folder', async () => {
    const content = contentOf({ a: 'x' })
    symlinkSync(outside, join(root, '.msg-partial'))
    await expectRejects(open(content), 'MSG_ERR_DIRECTORY_ACCESS')
    rmSync(join(root, '.msg-partial'))
    mkdirSync(join(root, '.msg-partial'), { mode: 0o700 })
    symlinkSync(outside, partial(content))
    await expectRejects(open(content), 'MSG_ERR_DIRECTORY_ACCESS')
  })

  it('writes through no symlink and into no file of somebody else that lies in place of its own', async () => {
    const content = contentOf({ a: randomBytes(300_000) })
    const { bytes, hash } = content.block(0)
    const mine = join(base, 'mine')
    writeFileSync(mine, 'mine')
    const store = await open(content)
    for (const plant of [
      () => symlinkSync(join(outside, 'new'), partial(content, 'f0')),
      () => symlinkSync(mine, partial(content, 'f0')),
      () => linkSync(mine, partial(content, 'f0')),
      () => mkdirSync(partial(content, 'f0')),
    ]) {
      plant()
      await expectRejects(store.write(0, bytes, hash), 'MSG_ERR_DIRECTORY_ACCESS')
      expect(store.has(0)).to.equal(false)
      rmSync(partial(content, 'f0'), { recursive: true })
    }
    expect(readFileSync(mine, 'utf8')).to.equal('mine')
    await store.write(0, bytes, hash)
    await store.discard()
  })

  it('stays in its folders when they are swapped for symlinks meanwhile', async function () {
    if (process.platform !== 'linux') this.skip()
    const content = contentOf({ a: randomBytes(300_000), 'sub/b': 'b' })
    const store = await open(content)
    const first = content.block(0)
    await store.write(0, first.bytes, first.hash)
    renameSync(join(root, '.msg-partial'), join(root, 'moved'))
    symlinkSync(outside, join(root, '.msg-partial'))
    const second = content.block(1)
    await store.write(1, second.bytes, second.hash)
    renameSync(root, join(base, 'elsewhere'))
    symlinkSync(outside, root)
    await store.land()
    expect(tree(join(base, 'elsewhere', 'sent'))).to.deep.equal(['a', 'sub/b'])
  })

  it('lands through no symlink that lies in place of a folder of its tree', async () => {
    const content = contentOf({ 'sub/b': 'b', c: 'c' })
    const store = await open(content)
    await fill(store, content)
    mkdirSync(partial(content, 'tree'))
    symlinkSync(outside, partial(content, 'tree/sub'))
    expect(tree((await store.land()).path)).to.deep.equal(['c', 'sub/b'])
  })

  it('does not land a file that was swapped or cut after it was written', async () => {
    const content = contentOf({ a: 'aaaa', b: 'bbbb' })
    const store = await open(content)
    await fill(store, content)
    truncateSync(partial(content, 'f1'), 2)
    await expectRejects(store.land(), 'MSG_ERR_TRANSFER_INTEGRITY')
    writeFileSync(partial(content, 'f1'), 'bbbb')
    expect(tree((await store.land()).path)).to.deep.equal(['a', 'b'])
  })

  it('does not believe what was changed, cut or swapped while nobody was there', async () => {
    const content = contentOf({ a: randomBytes(1_000_000), b: randomBytes(1_000_000) })
    const damage: Array<(path: (name: string) => string) => void> = [
      (at) => writeFileSync(at('f0'), randomBytes(1_000_000)),
      (at) => truncateSync(at('f0'), 10),
      (at) => rmSync(at('f0')),
      (at) => (rmSync(at('f0')), symlinkSync(at('f1'), at('f0'))),
      (at) => writeFileSync(at('blocks'), randomBytes(500)),
      (at) => rmSync(at('blocks')),
      (at) => (rmSync(at('blocks')), symlinkSync('/dev/zero', at('blocks'))),
      (at) => truncateSync(at('blocks'), 130),
      (at) => appendFileSync(at('blocks'), 'torn'),
      (at) => chmodSync(at('f0'), 0o400),
    ]
    for (const act of damage) {
      const first = await open(content)
      await fill(first, content)
      await first.keep()
      act((name) => partial(content, name))
      const second = await open(content)
      for (const index of indicesOf(content))
        if (second.has(index))
          expect(Buffer.compare((await second.read(index))!, content.block(index).bytes)).to.equal(0)
      if (existsSync(partial(content, 'f0')) && lstatSync(partial(content, 'f0')).isSymbolicLink())
        rmSync(partial(content, 'f0'))
      await fill(second, content)
      const path = (await second.land()).path
      expect(Buffer.concat(tree(path).map((name) => readFileSync(join(path, name)))).equals(content.bytes)).to.equal(
        true,
      )
    }
  })

  it('knows that it has landed when it was killed before it could say so', async () => {
    for (const content of [contentOf({ a: 'one' }), contentOf({ a: 'one', b: 'two' }, { name: 'two' })]) {
      const first = await open(content)
      await fill(first, content)
      await first.keep()
      const { name, kind } = content.manifest
      if (kind === 'file') linkSync(partial(content, 'f0'), join(root, name))
      else mkdirSync(join(root, name))
      const note = { name, ino: lstatSync(join(root, name)).ino }
      writeFileSync(partial(content, 'landing'), JSON.stringify(note))
      const second = await open(content)
      expect(second.hasLanded).to.equal(true)
      const { bytes, hash } = content.block(0)
      await second.write(0, bytes, hash)
      expect((await second.land()).path).to.equal(join(root, name))
      expect(existsSync(partial(content))).to.equal(false)
    }
    expect(readdirSync(root)).to.deep.equal(['sent', 'two'])
  })

  it('lands anew when what the note names is not what it made', async () => {
    const content = contentOf({ a: 'one' })
    for (const note of ['', '{}', 'null', '{"name":"../outside","ino":1}', '{"name":"sent","ino":1}', '[']) {
      const store = await open(content)
      await fill(store, content)
      await store.keep()
      writeFileSync(partial(content, 'landing'), note)
      writeFileSync(join(root, 'sent'), 'mine')
      const again = await open(content)
      expect(again.hasLanded).to.equal(false)
      const { path } = await again.land()
      expect(path).to.equal(join(root, 'sent (2)'))
      rmSync(path)
    }
  })

  it('puts a file together that is too large for the page cache, also in two goes and out of order', async () => {
    const content = contentOf({ large: randomBytes(64 * 1_048_576 + 5_000) }, { blockSize: 1_048_576 })
    const shuffled = indicesOf(content).sort((a, b) => ((a * 7) % 65) - ((b * 7) % 65))
    const write = async (store: DiskStore, indices: readonly number[]): Promise<void> => {
      for (const index of indices) {
        const { bytes, hash } = content.block(index)
        await store.write(index, bytes, hash)
      }
    }
    const first = await open(content)
    await write(first, shuffled.slice(0, 40))
    await first.keep()
    const second = await open(content)
    expect(second.verified).to.equal(40)
    await write(second, shuffled.slice(40))
    const { path } = await second.land()
    expect(sha256(readFileSync(path)).equals(sha256(content.bytes))).to.equal(true)
  })

  it('does not receive the same twice at a time', async () => {
    const content = contentOf({ a: 'x' })
    const store = await open(content)
    await expectRejects(open(content), 'MSG_ERR_TRANSFER_EXISTS')
    await store.keep()
    await (await open(content)).discard()
  })

  it('says at once that there is not enough room, and leaves nothing', async () => {
    const huge = contentOf({ a: 'x' })
    const manifest = { ...huge.manifest, size: 2 ** 50, entries: [{ ...huge.manifest.entries[0]!, size: 2 ** 50 }] }
    await expectRejects(open({ ...huge, manifest }), 'MSG_ERR_TRANSFER_NO_SPACE')
  })

  it('keeps to a quota, of streams as well', async () => {
    const content = contentOf({ a: randomBytes(600_000) })
    await expectRejects(open(content, 599_999), 'MSG_ERR_TRANSFER_NO_SPACE')
    await (await open(content, 600_000)).discard()
    const stream = contentOf({ a: content.bytes }, { kind: 'stream', size: -1 })
    const store = await open(stream, 300_000)
    await store.write(0, stream.block(0).bytes, stream.block(0).hash)
    await expectRejects(store.write(1, stream.block(1).bytes, stream.block(1).hash), 'MSG_ERR_TRANSFER_NO_SPACE')
    await store.discard()
  })

  it('stops before it starts when the signal has fired', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    const content = contentOf({ a: 'x' })
    await DiskStore.open(disk, { root, manifest: content.manifest, key: content.key, signal }).then(
      () => expect.fail('it opened'),
      (error: Error) => expect(error.message).to.equal('enough'),
    )
    const store = await open(content)
    const { bytes, hash } = content.block(0)
    const refused = await store.write(0, bytes, hash, { signal }).then(
      () => undefined,
      (error: Error) => error,
    )
    expect(refused?.message).to.equal('enough')
    await store.discard()
  })

  describe('a full disk', () => {
    let isMounted = false
    beforeEach(function () {
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'msg-test', root], { stdio: 'pipe' })
        isMounted = true
      } catch (error) {
        if (process.env['CI'] === 'true') throw error
        console.log('    skipped: filling a disk needs the right to mount one')
        this.skip()
      }
    })
    afterEach(() => {
      if (isMounted) execFileSync('umount', ['-l', root])
      isMounted = false
    })

    it('fails clearly in the middle, believes nothing that is not there, and goes on when there is room', async () => {
      const content = contentOf({ a: randomBytes(3_000_000) })
      const store = await open(content)
      writeFileSync(join(root, 'ballast'), randomBytes(2_000_000))
      let failed = 0
      for (const index of indicesOf(content)) {
        const { bytes, hash } = content.block(index)
        await store.write(index, bytes, hash).catch((error: unknown) => {
          expect(error).to.have.property('code', 'MSG_ERR_TRANSFER_NO_SPACE')
          expect(store.has(index)).to.equal(false)
          failed++
        })
      }
      expect(failed).to.be.above(2)
      await store.keep()
      rmSync(join(root, 'ballast'))
      const again = await open(content)
      expect(again.verified).to.equal(indicesOf(content).length - failed)
      await fill(again, content)
      expect(readFileSync((await again.land()).path).equals(content.bytes)).to.equal(true)
    })
  })
})
