import { quantile } from '../helpers/figures.ts'

/** One line of the table: one quantity over the runs of a case. */
export interface Row {
  readonly what: string
  readonly unit: string
  readonly samples: readonly number[]
  readonly target?: { readonly is: '≥' | '≤'; readonly value: number }
  /** In place of figures: why there are none. */
  readonly skipped?: string
}

/** Rows as a Markdown table with their noise; the ratio and the verdict are the median's. */
export function tableOf(rows: readonly Row[]): string[] {
  const lines = rows.map(({ what, unit, samples, target, skipped }) => {
    if (skipped !== undefined)
      return [what, unit, '', '', '', '0', target ? `${target.is} ${target.value}` : '', '', `skipped: ${skipped}`]
    const median = medianOf(samples)
    const isMet = target && (target.is === '≥' ? median >= target.value : median <= target.value)
    return [
      what,
      unit,
      ...[0, undefined, 1].map((q) => round(q === undefined ? median : quantile(samples, q))),
      String(samples.length),
      target ? `${target.is} ${round(target.value)}` : '',
      target ? round(median / target.value) : '',
      isMet === undefined ? '' : isMet ? 'met' : 'MISSED',
    ]
  })
  const head = ['what', 'unit', 'min', 'median', 'max', 'n', 'target', '÷ target', '']
  return [head, head.map((_, i) => (i < 2 || i > 7 ? '---' : '---:')), ...lines].map(
    (line) => `| ${line.join(' | ')} |`,
  )
}

/** Sample by sample, as run side by side, so that a drifting machine cancels out. */
export const ratios = (over: readonly number[], under: readonly number[]): number[] =>
  over.map((value, i) => value / under[i]!)

/** The middle sample, or the mean of the two in the middle. */
export function medianOf(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!
}

const round = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value.toFixed(2)
}
