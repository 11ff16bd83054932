import { expect } from 'chai'
import fc from 'fast-check'
import { joinWords, shownWords, splitWords } from '../src/words.ts'
import { Lines, Portions } from '../src/text-cutter.ts'

describe('words of a command', () => {
  const rows: Array<[string, string[]]> = [
    ['ls -l', ['ls', '-l']],
    ['  git  log  ', ['git', 'log']],
    [`echo 'a  b' "c d" e\\ f`, ['echo', 'a  b', 'c d', 'e f']],
    [`echo "a\\"b\\\\c\\d" 'x\\y'`, ['echo', 'a"b\\c\\d', 'x\\y']],
    [`echo '' ""`, ['echo', '', '']],
    [`a'b'"c"d`, ['abcd']],
    ['echo $HOME `id` $(id) *.txt a|b;c>d&', ['echo', '$HOME', '`id`', '$(id)', '*.txt', 'a|b;c>d&']],
    ['', []],
  ]
  for (const [line, words] of rows)
    it(`are split at blanks, and nothing in them is replaced: ${line}`, () => {
      expect(splitWords(line)).to.deep.equal(words)
    })

  it('are not guessed when a quote is open', () => {
    for (const line of [`echo 'x`, 'echo "x', `echo "x\\"`]) expect(() => splitWords(line)).to.throw('not closed')
  })

  it('are the same when they were joined and split', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 6 }), (words) => {
        expect(splitWords(joinWords(words))).to.deep.equal(words)
      }),
    )
  })

  it('are shown so that whatever is in them is seen', () => {
    expect(
      shownWords(['rm', '-rf', '/tmp/x', 'a b', '', '"', '\\', '\n\t\u001b[2J', '\u202ex', 'pаy', '$x', ';']),
    ).to.equal(String.raw`rm -rf /tmp/x "a b" "" "\"" "\\" "\n\t\u{1b}[2J" "\u{202e}x" "p\u{430}y" "$x" ";"`)
  })

  it('are shown as printable ASCII, and differently when they differ', () => {
    const words = fc.array(fc.string({ unit: 'binary', maxLength: 8 }), { maxLength: 4 })
    fc.assert(fc.property(words, (given) => /^[\x20-\x7e]*$/.test(shownWords(given))))
    fc.assert(
      fc.property(
        words,
        words,
        (a, b) => (shownWords(a) === shownWords(b)) === (JSON.stringify(a) === JSON.stringify(b)),
      ),
    )
  })
})

describe('output', () => {
  it('is text where it can be, base64 where it cannot, and put together again what was written', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
            fc.uint8Array(),
          ),
          { maxLength: 6 },
        ),
        fc.integer({ min: 1, max: 7 }),
        (parts, size) => {
          const whole = Buffer.concat(parts)
          const portions = new Portions()
          const told = []
          for (let at = 0; at < whole.byteLength; at += size)
            told.push(...portions.handleBytes(whole.subarray(at, at + size)))
          told.push(...portions.end())
          const back = told.map((part) =>
            'text' in part ? Buffer.from(part.text) : Buffer.from(part.base64, 'base64'),
          )
          expect(Buffer.concat(back).equals(whole)).to.equal(true)
        },
      ),
    )
    const portions = new Portions()
    const told = [...'aäö🙂']
      .flatMap((char) => [...Buffer.from(char)])
      .flatMap((byte) => portions.handleBytes(Buffer.of(byte)))
    expect(told).to.deep.equal([{ text: 'a' }, { text: 'ä' }, { text: 'ö' }, { text: '🙂' }])
    expect(portions.handleBytes(Buffer.of(0xff, 0xfe))).to.deep.equal([{ base64: '//4=' }])
  })

  it('is told in lines, however it comes, and a line without an end in parts', () => {
    const lines = new Lines()
    expect(lines.handleBytes(Buffer.from('one\ntw'))).to.deep.equal(['one'])
    expect(lines.handleBytes(Buffer.from('o\r\n\nthree'))).to.deep.equal(['two', ''])
    expect(lines.end()).to.deep.equal(['three'])
    const [part] = lines.handleBytes(Buffer.alloc(5_000, 'x'))
    expect(part).to.have.length(4_096)
  })
})
