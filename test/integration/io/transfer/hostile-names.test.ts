import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { DiskStore } from '../../../../src/core/io/transfer/disk-store.ts'
import { contentOf, indicesOf } from '../../../helpers/content.ts'
import { useDiskThread } from '../../../helpers/disk-thread.ts'
import { forSeeds } from '../../../helpers/for-seeds.ts'
import { seededRandom } from '../../../helpers/random.ts'
import { removeTempDirs, tempDir } from '../../../helpers/temp.ts'

describe('transfer: names that a hostile peer made up', () => {
  const disk = useDiskThread()
  afterEach(removeTempDirs)

  forSeeds(import.meta.url, 'land below one folder, all of them, under names that harm nobody', 20, async (seed) => {
    const random = seededRandom(seed)
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
    const made = (pieces: number): string =>
      Array.from({ length: 1 + Math.floor(random() * pieces) }, () => pick(PIECES)).join('')
    const [base, outside] = [tempDir(), tempDir()]
    const root = join(base, 'downloads')
    mkdirSync(root)
    // What is there already, and leads elsewhere.
    writeFileSync(join(root, 'a'), 'mine')
    symlinkSync(outside, join(root, 'CON'))
    symlinkSync(join(outside, 'new'), join(root, 'é'))

    const files: Record<string, string> = {}
    for (let n = 0; n < 60; n++) {
      const path = `${made(6)}${pick(['', '', `/${made(2)}`, '/'])}`
      files[path] = path.endsWith('/') ? '' : `file ${n}`
    }
    const content = contentOf(files, { name: made(4), kind: 'folder' })
    const store = await DiskStore.open(disk, { root, manifest: content.manifest, key: content.key })
    for (const index of indicesOf(content)) {
      const { bytes, hash } = content.block(index)
      await store.write(index, bytes, hash)
    }
    const { path, name } = await store.land()

    expect(readdirSync(outside), 'nothing outside').to.deep.equal([])
    expect(readdirSync(base)).to.deep.equal(['downloads'])
    expect(path).to.equal(join(root, name))
    expect(readdirSync(root).sort()).to.deep.equal(['CON', 'a', name, 'é'].sort())
    expect(readFileSync(join(root, 'a'), 'utf8')).to.equal('mine')
    const landed = readdirSync(path, { recursive: true, withFileTypes: true })
    const found = landed.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name))
    const wanted = content.manifest.entries.filter(({ kind }) => kind === 'file').length
    expect(found, 'every file').to.have.length(wanted)
    expect(new Set(found.map((file) => readFileSync(file, 'utf8'))).size, 'each with its own bytes').to.equal(wanted)
    for (const each of [name, ...landed.map((one) => one.name)]) {
      expect(each, 'control, bidi').to.not.match(DANGEROUS)
      expect(each, 'Windows').to.not.match(/[<>:"|?*\\]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i)
      expect(Buffer.byteLength(each)).to.be.at.most(255)
    }
    const folded = landed.map((one) => join(one.parentPath, one.name.normalize('NFC').toLowerCase()))
    expect(new Set(folded).size, 'apart on every system').to.equal(landed.length)
  })
})

const PIECES = [
  ...['..', '.', '/', '//', '../', '/../', '\\', '..\\', 'C:', '\\\\host\\share', '~', '~root', '$HOME', '%2e%2e%2f'],
  ...['\0', '\n', '\r', '\t', '\b', '\u007f', '\u009b', '\u001b[2J', '\u001b]0;title\u0007', '\u001bP'],
  ...['\u202e', '\u2066', '\u2069', '\u200f', '\u200b', '\ufeff', '\u2028'],
  ...['CON', 'aux', 'NUL.txt', 'com1', 'LPT9.tar.gz', '.msg-partial', '.MSG-PARTIAL', 'tree', 'f0', 'blocks', 'lock'],
  ...[
    'a',
    'A',
    'é',
    'e\u0301',
    'É',
    'ß',
    'SS',
    'ﬁ',
    'İ',
    'i',
    'K',
    'k',
    'ſ',
    's',
    ' ',
    '...',
    '.txt',
    '-rf',
    '*',
    '?',
    '|',
  ],
  ...['x'.repeat(300), 'ü'.repeat(200), '𝕏'.repeat(70), `${'d/'.repeat(40)}`, 'n'.repeat(4_096)],
]
const DANGEROUS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
