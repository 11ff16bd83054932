import { join } from 'node:path'
import { createClient, type Client } from '../../src/core/index.ts'
import { quantile, type Figure } from '../helpers/figures.ts'
import { ServerProcess } from '../helpers/server-process.ts'

/** One sender and fifty members in one process: from `send` until the last member has the message. */
export async function measureRooms(): Promise<Figure[]> {
  const server = await ServerProcess.start()
  const clients: Client[] = []
  let missing = 0
  let onComplete = (): void => {}
  const samples: number[] = []
  try {
    for (let i = 0; i <= MEMBERS; i++) {
      const client = await createClient({ server: server.address, dataDir: join(server.dataDir, `client-${i}`) })
      clients.push(client)
      await client.register(`member-${i}`, 'benchmark password')
      if (i === 0) {
        await client.createRoom('hall')
        continue
      }
      await client.enterRoom('hall')
      void countMessages(client, () => {
        if (--missing === 0) onComplete()
      })
    }
    await everyLinkOpen(clients[0]!)
    for (let round = 0; round < ROUNDS; round++) {
      missing = MEMBERS
      const complete = new Promise<void>((resolve) => (onComplete = resolve))
      const start = performance.now()
      await clients[0]!.send(`round ${round}`)
      await complete
      samples.push(performance.now() - start)
    }
  } finally {
    await Promise.all(clients.map((client) => client.destroy()))
    await server.stop()
  }
  return [
    { name: `room of ${MEMBERS}: until the last member has it, p50`, unit: 'ms', samples: [quantile(samples, 0.5)] },
    { name: `room of ${MEMBERS}: until the last member has it, all`, unit: 'ms', samples },
  ]
}

async function countMessages(client: Client, onMessage: () => void): Promise<void> {
  for await (const event of client.events()) if (event.type === 'message') onMessage()
}

async function everyLinkOpen(client: Client): Promise<void> {
  while (client.peers().filter(({ state }) => state === 'open').length < MEMBERS)
    await new Promise((resolve) => setTimeout(resolve, 50))
}

const MEMBERS = 50
const ROUNDS = 50
