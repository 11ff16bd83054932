import { join } from 'node:path'
import { quantile, type Figure } from '../helpers/figures.ts'
import { Peer } from '../helpers/peer.ts'
import { ServerProcess } from '../helpers/server-process.ts'

/** Two clients in two processes, durable outbox and history on: latency of single messages, then as many as go. */
export async function measureMessages(): Promise<Figure[]> {
  const server = await ServerProcess.start()
  const [alice, bob] = [new Peer(), new Peer()]
  const rates: number[] = []
  const p50: number[] = []
  const p99: number[] = []
  try {
    for (const [peer, user] of [
      [alice, 'alice'],
      [bob, 'bob'],
    ] as const) {
      await peer.ask({ do: 'start', server: server.address, user, dataDir: join(server.dataDir, user) })
    }
    await alice.ask({ do: 'open', user: 'bob' })
    await exchange(alice, bob, { count: 2_000, window: 64, gapMs: 0 })
    for (let run = 0; run < RUNS; run++) {
      const { latencies } = await exchange(alice, bob, { count: 500, window: 1, gapMs: 2 })
      p50.push(quantile(latencies, 0.5) / 1_000)
      p99.push(quantile(latencies, 0.99) / 1_000)
      const { seconds } = await exchange(alice, bob, { count: 50_000, window: 1_024, gapMs: 0 })
      rates.push(50_000 / seconds)
    }
  } finally {
    await Promise.all([alice.close(), bob.close()])
    await server.stop()
  }
  return [
    { name: 'message latency p50, one way, 100 bytes', unit: 'ms', samples: p50, target: '< 1' },
    { name: 'message latency p99, one way, 100 bytes', unit: 'ms', samples: p99 },
    { name: 'messages, one way, 100 bytes', unit: '1/s', samples: rates, target: '> 20,000' },
  ]
}

async function exchange(
  from: Peer,
  to: Peer,
  load: { count: number; window: number; gapMs: number },
): Promise<{ seconds: number; latencies: readonly number[] }> {
  const all = to.ask({ do: 'await', count: load.count })
  const start = process.hrtime.bigint()
  await from.ask({ do: 'send', bytes: 100, ...load })
  const { latencies = [] } = await all
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, latencies }
}

const RUNS = 5
