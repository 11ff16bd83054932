import { createClient, createServer, type Client, type ClientEvent, type Server } from '../../src/core/index.ts'
import { answerRequests } from '../helpers/asked-process.ts'
import { wallMicros } from '../link/ends/meter.ts'
import type { SideAnswer, SideRequest } from './side.ts'

// The process of Side: a server or a client, driven over the process's message channel.

let server: Server | undefined
let client: Client | undefined
/** What was told of transfers and nobody has asked for yet. */
const told: ClientEvent[] = []
let wake = (): void => {}

async function listen(from: Client): Promise<void> {
  for await (const event of from.events()) {
    if (event.type !== 'transfer.offered' && event.type !== 'transfer.done' && event.type !== 'transfer.failed')
      continue
    told.push(event)
    wake()
  }
}

/** The first event about transfer `id` that ends a wait for `type`. @throws when it failed instead. */
async function heard<T extends ClientEvent['type']>(type: T, id: string): Promise<Extract<ClientEvent, { type: T }>> {
  for (;;) {
    for (const event of told) {
      if (!('id' in event) || event.id !== id) continue
      if (event.type === 'transfer.failed') throw new Error(`${event.code}: ${event.message}`)
      if (event.type === type) return event as Extract<ClientEvent, { type: T }>
    }
    await new Promise<void>((resolve) => (wake = resolve))
  }
}

async function handle(request: SideRequest): Promise<Partial<SideAnswer>> {
  switch (request.do) {
    case 'serve': {
      const { host, dataDir } = request
      server = await createServer({ host, port: 0, udpPort: 0, dataDir, passwordCost: 'minimal' })
      return { port: server.address.port }
    }
    case 'sign-up':
      client = await createClient({
        server: request.server,
        dataDir: request.dataDir,
        accept: 'everyone',
        keepOpen: true,
      })
      void listen(client)
      await client.register(request.user, 'a password for a benchmark')
      return {}
    case 'open':
      await client!.open(request.user)
      return {}
    case 'offer':
      return { id: (await client!.sendFiles(request.to, request.paths)).id }
    case 'receive': {
      await heard('transfer.offered', request.id)
      const from = wallMicros()
      await client!.acceptTransfer(request.id, { to: request.root })
      const { via, retransmits } = await heard('transfer.done', request.id)
      return { from, to: wallMicros(), via: via ?? 'none', retransmits }
    }
    case 'usage': {
      const { user, system } = process.cpuUsage()
      return { cpu: (user + system) / 1e6, memory: process.resourceUsage().maxRSS / 1_024 }
    }
    case 'close':
      await client?.close()
      await server?.close()
      return {}
  }
}

answerRequests(handle)
