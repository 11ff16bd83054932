import { medianOf, ratios, type Row } from '../link/table.ts'

/** What was measured on one path in one run. Rates in bytes per microsecond, which is MB/s. */
export interface Round {
  /** The link's own bench, from memory to memory. */
  readonly link: number
  /** From a file to a file: accepted until landed, synced included. */
  readonly msg: number
  /** Others by name: from the first byte to the last, and the same when what was received is then synced. */
  readonly peers: Readonly<Record<string, { readonly rate: number; readonly synced: number }>>
  /** CPU seconds for each gigabyte, of both clients. */
  readonly cpu: { readonly sender: number; readonly receiver: number }
  /** Largest resident memory of both clients, MiB. */
  readonly memory: { readonly sender: number; readonly receiver: number }
}

/** What {@link pathRows} takes beside rounds. */
export interface PathOptions {
  readonly name: string
  readonly unit: 'MB/s' | 'Mbit/s'
  /** What the ratio to the fastest peer should be. */
  readonly overPeers: number
  /** Peers that were not measured, and why. */
  readonly absent: ReadonlyArray<{ readonly name: string; readonly reason: string }>
}

/** The rows of one path: everybody's rates, then the ratios run by run. */
export function pathRows(rounds: readonly Round[], { name, unit, overPeers, absent }: PathOptions): Row[] {
  const scale = unit === 'Mbit/s' ? 8 : 1
  const rates = (of: (round: Round) => number): number[] => rounds.map((round) => scale * of(round))
  const msg = rates((round) => round.msg)
  const link = rates((round) => round.link)
  const present = Object.keys(rounds[0]?.peers ?? {})
  const peers = present.flatMap((peer): Row[] => [
    { what: `${name}: ${peer}`, unit, samples: rates(({ peers }) => peers[peer]!.rate) },
    { what: `${name}: ${peer}, and synced`, unit, samples: rates(({ peers }) => peers[peer]!.synced) },
  ])
  const fastest = rates(({ peers }) => Math.max(...Object.values(peers).map(({ rate }) => rate)))
  const target = { is: '≥', value: overPeers } as const
  return [
    { what: `${name}: msg, file to file`, unit, samples: msg },
    { what: `${name}: the link alone`, unit, samples: link },
    {
      what: `${name}: msg ÷ the link alone`,
      unit: 'ratio',
      samples: ratios(msg, link),
      target: { is: '≥', value: 0.8 },
    },
    ...peers,
    ...absent.map(({ name: peer, reason }): Row => ({ what: `${name}: ${peer}`, unit, samples: [], skipped: reason })),
    present.length > 0
      ? { what: `${name}: msg ÷ the fastest of them`, unit: 'ratio', samples: ratios(msg, fastest), target }
      : {
          what: `${name}: msg ÷ the fastest of them`,
          unit: 'ratio',
          samples: [],
          target,
          skipped: 'none was measured',
        },
    { what: `${name}: sender’s CPU`, unit: 's/GB', samples: rounds.map(({ cpu }) => cpu.sender) },
    { what: `${name}: receiver’s CPU`, unit: 's/GB', samples: rounds.map(({ cpu }) => cpu.receiver) },
    { what: `${name}: sender’s memory`, unit: 'MiB', samples: rounds.map(({ memory }) => memory.sender) },
    { what: `${name}: receiver’s memory`, unit: 'MiB', samples: rounds.map(({ memory }) => memory.receiver) },
  ]
}

/** Rows for a program: every sample, and the verdict on the median. */
export function jsonOf(rows: readonly Row[], facts: Readonly<Record<string, unknown>>): string {
  const measured = rows.map(({ what, unit, samples, target, skipped }) => {
    if (skipped !== undefined) return { what, unit, skipped }
    const median = medianOf(samples)
    const isMet = target && (target.is === '≥' ? median >= target.value : median <= target.value)
    const [min, max] = [Math.min(...samples), Math.max(...samples)]
    return { what, unit, min, median, max, samples, ...(target && { target: `${target.is} ${target.value}`, isMet }) }
  })
  return JSON.stringify({ ...facts, rows: measured }, null, 2)
}

/** `512MiB`, `64MB`, `1000` in bytes; `undefined` for anything else. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+)\s*(KiB|MiB|GiB|kB|MB|GB|)$/.exec(text) ?? []
  const bytes = Number(digits) * UNITS[unit as keyof typeof UNITS]
  return digits !== undefined && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
}

const UNITS = { '': 1, kB: 1e3, MB: 1e6, GB: 1e9, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 } as const
