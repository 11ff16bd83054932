import { createClient, type Client } from '../../src/core/index.ts'
import type { PeerAnswer, PeerRequest } from './peer.ts'

// The other end of Peer: one client, driven over the process's message channel.

let client: Client
let received = 0
let latencies: number[] = []
let awaited: { count: number; done: () => void } | undefined

/** Microseconds since 1970; comparable between processes of one machine. */
const wallMicros = (): number => Math.round((performance.timeOrigin + performance.now()) * 1_000)

async function listen(): Promise<void> {
  for await (const event of client.events()) {
    if (event.type !== 'message') continue
    latencies.push(wallMicros() - Number(event.text.slice(0, event.text.indexOf(' '))))
    received++
    if (awaited && received >= awaited.count) awaited.done()
  }
}

async function send({ count, bytes, window, gapMs }: Extract<PeerRequest, { do: 'send' }>): Promise<void> {
  const filler = 'x'.repeat(bytes)
  let running: Array<Promise<unknown>> = []
  for (let i = 0; i < count; i++) {
    running.push(client.send(`${wallMicros()} ${filler}`.slice(0, bytes)))
    if (running.length >= window) {
      await Promise.all(running)
      running = []
    }
    if (gapMs > 0) await new Promise((resolve) => setTimeout(resolve, gapMs))
  }
  await Promise.all(running)
}

async function handle(request: PeerRequest): Promise<void> {
  switch (request.do) {
    case 'start':
      client = await createClient({ server: request.server, dataDir: request.dataDir, accept: 'everyone' })
      void listen()
      await client.register(request.user, 'benchmark password')
      return
    case 'open':
      await client.open(request.user)
      return
    case 'create':
      await client.createRoom(request.room)
      return
    case 'enter':
      await client.enterRoom(request.room)
      return
    case 'send':
      return send(request)
    case 'await':
      if (received < request.count) await new Promise<void>((done) => (awaited = { count: request.count, done }))
      received -= request.count
      awaited = undefined
      return
    case 'close':
      return client.close()
  }
}

process.on('message', (request: PeerRequest) => {
  const answer = (rest: Partial<PeerAnswer>): void => void process.send!({ at: wallMicros(), ...rest })
  handle(request).then(
    () => {
      answer({ latencies })
      latencies = []
    },
    (error: unknown) => answer({ error: String(error) }),
  )
})
