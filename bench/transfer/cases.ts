import { open } from 'node:fs/promises'
import { pathOf, repeat } from '../link/context.ts'
import { rateOf, wallMicros } from '../link/ends/meter.ts'
import { QUIC, SRT, transfer, unavailable, type ExternalPeer } from '../link/external.ts'
import { Flow, type Place } from '../link/flow.ts'
import { Namespaces } from '../link/namespaces.ts'
import { ratios, type Row } from '../link/table.ts'
import { settle, type Case, type Context } from './context.ts'
import { Party } from './party.ts'
import { pathRows, type Round } from './report.ts'
import { SCP } from './scp.ts'

/** One file over loopback. */
export const loopback: Case = (context) =>
  measure(context, 'loopback', 2, async (use) => use({ from: LOOPBACK, to: LOOPBACK }))

/** The same between two network namespaces on a wire of MTU 1,500. */
export const namespaces: Case = (context) =>
  measure(context, 'namespaces', 2, async (use) => {
    const { namespaces, a, b } = Namespaces.pair()
    try {
      return await use({ from: a, to: b })
    } finally {
      namespaces.close()
    }
  })

/** The same over 100 Mbit/s, RTT 50 ms, 1 % loss and a queue of 600 KiB; everybody through one emulator, TCP too. */
export const wan: Case = (context) =>
  measure(context, 'wan', 1, async (use, seed) => {
    const { namespaces, emulator, a, b } = await Namespaces.tunnel(pathOf(100, 50, 600 * 1_024, 0.01), seed, 'cubic')
    try {
      return await use({ from: a, to: b })
    } finally {
      await emulator.stop()
      namespaces.close()
    }
  })

/** Four clients that download a quarter each at the same time, and one that downloads the whole. */
export const four: Case = async ({ runs, size, workspace, profile }) => {
  const quarter = Math.ceil(size / 4)
  const source = await workspace.file('quarter.bin', quarter)
  const whole = await workspace.file('whole.bin', quarter * 4)
  const rateOfAll = (count: number): Promise<number> =>
    workspace.within(async (directory) => {
      const party = await Party.start({ directory, receivers: count, profile })
      try {
        const ids = await party.offer([count === 1 ? whole : source], count)
        settle(workspace, quarter * 4)
        const received = await party.receive(ids)
        const from = Math.min(...received.map((each) => each.from))
        return (quarter * 4) / (Math.max(...received.map((each) => each.to)) - from)
      } finally {
        await party.close()
      }
    })
  const rounds = await repeat(runs, async () => ({ one: await rateOfAll(1), all: await rateOfAll(4) }))
  const [single, together] = [rounds.map((each) => each.one), rounds.map((each) => each.all)]
  return [
    { what: 'four: one download', unit: 'MB/s', samples: single },
    { what: 'four: four at once, together', unit: 'MB/s', samples: together },
    { what: 'four: together ÷ one', unit: 'ratio', samples: ratios(together, single), target: { is: '≥', value: 1 } },
  ]
}

/** Ten thousand files of 4 KiB as one folder. */
export const files: Case = async ({ runs, workspace, profile }) => {
  const folder = await workspace.folder('small', FILES, 4_096)
  const rounds = await repeat(runs, () =>
    workspace.within(async (directory) => {
      const party = await Party.start({ directory, profile })
      try {
        const before = wallMicros()
        const ids = await party.offer([folder])
        const offered = wallMicros() - before
        settle(workspace, 4 * FILES * 4_096)
        const [{ from, to } = { from: 0, to: 0 }] = await party.receive(ids)
        return { rate: (FILES * 1e6) / (to - from), offered: offered / 1_000, ...(await party.usage()) }
      } finally {
        await party.close()
      }
    }),
  )
  const target = { is: '≥', value: 5_000 } as const
  return [
    {
      what: 'files: 10,000 of 4 KiB, accepted until landed',
      unit: 'files/s',
      samples: rounds.map(({ rate }) => rate),
      target,
    },
    { what: 'files: until they are offered', unit: 'ms', samples: rounds.map(({ offered }) => offered) },
    { what: 'files: sender’s CPU', unit: 's', samples: rounds.map(({ sender }) => sender.cpu) },
    { what: 'files: receiver’s CPU', unit: 's', samples: rounds.map(({ receiver }) => receiver.cpu) },
  ]
}

