import type { LinkSample } from './ends/end-process.ts'
import type { MeterPoint } from './ends/meter.ts'

/** What is drawn: the sender's samples and the receiver's bytes, both with microseconds since 1970. */
export interface PlotData {
  readonly samples: ReadonlyArray<Pick<LinkSample, 'at' | 'cwnd' | 'bytesInFlight' | 'srtt' | 'minRtt' | 'packetsLost'>>
  readonly points: readonly MeterPoint[]
  /** Where `points` were counted. @default 'at the receiver' */
  readonly goodput?: string
}

/** One run as an SVG of four panels over one time axis: window and flight, round trip, goodput, losses. Text stays text. */
export function plot({ samples, points, goodput = 'at the receiver' }: PlotData, title: string): string {
  const start = Math.min(samples[0]?.at ?? Infinity, points[0]?.at ?? Infinity)
  const end = Math.max(samples.at(-1)?.at ?? 0, points.at(-1)?.at ?? 0)
  const duration = Math.max(0.001, (end - start) / 1_000_000)
  const from = (at: number): number => (at - start) / 1_000_000
  const of = (value: (sample: PlotData['samples'][number]) => number): Point[] =>
    samples.map((sample) => [from(sample.at), value(sample)])
  const panels: Panel[] = [
    {
      axis: 'bytes (KiB)',
      lines: [
        { name: 'cwnd', colour: '#1f6feb', points: of(({ cwnd }) => cwnd / 1_024) },
        { name: 'bytes in flight', colour: '#d9822b', points: of(({ bytesInFlight }) => bytesInFlight / 1_024) },
      ],
    },
    {
      axis: 'RTT (ms)',
      lines: [
        { name: 'smoothed', colour: '#8250df', points: of(({ srtt }) => srtt / 1_000) },
        { name: 'smallest', colour: '#57606a', points: of(({ minRtt }) => minRtt / 1_000) },
      ],
    },
    {
      axis: 'goodput (Mbit/s)',
      lines: [
        {
          name: `${goodput}, over ${RATE_STEP / 1_000} ms`,
          colour: '#1a7f37',
          points: rates(points).map(([at, rate]) => [from(at), rate]),
        },
      ],
    },
    {
      axis: 'lost (packets)',
      lines: [{ name: 'lost so far', colour: '#cf222e', points: of(({ packetsLost }) => packetsLost) }],
    },
  ]
  const height = TOP + panels.length * (PANEL + GAP) + BOTTOM
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    text(LEFT, 24, title, 'font-size="16" font-weight="bold"'),
    ...panels.map((panel, i) => drawPanel(panel, TOP + i * (PANEL + GAP), duration)),
    text(LEFT + INNER / 2, height - 10, 'time since the first sample (s)', 'text-anchor="middle"'),
    '</svg>\n',
  ].join('\n')
}

type Point = readonly [seconds: number, value: number]

interface Panel {
  readonly axis: string
  readonly lines: ReadonlyArray<{ readonly name: string; readonly colour: string; readonly points: readonly Point[] }>
}

function drawPanel({ axis, lines }: Panel, top: number, duration: number): string {
  const peak = lines.reduce(
    (max, { points }) =>
      points.reduce((high, [, value]) => (Number.isFinite(value) ? Math.max(high, value) : high), max),
    0,
  )
  const values = ticks(peak || 1, 5)
  const x = (seconds: number): string => (LEFT + (seconds / duration) * INNER).toFixed(1)
  const y = (value: number): string => (top + PANEL - (value / values.at(-1)!) * PANEL).toFixed(1)
  const times = ticks(duration, 15).filter((time) => time <= duration)
  return [
    ...values.map(
      (value) => `<line x1="${LEFT}" x2="${LEFT + INNER}" y1="${y(value)}" y2="${y(value)}" stroke="#d0d7de"/>`,
    ),
    ...times.map((time) => `<line x1="${x(time)}" x2="${x(time)}" y1="${top}" y2="${top + PANEL}" stroke="#eaeef2"/>`),
    ...values.map((value) => text(LEFT - 8, Number(y(value)) + 4, label(value), 'text-anchor="end"')),
    ...times.map((time) => text(Number(x(time)), top + PANEL + 16, label(time), 'text-anchor="middle"')),
    text(18, top + PANEL / 2, axis, `text-anchor="middle" transform="rotate(-90 18 ${top + PANEL / 2})"`),
    ...lines.map(({ colour, points }) => {
      const path = points.filter(([, value]) => Number.isFinite(value)).map(([time, value]) => `${x(time)},${y(value)}`)
      return `<polyline fill="none" stroke="${colour}" stroke-width="1.3" points="${path.join(' ')}"/>`
    }),
    ...lines.map(({ name, colour }, i) => {
      const left = LEFT + i * LEGEND
      return `<line x1="${left}" x2="${left + 20}" y1="${top - 10}" y2="${top - 10}" stroke="${colour}" stroke-width="3"/>${text(left + 26, top - 6, name)}`
    }),
  ].join('\n')
}

/** Mbit/s over each step of a fixed length, so that silence shows as none. */
function rates(points: readonly MeterPoint[]): Point[] {
  const result: Point[] = []
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return result
  let before = first.bytes
  for (let at = first.at + RATE_STEP, i = 0; at <= last.at; at += RATE_STEP) {
    while (i + 1 < points.length && points[i + 1]!.at <= at) i++
    result.push([at, (8 * (points[i]!.bytes - before)) / RATE_STEP])
    before = points[i]!.bytes
  }
  return result
}

/** From 0 to `peak` or just above it, in at most `most` steps of 1, 2 or 5 times a power of ten. */
function ticks(peak: number, most: number): number[] {
  const magnitude = 10 ** Math.floor(Math.log10(peak / most))
  const step = [1, 2, 5, 10].map((factor) => factor * magnitude).find((each) => peak / each <= most)!
  return Array.from({ length: Math.ceil(peak / step) + 1 }, (_, i) => i * step)
}

const label = (value: number): string => Number(value.toPrecision(6)).toLocaleString('en-US')

function text(x: number, y: number, content: string, attributes = ''): string {
  const safe = content.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`)
  return `<text x="${x}" y="${y}" fill="#24292f" ${attributes}>${safe}</text>`
}

/** Pixels. */
const WIDTH = 960
const LEFT = 84
const INNER = WIDTH - LEFT - 24
const TOP = 64
const PANEL = 150
const GAP = 56
const BOTTOM = 8
const LEGEND = 180
/** Goodput is a mean over so many microseconds. */
const RATE_STEP = 200_000
