/**
 * Breaks plain text at blanks into lines of at most `width` characters; a word that is longer stays whole.
 *
 * @param first - put before the first line, and `indent` before every other; both are counted.
 */
export function wrapped(text: string, width: number, { first = '', indent = '' } = {}): string[] {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = `${indent}${word}`
    } else line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}
