import { expect } from 'chai'
import { visible } from '../../../src/core/wire/visible.ts'

describe('visible text', () => {
  it('leaves ordinary text of any script alone', () => {
    for (const text of ['hello', 'a\\b', 'Grüße', 'привет', '日本語', 'نص عربي', 'हिन्दी क्‍ष', '👩‍👩‍👧 ❤️ 👍🏽', ''])
      expect(visible(text)).to.equal(text)
  })

  it('shows control characters and escape sequences', () => {
    expect(visible('\x1b[2J\x07\x9b1m\x7f\0')).to.equal('\\u001b[2J\\u0007\\u009b1m\\u007f\\u0000')
    expect(visible('a\tb\rc')).to.equal('a\\tb\\rc')
  })

  it('keeps line feeds only when several lines are wanted', () => {
    expect(visible('a\nb')).to.equal('a\\nb')
    expect(visible('a\r\nb\n', { multiline: true })).to.equal('a\nb\n')
    expect(visible('over\rwrite', { multiline: true })).to.equal('over\\rwrite')
    expect(visible('a\u2028b\u2029c\u0085', { multiline: true })).to.equal('a\\u2028b\\u2029c\\u0085')
  })

  it('shows what reorders or hides', () => {
    expect(visible('\u202egnp.exe\u202c')).to.equal('\\u202egnp.exe\\u202c')
    expect(visible('\u2066a\u2069\u200e\u200f\u061c')).to.equal('\\u2066a\\u2069\\u200e\\u200f\\u061c')
    expect(visible('a\u200bb\ufeff\u00ad\u2060')).to.equal('a\\u200bb\\ufeff\\u00ad\\u2060')
    expect(visible('\u{e0041}\ud800\ufffe')).to.equal('\\u{e0041}\\ud800\\ufffe')
    expect(visible('\u3164\u2800')).to.equal('\\u3164\\u2800')
  })

  it('shows joiners that join nothing', () => {
    expect(visible('\u200dab \u200c!')).to.equal('\\u200dab \\u200c!')
    expect(visible('ab\u200d')).to.equal('ab\\u200d')
  })
})
