import type { NetCheck, NetReport } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import type { Palette } from './palette.ts'
import { count } from './time.ts'
import { wrapped } from './wrap.ts'

/**
 * What `msg net doctor` found: a row for each check, and what it means and asks for below it.
 *
 * @param columns - of the terminal; without it nothing is broken into lines.
 */
export function netReportLines(report: NetReport, palette: Palette, columns = Infinity): string[] {
  return [
    ...report.checks.flatMap((check) => checkLines(check, palette, columns)),
    '',
    ...wrapped(visible(report.summary), columns).map(palette.strong),
    ...wrapped(countText(report.checks), columns).map(palette.dim),
  ]
}

function checkLines(
  { status, title, measured, meaning, advice }: NetCheck,
  palette: Palette,
  columns: number,
): string[] {
  const [first = '', ...more] = wrapped(`${title}: ${visible(measured)}`, columns, {
    first: `${WORDS[status]} `,
    indent: INDENT,
  })
  const paint = { ok: palette.good, warn: palette.strong, fail: palette.bad, skipped: palette.dim }[status]
  const below = (text: string, mark: string): string[] =>
    wrapped(visible(text), columns, { first: mark, indent: INDENT })
  return [
    `${paint(WORDS[status])}${first.slice(WORDS[status].length)}`,
    ...more,
    ...(meaning === '' ? [] : below(meaning, INDENT).map(palette.dim)),
    ...(advice === null ? [] : below(advice, ARROW)),
  ]
}

function countText(checks: readonly NetCheck[]): string {
  const amount = (status: NetCheck['status']): number => checks.filter((check) => check.status === status).length
  const parts = [`${amount('ok')} ok`]
  if (amount('warn') > 0) parts.push(count(amount('warn'), 'warning'))
  if (amount('fail') > 0) parts.push(`${amount('fail')} failed`)
  if (amount('skipped') > 0) parts.push(`${amount('skipped')} not checked`)
  return `${parts.join(', ')}.`
}

/** All of one width. */
const WORDS = { ok: 'ok  ', warn: 'warn', fail: 'FAIL', skipped: '?   ' } as const
const INDENT = '     '
const ARROW = '  -> '
