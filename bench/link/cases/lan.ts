import { rateOf } from '../ends/meter.ts'
import { QUIC, SRT, transfer, unavailable, type ExternalPeer } from '../external.ts'
import { Flow, type FlowOptions, type Place } from '../flow.ts'
import { Namespaces } from '../namespaces.ts'
import { repeat, type Case, type Context } from '../context.ts'
import { ratios, type Row } from '../table.ts'

/** 512 MiB from memory to memory over loopback, msg and udx-native in turns. */
export const loopback: Case = async (context) => {
  const rates = await repeat(context.runs, async () => ({
    msg: await send(context, { protocol: 'msg' }),
    udx: await send(context, { protocol: 'udx' }),
  }))
  const [msg, udx] = [rates.map((each) => each.msg.goodput), rates.map((each) => each.udx.goodput)]
  return [
    { what: 'loopback: msg', unit: 'MB/s', samples: msg },
    { what: 'loopback: udx-native, unencrypted', unit: 'MB/s', samples: udx },
    { what: 'loopback: msg’s mean datagram', unit: 'bytes', samples: rates.map((each) => each.msg.datagram) },
    { what: 'loopback: msg ÷ udx-native', unit: 'ratio', samples: ratios(msg, udx), target: { is: '≥', value: 2 } },
  ]
}

/** The same between two network namespaces on an MTU of 1,500, beside SRT and QUIC too. */
export const namespaces: Case = async (context) => {
  const reason = Namespaces.unavailable
  if (reason !== undefined) return [{ what: 'namespaces, MTU 1,500', unit: '', samples: [], skipped: reason }]
  const externals = [SRT, QUIC].map((peer) => ({ peer, reason: context.isAlone ? 'not asked for' : unavailable(peer) }))
  const usable = externals.filter((each) => each.reason === undefined).map(({ peer }) => peer)
  const { namespaces, a, b } = Namespaces.pair()
  try {
    const rates = await repeat(context.runs, async () => ({
      msg: await send(context, { protocol: 'msg', from: a, to: b }),
      udx: await send(context, { protocol: 'udx', from: a, to: b }),
      small: await send(context, { protocol: 'msg', from: a, to: b, maxDatagramSize: 1_452 }),
      others: await externalRates(context, usable, a, b),
    }))
    const [msg, udx, small] = (['msg', 'udx', 'small'] as const).map((name) => rates.map((each) => each[name].goodput))
    const datagrams = (['msg', 'small'] as const).map((name) => rates.map((each) => each[name].datagram))
    const fastest = rates.map(({ others }) => Math.max(...others))
    return [
      { what: 'namespaces: msg', unit: 'MB/s', samples: msg! },
      { what: 'namespaces: msg’s mean datagram', unit: 'bytes', samples: datagrams[0]! },
      { what: 'namespaces: udx-native, unencrypted', unit: 'MB/s', samples: udx! },
      ...externals.map(({ peer, reason }): Row => {
        const samples = reason === undefined ? rates.map(({ others }) => others[usable.indexOf(peer)]!) : []
        return {
          what: `namespaces: ${peer.name}, file to file in memory`,
          unit: 'MB/s',
          samples,
          ...(reason !== undefined && { skipped: reason }),
        }
      }),
      {
        what: 'namespaces: msg ÷ udx-native',
        unit: 'ratio',
        samples: ratios(msg!, udx!),
        target: { is: '≥', value: 2 },
      },
      {
        what: 'namespaces: msg ÷ the faster of SRT and QUIC',
        unit: 'ratio',
        samples: usable.length > 0 ? ratios(msg!, fastest) : [],
        target: { is: '≥', value: 2 },
        ...(usable.length === 0 && { skipped: 'neither was measured' }),
      },
      { what: 'namespaces: msg, datagrams of 1,452 bytes', unit: 'MB/s', samples: small! },
      {
        what: 'namespaces: their mean datagram',
        unit: 'bytes',
        samples: datagrams[1]!,
        target: { is: '≤', value: 1_452 },
      },
      {
        what: 'namespaces: msg of 1,452 bytes ÷ udx-native',
        unit: 'ratio',
        samples: ratios(small!, udx!),
        target: { is: '≥', value: 1 },
      },
    ]
  } finally {
    namespaces.close()
  }
}

/** @returns MB/s at the receiver, and the mean datagram where the protocol tells, bytes. */
async function send(
  { scale, congestion, onReport }: Context,
  options: FlowOptions,
): Promise<{ goodput: number; datagram: number }> {
  const flow = await Flow.listen({ ...options, ...(congestion && { congestion }) })
  try {
    await flow.dial()
    const report = await flow.run({ bytes: Math.round(FILE * scale) })
    if (options.protocol === 'msg') onReport(report)
    const last = report.samples.at(-1)
    return { goodput: rateOf(report.points), datagram: last ? last.bytesSent / last.packetsSent : NaN }
  } finally {
    await flow.close()
  }
}

async function externalRates(
  { scale }: Context,
  peers: readonly ExternalPeer[],
  a: Place,
  b: Place,
): Promise<number[]> {
  const rates: number[] = []
  for (const peer of peers) {
    const places = peer.sender === 'asks' ? { waits: b, asks: a } : { waits: a, asks: b }
    rates.push(rateOf(await transfer(peer, { bytes: Math.round(FILE * scale), ...places })))
  }
  return rates
}

const FILE = 512 * 1_048_576