type Ends = { readonly from: Place; readonly to: Place }

/** Everybody in turns on one kind of path. */
async function measure(
  context: Context,
  name: string,
  overPeers: number,
  withEnds: (use: (ends: Ends) => Promise<Round>, seed: number) => Promise<Round>,
): Promise<Row[]> {
  const reason = name === 'loopback' ? undefined : Namespaces.unavailable
  if (reason !== undefined) return [{ what: name, unit: '', samples: [], skipped: reason }]
  const all = [SCP, SRT, QUIC].map((peer) => ({ peer, reason: context.isAlone ? 'not asked for' : unavailable(peer) }))
  const usable = all.filter((each) => each.reason === undefined).map(({ peer }) => peer)
  const rounds = await repeat(context.runs, (seed) =>
    withEnds(async (ends) => {
      const link = await linkRate(context, ends)
      const { rate: msg, ...costs } = await msgRate(context, ends)
      const peers: Record<string, { rate: number; synced: number }> = {}
      for (const peer of usable) peers[peer.name] = await peerRate(context, peer, ends)
      return { link, msg, peers, ...costs }
    }, seed),
  )
  return pathRows(rounds, {
    name,
    unit: name === 'wan' ? 'Mbit/s' : 'MB/s',
    overPeers,
    absent: all.flatMap(({ peer, reason }) => (reason === undefined ? [] : [{ name: peer.name, reason }])),
  })
}

async function linkRate({ size }: Context, { from, to }: Ends): Promise<number> {
  const flow = await Flow.listen({ protocol: 'msg', from, to })
  try {
    await flow.dial()
    return rateOf((await flow.run({ bytes: size }, PATIENCE_MS)).points)
  } finally {
    await flow.close()
  }
}

async function msgRate(
  { size, source, workspace, profile }: Context,
  { from, to }: Ends,
): Promise<Pick<Round, 'cpu' | 'memory'> & { rate: number }> {
  return workspace.within(async (directory) => {
    const party = await Party.start({ directory, from, to, profile })
    try {
      const ids = await party.offer([source])
      settle(workspace, size)
      const before = await party.usage()
      const [received] = await party.receive(ids)
      const after = await party.usage()
      const perGigabyte = (side: 'sender' | 'receiver'): number => (after[side].cpu - before[side].cpu) / (size / 1e9)
      return {
        rate: size / (received!.to - received!.from),
        cpu: { sender: perGigabyte('sender'), receiver: perGigabyte('receiver') },
        memory: { sender: after.sender.memory, receiver: after.receiver.memory },
      }
    } finally {
      await party.close()
    }
  })
}

/** From the first byte to the last: who starts slowly is not blamed for it. */
async function peerRate(
  { size, source, workspace }: Context,
  peer: ExternalPeer,
  { from, to }: Ends,
): Promise<{ rate: number; synced: number }> {
  settle(workspace, size)
  let syncing = 0
  const places = peer.sender === 'asks' ? { waits: to, asks: from } : { waits: from, asks: to }
  const points = await transfer(peer, {
    bytes: size,
    seconds: PEER_SECONDS,
    within: workspace.path,
    source,
    onReceived: async (path) => {
      const before = wallMicros()
      const file = await open(path)
      await file.sync()
      await file.close()
      syncing = wallMicros() - before
    },
    ...places,
  })
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || last.bytes === first.bytes) return { rate: 0, synced: 0 }
  return { rate: rateOf(points), synced: (last.bytes - first.bytes) / (last.at - first.at + syncing) }
}

const LOOPBACK: Place = { host: '127.0.0.1' }
const FILES = 10_000
/** A peer that is slower than that is measured on what it got through. */
const PEER_SECONDS = 30
const PATIENCE_MS = 600_000
