import { expect } from 'chai'
import { LiveLines, rowsOf } from '../../../../src/cli/render/live-lines.ts'

describe('lines that are drawn in place', () => {
  const written: string[] = []
  let lines: LiveLines
  beforeEach(() => {
    written.length = 0
    lines = new LiveLines({ columns: 20, write: (text) => written.push(text) })
  })

  it('go up to where they began', () => {
    lines.show(['one', 'two'])
    lines.show(['three', 'four'])
    lines.show([])
    expect(written).to.deep.equal([
      '\rone\u001b[K\ntwo\u001b[K\u001b[J\r',
      '\r\u001b[1Athree\u001b[K\nfour\u001b[K\u001b[J\r',
      '\r\u001b[1A\u001b[J\r',
    ])
  })

  it('are not drawn again when they are the same', () => {
    lines.show(['one'])
    lines.show(['one'])
    expect(written).to.have.length(1)
  })

  it('make room for what is printed', () => {
    lines.show(['one'])
    lines.above(() => written.push('said\n'))
    expect(written.slice(1)).to.deep.equal(['\r\u001b[J\r', 'said\n', '\rone\u001b[K\u001b[J\r'])
  })

  it('count the rows that a narrower terminal made of them', () => {
    expect(rowsOf(['x'.repeat(19), '', '日'.repeat(15)], 10)).to.equal(2 + 1 + 3)
  })
})
