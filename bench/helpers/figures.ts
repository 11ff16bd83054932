import { cpus } from 'node:os'

/** One measured quantity over several runs or samples. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly samples: readonly number[]
  /** What it should reach, e.g. `< 1`. */
  readonly target?: string
}

/** The value below which the share `q` (0 to 1) of the samples lies. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN
}

/** Prints figures as a Markdown table: minimum, median, maximum, so that the noise shows. */
export function printFigures(figures: readonly Figure[]): void {
  const rows = figures.map(({ name, unit, samples, target }) => [
    name,
    unit,
    ...[0, 0.5, 1].map((q) => round(quantile(samples, q))),
    String(samples.length),
    target ?? '',
  ])
  const table = [
    ['what', 'unit', 'min', 'median', 'max', 'n', 'target'],
    ['---', '---', '---:', '---:', '---:', '---:', '---'],
    ...rows,
  ]
  for (const row of table) console.log(`| ${row.join(' | ')} |`)
}

/** The machine in one line, for the head of a report. */
export const machineLine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, ${process.platform}`

const round = (value: number): string => {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? value.toFixed(1) : value.toFixed(3)
}
