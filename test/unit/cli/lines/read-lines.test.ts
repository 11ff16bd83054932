import fc from 'fast-check'
import { expect } from 'chai'
import { readLines } from '../../../../src/cli/lines/read-lines.ts'
import { MsgError } from '../../../../src/core/errors.ts'

async function linesOf(chunks: readonly (string | Uint8Array)[], maxBytes?: number): Promise<Array<string | MsgError>> {
  const lines: Array<string | MsgError> = []
  const source = (async function* () {
    yield* chunks
  })()
  for await (const line of readLines(source, maxBytes)) lines.push(line)
  return lines
}

describe('readLines', () => {
  it('splits at line feeds, with or without carriage returns', async () => {
    expect(await linesOf(['a\nb\r\nc\n'])).to.deep.equal(['a', 'b', 'c'])
  })

  it('yields a last line that has no end', async () => {
    expect(await linesOf(['a\nb'])).to.deep.equal(['a', 'b'])
  })

  it('keeps empty lines, but adds none at the end', async () => {
    expect(await linesOf(['\na\n\n'])).to.deep.equal(['', 'a', ''])
    expect(await linesOf([])).to.deep.equal([])
  })

  it('joins lines that come in pieces, even within a character', async () => {
    const bytes = Buffer.from('grüße\n')
    const pieces = [...bytes].map((byte) => Uint8Array.of(byte))
    expect(await linesOf(pieces)).to.deep.equal(['grüße'])
  })

  it('reports a line over the limit in its place and goes on', async () => {
    const [first, second, third] = await linesOf(['ok\n', 'x'.repeat(11), '\nafter\n'], 10)
    expect(first).to.equal('ok')
    expect(MsgError.is(second) && second.code).to.equal('MSG_ERR_MESSAGE_TOO_LONG')
    expect(third).to.equal('after')
  })

  it('reports a last line over the limit that has no end', async () => {
    const [only] = await linesOf(['x'.repeat(11)], 10)
    expect(MsgError.is(only)).to.equal(true)
  })

  it('takes a line of exactly the limit', async () => {
    expect(await linesOf(['x'.repeat(10) + '\n'], 10)).to.deep.equal(['x'.repeat(10)])
  })

  it('has room for the longest message written as JSON escapes', async () => {
    const line = JSON.stringify({ command: 'send', text: '\u0001'.repeat(65_536) })
    expect(await linesOf([`${line}\n`])).to.deep.equal([line])
  })

  it('does not depend on how the bytes are cut', async () => {
    const chunked = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(chunked, async (chunks) => {
        const whole = await linesOf([Buffer.concat(chunks)], 15)
        const pieces = await linesOf(chunks, 15)
        expect(pieces.map(String)).to.deep.equal(whole.map(String))
      }),
      { numRuns: 200 },
    )
  })
})
