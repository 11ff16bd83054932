import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { JsonProcess, type JsonLine } from './json-client.ts'
import { Lab, type LabHost } from './nat-lab.ts'
import { BIN, sandbox } from './run-msg.ts'

/** What became of one conversation. Milliseconds count from the moment both had agreed to it. */
export interface Meeting {
  /** The first link's path, as the side that asked was told; `undefined` when there was none in time. */
  readonly path: string | undefined
  readonly linkMs: number | undefined
  /** The first message at its reader; `undefined` when it did not come in time. */
  readonly messageMs: number | undefined
  /** The last `peers` of the side that asked. */
  readonly peers: JsonLine
}

/** `msg` processes on the machines of a {@link Lab}: a server, and people who sign up there. */
export class LabPeople {
  readonly #lab: Lab
  readonly #directory: string
  readonly #running: JsonProcess[] = []
  #port = 0

  constructor(lab: Lab, directory: string) {
    this.#lab = lab
    this.#directory = directory
  }

  async startServer(...args: string[]): Promise<JsonProcess> {
    const at = ['--host', '::', '--port', '0', '--data-dir', join(this.#directory, 'server')]
    const server = this.#start(this.#lab.server, ['server', 'start', ...at, ...args])
    this.#port = (await server.until({ type: 'listening' }))['port'] as number
    return server
  }

  /** Somebody at the machine of their name. @param over - how they reach the server. */
  async signUp(user: string, over: 'v4' | 'v6' = 'v4'): Promise<JsonProcess> {
    const { address, address6 } = this.#lab.server
    const server = over === 'v4' ? `${address}:${this.#port}` : `[${address6}]:${this.#port}`
    const at = ['connect', server, '--data-dir', join(this.#directory, user)]
    const client = this.#start(this.#lab.host(user), ['client', ...at])
    client.say(`register ${user} secret-${user}`)
    await client.until({ type: 'result', command: 'register', ok: true })
    return client
  }

  /** `alice` opens a conversation with `bob`, who accepts, and says something at once. Nobody waits longer than `patience`, milliseconds. */
  async meet(alice: JsonProcess, bob: JsonProcess, patience: number): Promise<Meeting> {
    alice.say('open bob')
    await bob.until({ type: 'session.request' })
    bob.say('accept alice')
    await alice.until({ type: 'session.opened' })
    const startedAt = performance.now()
    const after = async (told: Promise<JsonLine>): Promise<{ line: JsonLine; ms: number }> => {
      const line = await told
      return { line, ms: Math.round(performance.now() - startedAt) }
    }
    alice.say('send hello')
    const late = sleep(patience, undefined, { ref: false })
    const [link, message] = await Promise.all([
      Promise.race([after(alice.until({ type: 'path', state: 'open' })), late]),
      Promise.race([after(bob.until({ type: 'message', from: 'alice' })), late]),
    ])
    alice.say('peers')
    const peers = await alice.until({ type: 'result', command: 'peers' })
    return { path: link?.line['path'] as string | undefined, linkMs: link?.ms, messageMs: message?.ms, peers }
  }

  /** How the server sees `client`, once that is known: a moment at most, or two seconds where UDP is blocked. */
  async network(client: JsonProcess): Promise<{ mapping: string; address: string | null }> {
    for (;;) {
      const before = client.lines.length
      client.say('links')
      while (!client.lines.slice(before).some(({ command }) => command === 'links')) await sleep(20)
      const { network } = client.lines.slice(before).find(({ command }) => command === 'links') as unknown as {
        network: { mapping: string; address: string | null }
      }
      if (network.mapping !== 'unknown') return network
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((child) => child.kill('SIGKILL')))
  }

  #start(host: LabHost, args: readonly string[]): JsonProcess {
    const child = new JsonProcess(Lab.on(host, [process.execPath, BIN, ...args, '--json']), sandbox(this.#directory))
    this.#running.push(child)
    return child
  }
}
