import { Emulator } from '../../test/helpers/emulator.ts'
import { millis, type Duration } from '../../src/core/time/instant.ts'
import { CLEAN, type Path } from '../../test/helpers/path.ts'
import type { RelayCounts } from '../../test/helpers/relay.ts'
import type { Load } from './ends/end.ts'
import type { LinkSample } from './ends/end-process.ts'
import { Flow, type FlowOptions, type FlowReport } from './flow.ts'
import type { Row } from './table.ts'

/** How much to measure. */
export interface Context {
  /** Times each case is repeated. */
  readonly runs: number
  /** What sizes and durations are multiplied by: 1 is the whole. */
  readonly scale: number
  /** Leaves the peers out, for a look at msg alone. */
  readonly isAlone: boolean
  /** Congestion control of msg's flows. @default the link's own choice */
  readonly congestion?: 'bbr' | 'cubic' | 'fast'
  /** Given the report of every msg flow whose samples are worth a picture. */
  readonly onReport: (report: FlowReport) => void
}

/** One row of the table. */
export type Case = (context: Context) => Promise<Row[]>

/** A path of a rate in Mbit/s, a round trip in ms and a queue in bytes; UDP payloads of an Ethernet's MTU pass. */
export const pathOf = (mbits: number, rttMs: number, queue: number, drop = 0): Path => ({
  ...CLEAN,
  rate: mbits / 8,
  delay: millis(rttMs / 2),
  queue,
  drop,
  mtu: 1_472,
})

/** What a path of that rate carries in full datagrams of 1,452 bytes, Mbit/s of UDP payload. */
export const payloadRate = (mbits: number): number => (mbits * 1_452) / (1_452 + CLEAN.headers)

/** How long the emulator lets things flow before and after, and what it saw. */
export interface Emulated {
  readonly reports: readonly FlowReport[]
  readonly counts: RelayCounts
}

/** Flows of one load each, all at once over one emulated path. */
export async function emulate(path: Path, flows: readonly FlowOptions[], load: Load, seed: number): Promise<Emulated> {
  const open: Flow[] = []
  let emulator: Emulator | undefined
  try {
    for (const options of flows) open.push(await Flow.listen(options))
    emulator = await Emulator.start({ doors: open.map(({ address }) => ({ target: address })), path, seed })
    await Promise.all(open.map((flow, i) => flow.dial(emulator!.addresses[i]!)))
    const reports = await Promise.all(open.map((flow) => flow.run(load)))
    return { reports, counts: await emulator.counts() }
  } finally {
    await Promise.all(open.map((flow) => flow.close()))
    await emulator?.stop()
  }
}

/** Mean of the smoothed round trip over a run, in units of the path's own. */
export function rttInflation(samples: readonly LinkSample[], rtt: Duration): number {
  const sampled = samples.filter(({ srtt }) => srtt > 0)
  return sampled.reduce((sum, { srtt }) => sum + srtt, 0) / sampled.length / rtt
}

/** Packets given up for lost, of all sent, percent: what had to be sent again. */
export function lostShare(samples: readonly LinkSample[]): number {
  const last = samples.at(-1)
  return last === undefined ? NaN : (100 * last.packetsLost) / last.packetsSent
}

/** Datagrams that the emulator let go more than 1 ms late, percent: its own noise on this machine. */
export const lateShare = ({ there, back, late }: RelayCounts): number => (100 * late) / (there.arrived + back.arrived)

/** Jain's fairness index: 1 when all have the same, 1/n when one has everything. */
export const jain = (rates: readonly number[]): number => {
  const sum = rates.reduce((a, b) => a + b, 0)
  return sum ** 2 / (rates.length * rates.reduce((a, b) => a + b * b, 0))
}

/** Runs one after the other, numbered from 1. */
export async function repeat<T>(runs: number, run: (number: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  for (let number = 1; number <= runs; number++) results.push(await run(number))
  return results
}
