import { expect } from 'chai'
import fc from 'fast-check'
import { landingTree } from '../../../src/core/transfer/landing-names.ts'
import type { Entry } from '../../../src/core/transfer/manifest.ts'
import { fileNameKey, safeFileName } from '../../../src/core/wire/file-name.ts'

const entry = (path: string): Entry => ({
  path: path.replace(/\/$/, ''),
  kind: path.endsWith('/') ? 'folder' : 'file',
  size: 0,
  mode: 0o644,
  mtime: 0,
})

/** Where each entry lands, as a path; folders at the end, each with a slash. */
function landed(...paths: string[]): string[] {
  const { folders, files } = landingTree(paths.map(entry))
  const path = (at: number): string => {
    const folder = folders[at]
    return folder === undefined || folder.parent < 0 ? '' : `${path(folder.parent)}${folder.name}/`
  }
  return [
    ...files.flatMap((file) => (file ? [`${path(file.folder)}${file.name}`] : [])),
    ...folders.slice(1).map((_, index) => path(index + 1)),
  ]
}

describe('transfer/landing-names', () => {
  it('leaves good names where they are', () => {
    expect(landed('a', 'sub/', 'sub/b', 'sub/deep/c')).to.deep.equal(['a', 'sub/b', 'sub/deep/c', 'sub/', 'sub/deep/'])
  })

  it('keeps everything below its own folder', () => {
    expect(landed('../x', '../../../etc/passwd', '/etc/shadow', 'a/../../b', './c', 'd//e')).to.deep.equal([
      '_/x',
      '_/_/_/etc/passwd',
      'etc/shadow',
      'a/_/_/b',
      '_ (2)/c',
      'd/e',
      '_/',
      '_/_/',
      '_/_/_/',
      '_/_/_/etc/',
      'etc/',
      'a/',
      'a/_/',
      'a/_/_/',
      '_ (2)/',
      'd/',
    ])
  })

  it('numbers names that are the same on some system', () => {
    expect(landed('README', 'readme', 'Readme')).to.deep.equal(['README', 'readme (2)', 'Readme (3)'])
    expect(landed('\u00e9', 'e\u0301')).to.deep.equal(['é', 'é (2)'])
    expect(landed('a?.txt', 'a*.txt')).to.deep.equal(['a_.txt', 'a_ (2).txt'])
    expect(landed('A/x', 'a/x')).to.deep.equal(['A/x', 'a (2)/x', 'A/', 'a (2)/'])
  })

  it('never gives a number that another name has', () => {
    expect(landed('a', 'a (2)', 'a', 'a')).to.deep.equal(['a', 'a (2)', 'a (3)', 'a (4)'])
    expect(landed('a', 'a', 'a (2)')).to.deep.equal(['a', 'a (2)', 'a (2) (2)'])
  })

  it('makes a file and a folder of one path two things', () => {
    expect(landed('a', 'a/b')).to.deep.equal(['a', 'a (2)/b', 'a (2)/'])
    expect(landed('a/b', 'a')).to.deep.equal(['a/b', 'a (2)', 'a/'])
  })

  it('makes a folder once, however often it is named', () => {
    expect(landed('a/', 'a/', 'a/b', 'a//c')).to.deep.equal(['a/b', 'a/c', 'a/'])
  })

  it('takes an empty file name for a file', () => {
    expect(landed('')).to.deep.equal(['_'])
  })

  it('goes no deeper than 64 folders', () => {
    const deep = `${'d/'.repeat(2_000)}x`
    const { folders, files } = landingTree([entry(deep), entry(deep), entry('d/y')])
    expect(folders).to.have.length(65)
    expect(files).to.deep.equal([
      { folder: 64, name: 'x' },
      { folder: 64, name: 'x (2)' },
      { folder: 1, name: 'y' },
    ])
  })

  it('refuses more folders than a manifest has entries', function () {
    const entries = Array.from({ length: 40_000 }, (_, i) => entry(`${i}/${'d/'.repeat(30)}x`))
    expect(() => landingTree(entries))
      .to.throw()
      .with.property('code', 'MSG_ERR_LIMIT')
  })

  it('is done soon with 100,000 equal names', () => {
    const { files } = landingTree(Array.from({ length: 100_000 }, () => entry('same')))
    expect(new Set(files.map((file) => file?.name)).size).to.equal(100_000)
  })

  it('gives every file a place of its own, with safe names only', () => {
    const part = fc.constantFrom(
      'a',
      'A',
      'a (2)',
      '..',
      '',
      '.',
      'é',
      'e\u0301',
      'con',
      'CON',
      'x.',
      'x',
      '\u202e',
      ' ',
    )
    const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'))
    fc.assert(
      fc.property(fc.array(fc.tuple(path, fc.boolean()), { maxLength: 40 }), (list) => {
        const entries = list.map(([name, isFolder]): Entry => ({
          ...entry('x'),
          path: name,
          kind: isFolder ? 'folder' : 'file',
        }))
        const { folders, files } = landingTree(entries)
        const places = [
          ...folders.slice(1).map(({ parent, name }) => ({ folder: parent, name })),
          ...files.filter((file) => file !== undefined),
        ]
        for (const { name } of places) expect(safeFileName(name)).to.equal(name)
        expect(new Set(places.map(({ folder, name }) => `${folder}/${fileNameKey(name)}`)).size).to.equal(places.length)
        folders.forEach(({ parent }, index) => expect(parent).to.be.below(index))
        expect(files.map((file) => file === undefined)).to.deep.equal(entries.map(({ kind }) => kind === 'folder'))
        expect(landingTree(entries)).to.deep.equal({ folders, files })
      }),
    )
  })
})
