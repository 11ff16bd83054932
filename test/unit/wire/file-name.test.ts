import { expect } from 'chai'
import fc from 'fast-check'
import { fileNameKey, numberedFileName, safeFileName } from '../../../src/core/wire/file-name.ts'

const bytes = (text: string): number => Buffer.byteLength(text)

describe('wire/file-name: safeFileName', () => {
  for (const name of [
    'photo.jpg',
    '.profile',
    'a b',
    '日本語.txt',
    'écrit',
    'README',
    'x.tar.gz',
    'CONSOLE',
    'nul-1',
    '👩‍👩‍👧.png',
    '-rf',
  ])
    it(`leaves ${name} as it is`, () => {
      expect(safeFileName(name)).to.equal(name)
    })

  const cases: ReadonlyArray<readonly [what: string, from: string, to: string]> = [
    ['nothing', '', '_'],
    ['the folder itself', '.', '_'],
    ['the folder above', '..', '_'],
    ['dots without end', '.....', '_'],
    ['spaces only', '   ', '_'],
    ['a way up', '../x', '.._x'],
    ['an absolute path', '/etc/passwd', '_etc_passwd'],
    ['a drive', 'C:\\x', 'C__x'],
    ['a stream of NTFS', 'a.txt:hidden', 'a.txt_hidden'],
    ['NUL', 'a\0b', 'a_b'],
    ['line ends', 'a\r\nb', 'a__b'],
    ['ANSI sequences', '\u001b[31mred', '_[31mred'],
    ['C1 control characters', 'a\u009bb', 'a_b'],
    ['letters that run the other way', 'invoice\u202egpj.exe', 'invoice_gpj.exe'],
    ['isolates', 'a\u2066b', 'a_b'],
    ['what cannot be seen', 'a\u200bb\ufeff', 'a_b_'],
    ['half a character', 'a\ud800b', 'a_b'],
    ['wildcards and pipes', 'a*?"<>|b', 'a______b'],
    ['dots at the end', 'name...', 'name'],
    ['spaces at the end', 'name  ', 'name'],
    ['both at the end', 'name . . ', 'name'],
    ['spaces at the start', '  name', 'name'],
    ['CON', 'CON', '_CON'],
    ['nul.txt', 'nul.txt', '_nul.txt'],
    ['Aux.tar.gz', 'Aux.tar.gz', '_Aux.tar.gz'],
    ['com1 with a space', 'com1 .log', '_com1 .log'],
    ['lpt³', 'lpt³', '_lpt³'],
    ['CONIN$', 'CONIN$', '_CONIN$'],
    ['con that ends in dots', 'con...', '_con'],
    ['decomposed letters', 'e\u0301', 'é'],
  ]
  for (const [what, from, to] of cases)
    it(`makes ${what} safe`, () => {
      expect(safeFileName(from)).to.equal(to)
    })

  it('shortens names of 4 KiB and keeps the extension', () => {
    const name = safeFileName(`${'x'.repeat(4_096)}.jpg`)
    expect(bytes(name)).to.equal(255)
    expect(safeFileName(`${'é'.repeat(200)}.jpg`)).to.equal(`${'é'.repeat(125)}.jpg`)
  })

  it('cuts between characters, not inside them', () => {
    const name = safeFileName('👍'.repeat(100))
    expect(name).to.equal('👍'.repeat(63))
  })

  it('takes what follows the last dot for no extension when it is long', () => {
    expect(safeFileName(`a.${'b'.repeat(400)}`)).to.equal(`a.${'b'.repeat(253)}`)
  })

  it('ends soon for long runs of spaces and dots', () => {
    expect(safeFileName(`a${' .'.repeat(100_000)}b`)).to.equal('a')
    expect(safeFileName(' '.repeat(1_000_000))).to.equal('_')
  })

  it('keeps its promises for any text, and changes nothing the second time', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.string({
        unit: fc.constantFrom('.', ' ', '/', '\\', '\0', 'a', 'é', '\u202e', '👍', 'con', '\u0301', '\u00a0'),
        maxLength: 300,
      }),
    )
    fc.assert(
      fc.property(hostile, (text) => {
        const name = safeFileName(text)
        expect(safeFileName(name), 'again').to.equal(name)
        expect(bytes(name)).to.be.within(1, 255)
        expect(name).to.equal(name.normalize('NFC'))
        expect(name).to.not.match(/[\0-\x1f\x7f-\x9f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]|^\s|[\s.]$/u)
        expect(name).to.not.match(/^(?:con|prn|aux|nul|com\d|lpt\d)\s*(?:\.|$)/i)
        expect(Buffer.from(name).toString()).to.equal(name)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('wire/file-name: numberedFileName', () => {
  it('puts the number before the extension', () => {
    expect(numberedFileName('photo.jpg', 2)).to.equal('photo (2).jpg')
    expect(numberedFileName('README', 3)).to.equal('README (3)')
    expect(numberedFileName('.profile', 2)).to.equal('.profile (2)')
    expect(numberedFileName('x.tar.gz', 10)).to.equal('x.tar (10).gz')
  })

  it('stays within the length of a name, and safe', () => {
    const long = safeFileName(`${'é'.repeat(300)}.jpg`)
    const numbered = numberedFileName(long, 1_000_000)
    expect(bytes(numbered)).to.be.at.most(255)
    expect(numbered).to.match(/^é+ \(1000000\)\.jpg$/)
    expect(safeFileName(numbered)).to.equal(numbered)
  })
})

describe('wire/file-name: fileNameKey', () => {
  it('is the same for names that some file system takes for the same', () => {
    expect(fileNameKey('README')).to.equal(fileNameKey('readme'))
    expect(fileNameKey('é')).to.equal(fileNameKey('e\u0301'))
    expect(fileNameKey('STRASSE')).to.equal(fileNameKey('straße'))
    expect(fileNameKey('ﬁle')).to.equal(fileNameKey('file'))
  })

  it('differs for names that differ', () => {
    expect(fileNameKey('a')).to.not.equal(fileNameKey('b'))
    expect(fileNameKey('a.')).to.not.equal(fileNameKey('a'))
  })
})
