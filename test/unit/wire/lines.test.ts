import { expect } from 'chai'
import { LineSplitter } from '../../../src/core/wire/lines.ts'
import { expectCode } from '../../helpers/errors.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const drain = (lines: LineSplitter): string[] => {
  const found: string[] = []
  for (let line = lines.pollLine(); line !== undefined; line = lines.pollLine()) found.push(line)
  return found
}

describe('wire/lines', () => {
  it('finds lines however the bytes are cut', () => {
    const text = 'one\ntwö\r\n\nthree\n'
    for (const size of [1, 2, 3, 5, 100]) {
      const lines = new LineSplitter(64)
      const found: string[] = []
      const all = bytes(text)
      for (let i = 0; i < all.length; i += size) {
        lines.handleBytes(all.subarray(i, i + size))
        found.push(...drain(lines))
      }
      expect(found, `chunks of ${size}`).to.deep.equal(['one', 'twö', 'three'])
      expect(lines.held).to.equal(0)
    }
  })

  it('keeps an unfinished line and counts it', () => {
    const lines = new LineSplitter(64)
    lines.handleBytes(bytes('abc'))
    expect(lines.pollLine()).to.equal(undefined)
    expect(lines.held).to.equal(3)
    lines.handleBytes(bytes('d\ne'))
    expect(lines.pollLine()).to.equal('abcd')
    expect(lines.pollLine()).to.equal(undefined)
    expect(lines.held).to.equal(1)
  })

  it('takes more bytes before the earlier ones are polled', () => {
    const lines = new LineSplitter(64)
    lines.handleBytes(bytes('a\nb'))
    lines.handleBytes(bytes('c\nd\n'))
    expect(drain(lines)).to.deep.equal(['a', 'bc', 'd'])
  })

  it('does not believe the caller to keep its buffer', () => {
    const lines = new LineSplitter(64)
    const chunk = bytes('abc')
    lines.handleBytes(chunk)
    drain(lines)
    chunk.fill(0x7a)
    lines.handleBytes(bytes('\n'))
    expect(lines.pollLine()).to.equal('abc')
  })

  it('takes a line of exactly the limit, newline included, and refuses one byte more', () => {
    const lines = new LineSplitter(8)
    lines.handleBytes(bytes('1234567\n'))
    expect(lines.pollLine()).to.equal('1234567')
    lines.handleBytes(bytes('12345678\n'))
    expectCode(() => lines.pollLine(), 'MSG_ERR_LIMIT')
  })

  it('refuses a line that cannot end within the limit before its end arrives', () => {
    const lines = new LineSplitter(8)
    lines.handleBytes(bytes('1234'))
    expect(lines.pollLine()).to.equal(undefined)
    lines.handleBytes(bytes('567'))
    expect(lines.pollLine()).to.equal(undefined)
    lines.handleBytes(bytes('8'))
    expectCode(() => lines.pollLine(), 'MSG_ERR_LIMIT')
  })

  it('hands out the good lines before the one that breaks the limit', () => {
    const lines = new LineSplitter(8)
    lines.handleBytes(bytes('ok\n123456789\n'))
    expect(lines.pollLine()).to.equal('ok')
    expectCode(() => lines.pollLine(), 'MSG_ERR_LIMIT')
  })

  it('refuses bytes that are not UTF-8', () => {
    for (const bad of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
      const lines = new LineSplitter(64)
      lines.handleBytes(Uint8Array.from([...bad, 0x0a]))
      expectCode(() => lines.pollLine(), 'MSG_ERR_PROTOCOL')
    }
  })
})
