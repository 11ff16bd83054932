import { expect } from 'chai'
import { palette } from '../../../../src/cli/render/palette.ts'
import {
  etaText,
  isUnicodeTerminal,
  progressLine,
  progressLines,
  type Moving,
} from '../../../../src/cli/render/progress.ts'
import { widthOf } from '../../../../src/cli/render/table.ts'

const plain = palette(false)
const photo: Moving = {
  direction: 'in',
  name: 'photo.jpg',
  with: 'bob',
  size: 1_920_000_000,
  bytes: 1_214_000_000,
  rate: 84_100_000,
  etaSeconds: 7.9,
  state: 'active',
  via: 'lan',
}
const line = (more: Partial<Moving> = {}, columns = 100, isUnicode = true): string =>
  progressLine({ ...photo, ...more }, { columns, isUnicode, palette: plain })

describe('the progress of a transfer', () => {
  it('tells all of it where there is room', () => {
    expect(line()).to.equal(
      '↓ photo.jpg  ━━━━━━━━━━━━━━━━━━────────────   63 %  1.21 GB of 1.92 GB   84.1 MB/s   0:08  lan',
    )
  })

  it('tells what matters most on a narrow terminal', () => {
    expect(line({}, 80)).to.equal('↓ photo.jpg  ━━━━━━━━━━━━━━━━━━────────────   63 %   84.1 MB/s   0:08  lan')
    expect(line({}, 40)).to.equal('↓ photo.jpg ━━━━─── 63 % 84.1 MB/s 0:08')
    expect(line({}, 24)).to.equal('↓ photo… 63 % 84.1 MB/s')
    expect(line({}, 10)).to.have.length.below(10)
  })

  it('is ASCII where the locale is not UTF-8', () => {
    expect(line({}, 40, false)).to.equal('< photo.jpg [###--] 63 % 84.1 MB/s 0:08')
    expect(line({ direction: 'out', name: 'a'.repeat(50) }, 40, false)).to.match(
      /^> a+~ \[#+-+\] 63 % 84\.1 MB\/s 0:08$/u,
    )
  })

  it('tells bytes of a stream, since nobody knows how many there will be', () => {
    expect(line({ size: null, etaSeconds: null }, 60)).to.equal('↓ photo.jpg 1.21 GB 84.1 MB/s')
  })

  it('says why nothing moves', () => {
    expect(line({ state: 'paused' }, 60)).to.match(/ 63 % paused$/u)
    expect(line({ state: 'waiting', via: null }, 100)).to.match(/ {4}waiting$/u)
  })

  it('is never wider than the terminal, whatever the name is', () => {
    const names = ['x', 'a'.repeat(5_000), '日本語'.repeat(40), '\u001b[2J\u202egnp.exe\n', '👩‍👩‍👧'.repeat(30), '']
    for (const name of names)
      for (let columns = 1; columns < 130; columns++)
        for (const isUnicode of [true, false]) {
          const shown = line({ name }, columns, isUnicode)
          expect(widthOf(shown), `${columns}: ${shown}`).to.be.below(Math.max(2, columns))
          expect(shown).not.to.match(/[\u0000-\u001f\u202e]/u)
        }
  })

  it('is coloured without losing its width', () => {
    const look = { columns: 40, isUnicode: true, palette: palette(true) }
    expect(progressLine(photo, look)).to.contain('\u001b[32m━━━━\u001b[39m')
    expect(widthOf(progressLine(photo, look))).to.equal(39)
    expect(widthOf(progressLine(photo, { ...look, columns: 12 }))).to.be.below(12)
  })

  it('is full at the end, and for what is empty', () => {
    expect(line({ bytes: photo.size! }, 40)).to.contain('━━━━━━━ 100 %')
    expect(line({ size: 0, bytes: 0 }, 40)).to.contain(' 100 %')
  })

  it('shows four at once, and how many more there are', () => {
    const look = { columns: 40, isUnicode: true, palette: plain }
    expect(progressLines([photo, photo], look)).to.have.length(2)
    const lines = progressLines(
      Array.from({ length: 9 }, () => photo),
      look,
    )
    expect(lines).to.have.length(5)
    expect(lines.at(-1)).to.equal('  and 5 more')
  })

  it('tells the time left', () => {
    expect([0, 7.2, 60, 754, 3_723, 400_000, null].map(etaText)).to.deep.equal([
      '0:00',
      '0:08',
      '1:00',
      '12:34',
      '1:02:03',
      '-:--',
      '-:--',
    ])
  })

  it('believes the locale', () => {
    const told = (env: Record<string, string>): boolean => isUnicodeTerminal(env, 'linux')
    expect([{ LANG: 'de_DE.UTF-8' }, { LC_ALL: 'C.utf8' }, { LANG: 'C.UTF-8', LC_ALL: '' }].map(told)).to.not.include(
      false,
    )
    expect(
      [{}, { LANG: 'C' }, { LC_ALL: 'C', LANG: 'en.UTF-8' }, { LANG: 'C.UTF-8', TERM: 'linux' }].map(told),
    ).to.not.include(true)
    expect(isUnicodeTerminal({}, 'win32')).to.equal(true)
  })
})
