/**
 * Server memory per idle signed-in client.
 *
 *     node --import tsx bench/wall/server-memory.ts [clients]
 *
 * The server runs in a process of its own, in a temporary directory; this process holds the clients.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createServer } from '../../src/core/index.ts'
import { ControlClient } from '../../test/helpers/control-client.ts'

async function serve(dataDir: string): Promise<void> {
  const server = await createServer({ dataDir, host: '127.0.0.1', port: 0, passwordCost: 'minimal' })
  process.send?.({ port: server.address.port })
  process.on('message', async () => process.send?.({ ...process.memoryUsage() }))
  process.on('disconnect', () => void server.close())
}

async function measure(clients: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'msg-bench-'))
  const child = fork(fileURLToPath(import.meta.url), [dataDir], { execArgv: process.execArgv })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const usage = async (): Promise<NodeJS.MemoryUsage> => {
    child.send('usage')
    return ((await once(child, 'message')) as [NodeJS.MemoryUsage])[0]
  }
  const open: ControlClient[] = []
  const add = async (i: number): Promise<void> => {
    const client = await ControlClient.connect(port)
    await client.register(`user${i}`)
    open.push(client)
  }
  // The first few load code and grow the heap once, whatever comes after.
  for (let i = 0; i < WARM_UP; i++) await add(i)
  await sleep(SETTLE_MS)
  const before = await usage()
  const started = performance.now()
  for (let i = 0; i < clients; i += BATCH) {
    await Promise.all(Array.from({ length: Math.min(BATCH, clients - i) }, (_, j) => add(WARM_UP + i + j)))
  }
  const seconds = (performance.now() - started) / 1_000
  await sleep(SETTLE_MS)
  const after = await usage()
  const per = (key: keyof NodeJS.MemoryUsage): string =>
    `${((after[key] - before[key]) / clients / 1_000).toFixed(1)} kB`
  console.log(`clients            ${clients} idle, signed in (TLS 1.3)`)
  console.log(`server RSS         ${(before.rss / 1e6).toFixed(1)} MB before, ${(after.rss / 1e6).toFixed(1)} MB after`)
  console.log(`RSS per client     ${per('rss')} (target: under 60 kB)`)
  console.log(`of that, JS heap   ${per('heapUsed')} used, ${per('heapTotal')} reserved`)
  console.log(`sign-ups           ${(clients / seconds).toFixed(0)} per second (minimal password cost)`)
  for (const client of open) client.destroy()
  child.disconnect()
  await once(child, 'exit')
  rmSync(dataDir, { recursive: true, force: true })
}

const WARM_UP = 20
const BATCH = 16
const SETTLE_MS = 3_000

if (process.send) await serve(process.argv[2] ?? '')
else await measure(Number(process.argv[2] ?? 2_000))
