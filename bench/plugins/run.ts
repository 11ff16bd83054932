import { machineLine, printFigures, type Figure } from '../helpers/figures.ts'
import type { BareClient, Said } from '../helpers/bare-client.ts'
import { Crowd } from './crowd.ts'

// npm run bench:plugins [-- <clients> [<seconds>]]: what a crowd costs that comes within a few seconds, and a broadcast to all of it.

const crowd = await Crowd.start()
const [clients = 1_000, seconds = 10] = process.argv.slice(2).map(Number)
/** Everybody signs in, one after the other, evenly over the time. */
async function joins(): Promise<Figure[]> {
  console.error(`connecting ${clients + EARLY} clients …`)
  const [early, late] = [await crowd.connect(EARLY), await crowd.connect(clients)]
  for (const [i, client] of early.entries()) await client.register(`early-${i}`)
  // What they were told of each other is no matter of the crowd.
  await pause(SETTLE_MS)
  for (const client of early) client.heard.length = 0
  console.error(`${clients} joins within ${seconds} s …`)
  const start = performance.now()
  const arrivals = late.map(async (client, i) => {
    await pause((i * seconds * 1_000) / clients)
    await client.register(`user-${i}`)
    return performance.now() - start
  })
  const took = Math.max(...(await Promise.all(arrivals)))
  await pause(SETTLE_MS)
  const noticesOf = (client: BareClient) => client.heard.filter(({ plugin }) => plugin === 'presence')
  const bytesOf = (client: BareClient): number => noticesOf(client).reduce((sum, { bytes }) => sum + bytes, 0)
  const all = [...early, ...late]
  const told = all.reduce((sum, client) => sum + noticesOf(client).length, 0)
  const bytes = all.reduce((sum, client) => sum + bytesOf(client), 0)
  const single = early[0]!.heard.find(isSingle)?.bytes ?? 0
  const unbatched = clients * EARLY + (clients * (clients - 1)) / 2
  const known = early.map((client) => noticesOf(client).reduce((sum, said) => sum + joinedOf(said), 0))
  console.log(
    `\n${clients} joins took ${(took / 1_000).toFixed(1)} s; each of the ${EARLY} who were there was told of ${[...new Set(known)].join(' or ')}.`,
  )
  console.log(
    `${told.toLocaleString('en-US')} notices and ${kilobytes(bytes)} to all; one by one ${unbatched.toLocaleString('en-US')} and ${kilobytes(unbatched * single)} (computed): ` +
      `${Math.round(unbatched / told)} and ${Math.round((unbatched * single) / bytes)} times as much.\n`,
  )
  return [
    { name: 'notices per client who was there', unit: '', samples: early.map((client) => noticesOf(client).length) },
    { name: 'bytes per client who was there', unit: 'bytes', samples: early.map(bytesOf) },
    { name: 'notices per client of all', unit: '', samples: all.map((client) => noticesOf(client).length) },
    { name: 'bytes per client of all', unit: 'bytes', samples: all.map(bytesOf) },
    { name: 'one by one, per client who was there (computed)', unit: '', samples: [clients] },
  ]
}

/** One of them says something to everybody, again and again. */
async function broadcasts(): Promise<Figure[]> {
  console.error(`${ROUNDS} broadcasts …`)
  const [sender, ...others] = crowd.clients as [BareClient, ...BareClient[]]
  const last: number[] = []
  const answered: number[] = []
  const reached: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    let lastHeard = NaN
    let missing = others.length
    for (const client of others)
      client.onHeard = () => {
        if (--missing === 0) lastHeard = performance.now() - start
      }
    const answer = sender.say('broadcast', 'say', { text: `round ${round}: the build server goes down at six` })
    const { delivered } = (await answer) as { delivered: { connections: number } }
    answered.push(performance.now() - start)
    last.push(lastHeard)
    reached.push(delivered.connections)
    await pause(200)
  }
  return [
    { name: `broadcast to ${others.length}: acknowledged by`, unit: 'clients', samples: reached },
    { name: `broadcast to ${others.length}: until the last has it`, unit: 'ms', samples: last },
    { name: `broadcast to ${others.length}: until the sender knows that all have it`, unit: 'ms', samples: answered },
  ]
}

function isSingle({ plugin, payload }: Said): boolean {
  return plugin === 'presence' && joinedOf({ payload }) === 1
}

const joinedOf = ({ payload }: Pick<Said, 'payload'>): number =>
  (payload as { joined?: { count: number } }).joined?.count ?? 0
const kilobytes = (bytes: number): string => `${Math.round(bytes / 1_000).toLocaleString('en-US')} kB`
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Clients who are there before the crowd. */
const EARLY = 20
const ROUNDS = 10
/** Longer than two windows of notices, milliseconds: everything is told, and what comes next finds them quiet. */
const SETTLE_MS = 11_000

console.log(machineLine())
try {
  const figures = [...(await joins()), ...(await broadcasts())]
  printFigures(figures)
  const { rss, faults } = await crowd.status()
  console.log(`\nserver: ${Math.round(rss / 1e6)} MB, faults of plugins: ${faults}`)
} finally {
  await crowd.end()
}
