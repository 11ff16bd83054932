import { MsgError } from 'msg-cli/plugin'

/**
 * Splits what was typed behind `--` into the words of a command: blanks separate; what is in `'…'` is taken as it is, what is in `"…"` too but for `\"` and
 * `\\`; elsewhere `\` makes the next character plain. Nothing is replaced: no variables, no wildcards, no pipes.
 *
 * @throws MSG_ERR_USAGE when a quote is not closed.
 */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote = ''
  for (let i = 0; i < line.length; i++) {
    const char = line[i]!
    const next = line[i + 1]
    if (quote === "'" || quote === '"') {
      if (char === quote) quote = ''
      else if (quote === '"' && char === '\\' && (next === '"' || next === '\\')) word = (word ?? '') + line[++i]
      else word = (word ?? '') + char
    } else if (char === "'" || char === '"') {
      quote = char
      word ??= ''
    } else if (char === '\\' && next !== undefined) word = (word ?? '') + line[++i]
    else if (!/\s/u.test(char)) word = (word ?? '') + char
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (quote !== '') throw new MsgError('MSG_ERR_USAGE', { detail: `a quote ${quote} is not closed` })
  return word === undefined ? words : [...words, word]
}

/** A line that {@link splitWords} makes these words of. */
export function joinWords(words: readonly string[]): string {
  return words.map((word) => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}

/**
 * Each word as a person must see it before saying yes: in quotes unless it is plain, and everything that is not a visible ASCII character as an escape.
 * Letters of other scripts may look like others, so they are escapes too.
 */
export function shownWords(words: readonly string[]): string {
  return words.map(shownWord).join(' ')
}

function shownWord(word: string): string {
  if (PLAIN.test(word)) return word
  const escaped = word.replace(/[\\"]|[^\x20-\x7e]/gu, (char) => {
    if (char === '\\' || char === '"') return `\\${char}`
    const short = SHORT[char]
    if (short !== undefined) return short
    return `\\u{${char.codePointAt(0)!.toString(16)}}`
  })
  return `"${escaped}"`
}

const PLAIN = /^[\w@%+=:,./-]+$/
const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
