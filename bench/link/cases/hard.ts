import type { Instant } from '../../../src/core/time/instant.ts'
import type { Path } from '../../../test/helpers/path.ts'
import { quantile } from '../../helpers/figures.ts'
import { emulate, jain, lostShare, pathOf, repeat, rttInflation, type Case, type Context } from '../context.ts'
import { rateOf, type MeterPoint } from '../ends/meter.ts'
import { Flow, type FlowOptions } from '../flow.ts'
import { Namespaces } from '../namespaces.ts'

/** 20 Mbit/s, RTT 200 ms, 2 % loss, and ten seconds of nothing in the middle. */
export const outage: Case = async (context) => {
  const before = Math.max(8, 20 * context.scale)
  const cut: Instant = before * 1_000_000
  const back: Instant = cut + OUTAGE * 1_000_000
  const path: Path = { ...pathOf(20, 200, 512 * 1_024, 0.02), outage: [cut, back] }
  const load = { seconds: before + OUTAGE + 12 }
  const runs = await repeat(context.runs, async (seed) => {
    const { reports, counts } = await emulate(path, [msgFlow(context)], load, seed)
    const { points, samples } = reports[0]!
    context.onReport(reports[0]!)
    const cutAt = counts.firstAt! + cut
    const backAt = counts.firstAt! + back
    const earlier = rateOf(points, cutAt - 5_000_000, cutAt)
    const after = samples.filter(({ at }) => at > backAt)
    return {
      earlier: 8 * earlier,
      recovery: recoveryTime(points, backAt, 0.8 * earlier),
      minRtt: (after.at(-1)?.minRtt ?? Infinity) / 1_000,
      window: Math.min(...after.map(({ cwnd }) => cwnd)) / samples[0]!.cwnd,
    }
  })
  return [
    { what: 'outage: msg, last 5 s before', unit: 'Mbit/s', samples: runs.map(({ earlier }) => earlier) },
    {
      what: 'outage: back to 80 % of that (over 1 s) after',
      unit: 's',
      samples: runs.map(({ recovery }) => recovery),
      target: { is: '≤', value: 5 },
    },
    {
      what: 'outage: min_rtt at the end (finite)',
      unit: 'ms',
      samples: runs.map(({ minRtt }) => minRtt),
      target: { is: '≤', value: 400 },
    },
    {
      what: 'outage: least cwnd after ÷ initial',
      unit: 'ratio',
      samples: runs.map(({ window }) => window),
      target: { is: '≥', value: 1 },
    },
  ]
}

/** 10 Mbit/s, RTT 30 ms, a queue of 25 packets of 1,500 bytes. */
export const shallow: Case = async (context) => {
  const runs = await repeat(context.runs, async (seed) => {
    const { reports } = await emulate(
      pathOf(10, 30, 25 * 1_500),
      [msgFlow(context)],
      { seconds: Math.max(5, 30 * context.scale) },
      seed,
    )
    context.onReport(reports[0]!)
    return reports[0]!
  })
  return [
    {
      what: 'shallow: msg',
      unit: 'Mbit/s',
      samples: runs.map(({ points }) => 8 * rateOf(points)),
      target: { is: '≥', value: 9 },
    },
    { what: 'shallow: retransmitted, of packets', unit: '%', samples: runs.map(({ samples }) => lostShare(samples)) },
    {
      what: 'shallow: RTT inflation, mean srtt ÷ RTT',
      unit: 'ratio',
      samples: runs.map(({ samples }) => rttInflation(samples, 30_000)),
    },
  ]
}

