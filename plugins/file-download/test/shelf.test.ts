import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { Shelf } from '../src/shelf.ts'

describe('the shelf', () => {
  let top: string
  let root: string
  let shelf: Shelf

  beforeEach(async () => {
    top = realpathSync(mkdtempSync(join(tmpdir(), 'msg-shelf-')))
    root = join(top, 'shelf')
    mkdirSync(join(root, 'docs', '.git'), { recursive: true })
    writeFileSync(join(top, 'secret.txt'), 'secret')
    writeFileSync(join(root, 'a.txt'), 'a')
    writeFileSync(join(root, 'docs', 'b.txt'), 'bb')
    writeFileSync(join(root, 'docs', '.git', 'config'), 'hidden')
    writeFileSync(join(root, '.profile'), 'hidden')
    shelf = await Shelf.open(root)
  })
  afterEach(() => rmSync(top, { recursive: true, force: true }))

  const namesOf = async (folder = ''): Promise<string[]> => (await shelf.list(folder)).items.map(({ name }) => name)
  const codeOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
      () => 'found',
      (error: { code: string }) => error.code,
    )

  it('lists files and folders by name, with what people want to know of them', async () => {
    const { items, next } = await shelf.list('')
    expect(items.map(({ name, kind, size }) => [name, kind, size])).to.deep.equal([
      ['a.txt', 'file', 1],
      ['docs', 'folder', null],
    ])
    expect(new Date(items[0]!.modified).toISOString()).to.equal(items[0]!.modified)
    expect(next).to.equal(null)
    expect(await namesOf('docs')).to.deep.equal(['b.txt'])
  })

  it('finds a file and a folder, at any depth', async () => {
    expect(await shelf.find('a.txt')).to.equal(join(root, 'a.txt'))
    expect(await shelf.find('docs/b.txt')).to.equal(join(root, 'docs', 'b.txt'))
    expect(await shelf.find('docs')).to.equal(join(root, 'docs'))
  })

  for (const path of [
    '',
    '.',
    '..',
    '../secret.txt',
    'docs/../../secret.txt',
    'docs/../a.txt',
    '/etc/passwd',
    'docs//b.txt',
    'a.txt/',
    'a.txt/x',
    './a.txt',
    '.profile',
    'docs/.git',
    'docs/.git/config',
    'a.txt\0.png',
    '..\\secret.txt',
    'nothing',
    'x'.repeat(4_096),
    Array(2_000).fill('a').join('/'),
    '\u202etxt.a',
  ])
    it(`finds nothing at ${JSON.stringify(path.slice(0, 30))}`, async () => {
      expect(await codeOf(shelf.find(path))).to.equal('MSG_ERR_FILE_UNKNOWN')
    })

  it('follows a symlink that stays, and none that leaves or leads to what is hidden', async () => {
    symlinkSync('docs/b.txt', join(root, 'inside'))
    symlinkSync(join(top, 'secret.txt'), join(root, 'outside'))
    symlinkSync('../secret.txt', join(root, 'above'))
    symlinkSync(top, join(root, 'parent'))
    symlinkSync('docs/.git', join(root, 'hidden'))
    symlinkSync('loop', join(root, 'loop'))
    symlinkSync('gone', join(root, 'dangling'))
    expect(await namesOf()).to.deep.equal(['a.txt', 'docs', 'inside'])
    expect(await shelf.find('inside')).to.equal(join(root, 'docs', 'b.txt'))
    for (const path of [
      'outside',
      'above',
      'parent',
      'parent/secret.txt',
      'hidden',
      'hidden/config',
      'loop',
      'dangling',
    ])
      expect(await codeOf(shelf.find(path)), path).to.equal('MSG_ERR_FILE_UNKNOWN')
    expect(await codeOf(shelf.list('parent'))).to.equal('MSG_ERR_FILE_UNKNOWN')
  })

  it('is not fooled by a folder whose name begins like its own', async () => {
    mkdirSync(join(top, 'shelf-of-others'))
    writeFileSync(join(top, 'shelf-of-others', 'x'), 'x')
    symlinkSync('../shelf-of-others/x', join(root, 'x'))
    expect(await codeOf(shelf.find('x'))).to.equal('MSG_ERR_FILE_UNKNOWN')
  })

  it('shows neither sockets nor names that cannot be spelled', async () => {
    const socket: Server = createServer()
    await new Promise<void>((resolve) => socket.listen(join(root, 'socket'), resolve))
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])]), 'x')
    writeFileSync(join(root, 'back\\slash'), 'x')
    expect(await namesOf()).to.deep.equal(['a.txt', 'docs'])
    expect(await codeOf(shelf.find('socket'))).to.equal('MSG_ERR_FILE_UNKNOWN')
    await new Promise((resolve) => socket.close(resolve))
  })

  it('gives names with escapes as they are: whoever shows them escapes them', async () => {
    writeFileSync(join(root, 'red\u001b[31m'), 'x')
    expect(await namesOf()).to.include('red\u001b[31m')
  })

  it('comes in pages that fit a line, each name once', async () => {
    mkdirSync(join(root, 'many'))
    const made = Array.from({ length: 450 }, (_, i) => `${String(i).padStart(4, '0')}${'\u0001'.repeat(100)}`)
    for (const name of made) writeFileSync(join(root, 'many', name), '')
    const found: string[] = []
    let pages = 0
    for (let after: string | null = ''; after !== null; pages++) {
      const page = await shelf.list('many', after)
      expect(Buffer.byteLength(JSON.stringify(page))).to.be.below(61_440)
      found.push(...page.items.map(({ name }) => name))
      after = page.next
    }
    expect(found).to.deep.equal(made)
    expect(pages).to.be.above(2)
  })

  it('says of a folder that is none which one', async () => {
    expect(await codeOf(Shelf.open(join(top, 'nowhere')))).to.equal('MSG_ERR_CONFIG_INVALID')
    expect(await codeOf(Shelf.open(join(top, 'secret.txt')))).to.equal('MSG_ERR_CONFIG_INVALID')
  })
})
