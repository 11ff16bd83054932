import { milliseconds } from '../render/time.ts'
import type { JsonChild, JsonLine } from './json-child.ts'
import { Stage } from './stage.ts'

/** What the demonstration measured. Times are milliseconds. */
export interface DemoFigures {
  readonly path: string
  readonly address: string
  readonly rttMs: number
  /** From sending to the end-to-end acknowledgement. */
  readonly latency: { readonly messages: number; readonly p50Ms: number; readonly p99Ms: number }
  /** From the acceptance of the session to the first message's acknowledgement. */
  readonly firstMessageMs: number
  readonly roomDeliveries: number
}

/** One step: what it is called, and what is said when it is done. */
export interface DemoStep {
  readonly title: string
  run(): Promise<string>
}

/**
 * The steps of the demonstration, to be run in order: a server and three clients, each a process of its own, talk.
 *
 * @returns the steps, and the figures once all of them have run.
 */
export function demoSteps(stage: Stage): { steps: readonly DemoStep[]; figures: () => DemoFigures } {
  let server: JsonChild
  let address = ''
  let alice: JsonChild
  let bob: JsonChild
  let carol: JsonChild
  let acceptedAt = 0
  let firstMessageMs = 0
  let latency = { messages: 0, p50Ms: 0, p99Ms: 0 }
  let link: JsonLine
  let roomDeliveries = 0

  const enter = async (user: string): Promise<JsonChild> => {
    const client = stage.startClient(user, address)
    await client.line('connected')
    await client.ask(`register ${user} ${Stage.password()}`)
    return client
  }
  /** Sends and waits until the other side has it. @returns the time from sending to acknowledgement. */
  const say = async (from: JsonChild, to: JsonChild, text: string): Promise<number> => {
    const { id } = await from.ask(`send ${text}`)
    const delivered = await from.line('message.delivered', (line) => line['id'] === id)
    await to.line('message', (line) => line['id'] === id && line['text'] === text)
    return Number(delivered['latencyMs'])
  }

  const steps: DemoStep[] = [
    {
      title: 'Start a server with an empty database',
      async run() {
        server = stage.startServer()
        const { port, udpPort, fingerprint } = await server.line('listening')
        address = `127.0.0.1:${String(port)}`
        return `TCP ${String(port)}, UDP ${String(udpPort)}, ${String(fingerprint)}`
      },
    },
    {
      title: 'Connect and register alice and bob',
      async run() {
        ;[alice, bob] = await Promise.all([enter('alice'), enter('bob')])
        return 'TLS 1.3, fingerprint trusted on first use, device keys kept'
      },
    },
    {
      title: 'alice asks bob to talk, bob accepts',
      async run() {
        const opened = alice.ask('open bob')
        // Answered below; a failure before that must not count as unhandled.
        opened.catch(() => {})
        await bob.line('session.request')
        await bob.ask('accept alice')
        acceptedAt = performance.now()
        await opened
        return 'session open'
      },
    },
    {
      title: 'Talk both ways over the encrypted UDP link',
      async run() {
        await say(alice, bob, 'hello bob')
        firstMessageMs = performance.now() - acceptedAt
        await say(bob, alice, 'hello alice')
        link = await linkOf(alice, 'bob')
        return `first message delivered ${milliseconds(firstMessageMs)} after the acceptance`
      },
    },
    {
      title: `Measure ${MEASURED_MESSAGES} messages`,
      async run() {
        const times: number[] = []
        for (let number = 1; number <= MEASURED_MESSAGES; number++)
          times.push(await say(alice, bob, `number ${number}`))
        times.sort((a, b) => a - b)
        latency = { messages: times.length, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }
        link = await linkOf(alice, 'bob')
        const rtt = milliseconds(Number(link['rttMs']))
        return `path ${String(link['path'])}, RTT ${rtt}, message p50 ${milliseconds(latency.p50Ms)}, p99 ${milliseconds(latency.p99Ms)}`
      },
    },
    {
      title: 'Create a room, and carol joins',
      async run() {
        carol = await enter('carol')
        await alice.ask('room create lobby')
        for (const member of [bob, carol]) await member.ask('enter lobby')
        await alice.line('room.joined', (line) => line['user'] === 'carol')
        return 'three members'
      },
    },
    {
      title: 'Deliver to every member of the room',
      async run() {
        const { id } = await alice.ask('send hello everybody')
        for (const member of [bob, carol])
          await member.line('message', (line) => line['id'] === id && line['room'] === 'lobby')
        for (const to of ['bob', 'carol']) {
          await alice.line('message.delivered', (line) => line['id'] === id && line['to'] === to)
          roomDeliveries += 1
        }
        return `delivered to ${roomDeliveries} of 2`
      },
    },
    {
      title: 'Leave: the clients deliver what waits and close, the server stops',
      async run() {
        for (const client of [carol, bob, alice]) await client.end()
        await server.ask('stop')
        await server.end()
        return 'nothing left behind'
      },
    },
  ]
  const figures = (): DemoFigures => ({
    path: String(link['path']),
    address: String(link['address']),
    rttMs: Number(link['rttMs']),
    latency,
    firstMessageMs,
    roomDeliveries,
  })
  return { steps, figures }
}

async function linkOf(client: JsonChild, user: string): Promise<JsonLine> {
  const { peers } = await client.ask('peers')
  const link = (peers as JsonLine[]).find((peer) => peer['user'] === user && peer['state'] === 'open')
  return link ?? { type: 'peer', path: 'none', address: 'none', rttMs: NaN }
}

/** @param sorted - ascending. @param share - 0 to 1; the nearest rank is taken. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

/** Enough for a p99, few enough to be over in a moment. */
const MEASURED_MESSAGES = 100