/** Two, then four msg flows for 60 s on 20 Mbit/s, RTT 40 ms, a queue of one bandwidth-delay product. */
export const fairness: Case = async (context) => {
  const rows = []
  for (const count of [2, 4]) {
    const runs = await repeat(context.runs, async (seed) => {
      const flows = Array.from({ length: count }, () => msgFlow(context))
      const { reports } = await emulate(
        pathOf(20, 40, 100_000),
        flows,
        { seconds: Math.max(10, 60 * context.scale) },
        seed,
      )
      return reports.map(({ points }) => 8 * rateOf(points))
    })
    rows.push(
      {
        what: `fairness: Jain index of ${count} msg flows`,
        unit: 'index',
        samples: runs.map(jain),
        target: { is: '≥', value: 0.9 } as const,
      },
      {
        what: `fairness: ${count} msg flows together`,
        unit: 'Mbit/s',
        samples: runs.map((rates) => rates.reduce((a, b) => a + b, 0)),
      },
    )
  }
  return rows
}

/** One msg flow against one TCP CUBIC flow of the kernel's: 10 Mbit/s, RTT 30 ms, a queue of two bandwidth-delay products. */
export const tcp: Case = async (context) => {
  const reason = Namespaces.unavailable
  if (reason !== undefined) return [{ what: 'tcp: against TCP CUBIC', unit: '', samples: [], skipped: reason }]
  const seconds = Math.max(10, 60 * context.scale)
  const runs = await repeat(context.runs, async (seed) => {
    const { namespaces, emulator, a, b } = await Namespaces.tunnel(pathOf(10, 30, 75_000), seed, 'cubic')
    const flows: Flow[] = []
    try {
      for (const options of [msgFlow(context), { protocol: 'tcp' } as const])
        flows.push(await Flow.listen({ ...options, from: a, to: b }))
      for (const flow of flows) await flow.dial()
      const reports = await Promise.all(flows.map((flow) => flow.run({ seconds })))
      return reports.map(({ points }) => 8 * rateOf(points))
    } finally {
      await Promise.all(flows.map((flow) => flow.close()))
      await emulator.stop()
      namespaces.close()
    }
  })
  const share = runs.map(([msg, other]) => (100 * msg!) / (msg! + other!))
  return [
    { what: 'tcp: msg', unit: 'Mbit/s', samples: runs.map(([msg]) => msg!) },
    { what: 'tcp: kernel TCP CUBIC', unit: 'Mbit/s', samples: runs.map(([, other]) => other!) },
    { what: 'tcp: msg’s share', unit: '%', samples: share, target: { is: '≥', value: 25 } },
    { what: 'tcp: msg’s share', unit: '%', samples: share, target: { is: '≤', value: 75 } },
  ]
}

/** Ten messages a second beside a file at full rate, on the link of the wan case. */
export const chat: Case = async (context) => {
  const rttMs = 50
  const runs = await repeat(context.runs, async (seed) => {
    const load = { seconds: Math.max(10, 60 * context.scale), chat: true }
    const { reports } = await emulate(pathOf(100, rttMs, 600 * 1_024, 0.01), [msgFlow(context)], load, seed)
    context.onReport(reports[0]!)
    return reports[0]!
  })
  const delays = runs.map(({ latencies }) => latencies.map((latency) => latency / 1_000))
  return [
    { what: 'chat: one-way delay p50', unit: 'ms', samples: delays.map((each) => quantile(each, 0.5)) },
    {
      what: 'chat: one-way delay p99',
      unit: 'ms',
      samples: delays.map((each) => quantile(each, 0.99)),
      target: { is: '≤', value: rttMs + 100 },
    },
    {
      what: 'chat: messages that arrived, a second',
      unit: '1/s',
      samples: delays.map((each) => each.length / Math.max(10, 60 * context.scale)),
    },
    { what: 'chat: the file beside it', unit: 'Mbit/s', samples: runs.map(({ points }) => 8 * rateOf(points)) },
  ]
}

const msgFlow = ({ congestion }: Context): FlowOptions => ({ protocol: 'msg', ...(congestion && { congestion }) })

/** Seconds from `from` to the end of the first second that carries at least `rate`; Infinity when none does. */
function recoveryTime(points: readonly MeterPoint[], from: number, rate: number): number {
  for (const { at } of points) {
    if (at < from + 1_000_000) continue
    if (rateOf(points, at - 1_000_000, at) >= rate) return (at - from) / 1_000_000
  }
  return Infinity
}

const OUTAGE = 10
