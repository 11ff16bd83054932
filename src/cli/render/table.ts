import { stripVTControlCharacters } from 'node:util'

/**
 * Columns for a terminal: a heading, then rows, padded with two blanks between. Cells may carry colours.
 *
 * @returns the lines; one saying `none` when there are no rows.
 */
export function tableLines(headings: readonly string[], rows: readonly (readonly string[])[], none: string): string[] {
  if (rows.length === 0) return [none]
  const all = [headings, ...rows]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))))
  return all.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  )
}

/** Columns a text takes on a terminal: escape sequences none, wide East Asian characters and emoji two, combining marks none. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{Mark}|\p{Format}/u.test(character)) continue
    width += WIDE.test(character) ? 2 : 1
  }
  return width
}

/** East Asian wide and fullwidth ranges, and emoji (Unicode Standard Annex 11, the ranges terminals agree on). */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/** The first columns of a text, at most `width`; `mark` stands at the end of one that was longer. Escape sequences before the cut are kept. */
export function cut(text: string, width: number, mark: string): string {
  if (widthOf(text) <= width) return text
  const room = width - widthOf(mark)
  if (room < 0) return ''
  let taken = ''
  let columns = 0
  for (const [part] of text.matchAll(PARTS)) {
    const next = columns + widthOf(part)
    if (next > room) break
    taken += part
    columns = next
  }
  const isStyled = stripVTControlCharacters(taken) !== taken
  return `${taken}${mark}${isStyled ? RESET : ''}`
}

/** An escape sequence of a colour, or one character. */
const PARTS = /\u001b\[[0-9;]*m|[\s\S]/gu
const RESET = '\u001b[0m'
