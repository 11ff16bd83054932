/**
 * Server memory per idle signed-in client. The server runs in a process of its own; this process holds the clients.
 *
 *     node --import tsx bench/wall/server-memory.ts [clients]
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ControlClient } from '../../test/helpers/control-client.ts'
import { startServerChild } from './server-child.ts'

const clients = Number(process.argv[2] ?? 2_000)
/** The first few load code and grow the heap once, whatever comes after. */
const WARM_UP = 20
/** Connections made at a time: below what one address may have that have not signed in. */
const BATCH = 16
const SETTLE_MS = 3_000

const server = await startServerChild({ passwordCost: 'minimal' })
const open: ControlClient[] = []
const add = async (): Promise<void> => {
  const client = await ControlClient.connect(server.port)
  open.push(client)
  await client.register(`user${open.length}`)
}
while (open.length < WARM_UP) await add()
await sleep(SETTLE_MS)
const before = await server.usage()
while (open.length < WARM_UP + clients) {
  await Promise.all(Array.from({ length: Math.min(BATCH, WARM_UP + clients - open.length) }, add))
}
await sleep(SETTLE_MS)
const after = await server.usage()
const per = (key: keyof NodeJS.MemoryUsage): string => `${((after[key] - before[key]) / clients / 1_000).toFixed(1)} kB`
console.log(`server memory, ${clients} idle clients signed in over TLS 1.3`)
console.log(`  RSS             ${(before.rss / 1e6).toFixed(1)} MB before, ${(after.rss / 1e6).toFixed(1)} MB after`)
console.log(`  RSS per client  ${per('rss')} (target: under 60 kB)`)
console.log(`  of that heap    ${per('heapUsed')} used, ${per('heapTotal')} reserved`)
for (const client of open) client.destroy()
await server.close()
