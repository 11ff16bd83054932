import { Emulator } from '../../../test/helpers/emulator.ts'
import type { Path } from '../../../test/helpers/path.ts'
import {
  emulate,
  lateShare,
  lostShare,
  pathOf,
  payloadRate,
  repeat,
  rttInflation,
  type Case,
  type Context,
} from '../context.ts'
import { rateOf } from '../ends/meter.ts'
import { QUIC, SRT, transfer, unavailable, type ExternalPeer } from '../external.ts'
import { Namespaces } from '../namespaces.ts'
import { Flow } from '../flow.ts'
import { medianOf, type Row } from '../table.ts'

/**
 * 100 Mbit/s, RTT 50 ms, 1 % random loss, a queue of 600 KiB: msg, then everybody else.
 *
 * Rate, queue, loss and delay all come from the emulator: it counts to the byte and the microsecond, its seed repeats the losses, and
 * this kernel's own tools for it (tbf with nftables, and netem where there is one) would need privileges for the same.
 */
export const wan: Case = async (context) => {
  const seconds = Math.max(5, 30 * context.scale)
  const options = { protocol: 'msg', ...(context.congestion && { congestion: context.congestion }) } as const
  const runs = await repeat(context.runs, (seed) => emulate(PATH, [options], { seconds }, seed))
  const reports = runs.map(({ reports }) => reports[0]!)
  reports.forEach(context.onReport)
  const mbits = reports.map(({ points }) => afterStart(points))
  const msg = medianOf(mbits)
  return [
    { what: 'wan: msg, from the third second on', unit: 'Mbit/s', samples: mbits },
    {
      what: 'wan: msg ÷ the link’s payload rate',
      unit: '%',
      samples: mbits.map((rate) => (100 * rate) / payloadRate(100)),
      target: { is: '≥', value: 95 },
    },
    { what: 'wan: msg, start included', unit: 'Mbit/s', samples: reports.map(({ points }) => 8 * rateOf(points)) },
    {
      what: 'wan: RTT inflation, mean srtt ÷ RTT',
      unit: 'ratio',
      samples: reports.map(({ samples }) => rttInflation(samples, 50_000)),
      target: { is: '≤', value: 1.5 },
    },
    {
      what: 'wan: retransmitted, of packets',
      unit: '%',
      samples: reports.map(({ samples }) => lostShare(samples)),
      target: { is: '≤', value: 3 },
    },
    {
      what: 'wan: datagrams the emulator let go over 1 ms late',
      unit: '%',
      samples: runs.map(({ counts }) => lateShare(counts)),
    },
    ...(context.isAlone ? [] : await peers(context, seconds, msg)),
  ]
}

async function peers({ runs }: Context, seconds: number, msg: number): Promise<Row[]> {
  const rows: Row[] = []
  const add = (name: string, samples: readonly number[]): void => {
    rows.push({ what: `wan: ${name}`, unit: 'Mbit/s', samples })
    rows.push({
      what: `wan: msg ÷ ${name}`,
      unit: 'ratio',
      samples: samples.map((rate) => msg / rate),
      target: { is: '≥', value: 1 },
    })
  }
  const udx = await repeat(runs, (seed) => emulate(PATH, [{ protocol: 'udx' }], { seconds }, seed))
  add(
    'udx-native',
    udx.map(({ reports }) => afterStart(reports[0]!.points)),
  )
  for (const peer of [SRT, QUIC]) {
    const reason = unavailable(peer)
    if (reason === undefined) add(peer.name, await repeat(runs, (seed) => throughEmulator(peer, PATH, seconds, seed)))
    else rows.push({ what: `wan: ${peer.name}`, unit: 'Mbit/s', samples: [], skipped: reason })
  }
  const reason = Namespaces.unavailable
  for (const congestion of ['bbr', 'cubic']) {
    const name = `kernel TCP ${congestion.toUpperCase()}`
    if (reason !== undefined) rows.push({ what: `wan: ${name}`, unit: 'Mbit/s', samples: [], skipped: reason })
    else add(name, await repeat(runs, (seed) => throughTunnel(congestion, seconds, seed)))
  }
  return rows
}

async function throughEmulator(peer: ExternalPeer, path: Path, seconds: number, seed: number): Promise<number> {
  let emulator: Emulator | undefined
  try {
    const points = await transfer(peer, {
      bytes: Math.round((100 / 8) * 1_000_000 * seconds * 2),
      seconds,
      through: async (address) => {
        emulator = await Emulator.start({ doors: [{ target: address }], path, seed })
        return emulator.addresses[0]!
      },
    })
    return afterStart(points)
  } finally {
    await emulator?.stop()
  }
}

async function throughTunnel(congestion: string, seconds: number, seed: number): Promise<number> {
  const { namespaces, emulator, a, b } = await Namespaces.tunnel(PATH, seed, congestion)
  let flow: Flow | undefined
  try {
    flow = await Flow.listen({ protocol: 'tcp', from: a, to: b })
    await flow.dial()
    return afterStart((await flow.run({ seconds })).points)
  } finally {
    await flow?.close()
    await emulator.stop()
    namespaces.close()
  }
}

/** Mbit/s from the third second on, when the flow has found its rate. */
function afterStart(points: Parameters<typeof rateOf>[0]): number {
  return 8 * rateOf(points, (points[0]?.at ?? 0) + 2_000_000)
}

const PATH = pathOf(100, 50, 600 * 1_024, 0.01)
