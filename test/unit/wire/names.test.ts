import { expect } from 'chai'
import { canonicalName, displayName } from '../../../src/core/wire/names.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('wire/names', () => {
  it('compares names without regard to case and Unicode form', () => {
    expect(canonicalName('Alice')).to.equal('alice')
    expect(canonicalName('ＡＬＩＣＥ')).to.equal('alice')
    expect(canonicalName('Jose\u0301')).to.equal(canonicalName('JOSÉ'))
    expect(canonicalName('straße')).to.equal(canonicalName('STRASSE'))
    expect(canonicalName('ΑΣ')).to.equal(canonicalName('ας'))
    expect(canonicalName('İnci')).to.equal('inci')
  })

  it('shows a name with the case that was typed', () => {
    expect(displayName('Alice')).to.equal('Alice')
    expect(displayName('Ｂｏｂ')).to.equal('Bob')
  })

  it('takes every character that the rule allows', () => {
    for (const name of ['a', 'a.b', 'a_b', 'a-b', '7', 'Ünïcödé', 'имя', '名前', 'x'.repeat(32), '𝔘'.repeat(32)]) {
      expect(canonicalName(name), name).to.be.a('string')
    }
  })

  it('is stable: the canonical form of a canonical form is itself', () => {
    for (const name of ['Alice', 'ǰ', 'ŉ', 'ΐ', 'ﬃ', 'Dž', 'ß', 'İ', 'ΑΣ']) {
      expect(canonicalName(canonicalName(name)), name).to.equal(canonicalName(name))
    }
  })

  it('is stable for every character there is', () => {
    const canonical = (name: string): string | undefined => {
      try {
        return canonicalName(name)
      } catch {
        return undefined
      }
    }
    const unstable: string[] = []
    for (let code = 0; code <= 0x10ffff; code++) {
      const letter = String.fromCodePoint(code)
      // Whose shown form has neither is no name, and a million errors take their time.
      if (!/[\p{L}\p{Nd}]/u.test(letter.normalize('NFKC'))) continue
      const once = canonical(letter)
      if (once !== undefined && canonical(once) !== once) unstable.push(once)
    }
    expect(unstable).to.deep.equal([])
    expect(canonicalName('STRA\u1e9eE')).to.equal('strasse')
  })

  it('refuses what is empty, too long, blank, control, bidirectional or markup', () => {
    const bad = [
      '',
      'x'.repeat(33),
      'ﬃ'.repeat(11),
      ' ',
      'a b',
      'a\n',
      '\u001b[31m',
      'a\u202eb',
      'a/b',
      'a:b',
      '@a',
      'a\0',
      '.',
      '..',
      '-_.',
    ]
    for (const name of bad) expectCode(() => canonicalName(name), 'MSG_ERR_NAME_INVALID')
  })

  it('refuses names that read as an address', () => {
    for (const name of ['100.64.0.1', '127.0.0.1', '１00.64.0.1'])
      expectCode(() => canonicalName(name), 'MSG_ERR_NAME_INVALID')
    expect(canonicalName('100.64.0')).to.equal('100.64.0')
  })

  it('quotes the refused name so that it cannot draw on the terminal', () => {
    const error = expectCode(() => canonicalName('\u001b[2J'), 'MSG_ERR_NAME_INVALID')
    expect(error.detail).to.equal('"\\u001b[2J"')
  })
})
