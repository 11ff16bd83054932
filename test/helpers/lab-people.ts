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
  /** The path that both sides were waited for to have, when they had it; `undefined` when they did not in time. */
  readonly settledMs: number | undefined
  /** The last `peers` of the side that asked. */
  readonly peers: JsonLine
}

/** Who meets, by name. */
export interface Pair {
  readonly asker: string
  readonly answerer: string
}

/** `msg` processes on the machines of a {@link Lab}: a server, and people who sign up there. */
export class LabPeople {
  readonly #lab: Lab
  readonly #directory: string
  readonly #running: JsonProcess[] = []
  readonly #clients = new Map<string, JsonProcess>()
  #port = 0

  constructor(lab: Lab, directory: string) {
    this.#lab = lab
    this.#directory = directory
  }

  /** On any free port; again on the same one. @param over - the families that it speaks. */
  async startServer(over: 'both' | 'v4' = 'both'): Promise<JsonProcess> {
    const at = [
      '--host',
      over === 'both' ? '::' : '0.0.0.0',
      '--port',
      String(this.#port),
      '--data-dir',
      join(this.#directory, 'server'),
    ]
    const server = this.#start(this.#lab.server, ['server', 'start', ...at])
    this.#port = (await server.until({ type: 'listening' }))['port'] as number
    return server
  }

  /** Somebody at the machine of their name. @param over - how they reach the server. */
  async signUp(user: string, over: 'v4' | 'v6' = 'v4', ...flags: string[]): Promise<JsonProcess> {
    const { address, address6 } = this.#lab.server
    const server = over === 'v4' ? `${address}:${this.#port}` : `[${address6}]:${this.#port}`
    const at = ['connect', server, '--data-dir', join(this.#directory, user), ...flags]
    const client = this.#start(this.#lab.host(user), ['client', ...at])
    this.#clients.set(user, client)
    client.say(`register ${user} secret-${user}`)
    await client.until({ type: 'result', command: 'register', ok: true })
    return client
  }

  /** `msg net doctor` at the machine of `user`, who has signed up. */
  async doctor(user: string): Promise<{ readonly report: JsonLine; readonly status: number | null }> {
    const at = ['net', 'doctor', `${this.#lab.server.address}:${this.#port}`]
    const child = this.#start(this.#lab.host(user), [...at, '--data-dir', join(this.#directory, user)])
    const report = await child.until({ type: 'net.report' })
    return { report, status: await child.status() }
  }

  /** `alice` opens a conversation with `bob`, who accepts, and says something at once. Nobody waits longer than `patience`, milliseconds. */
  meet(alice: JsonProcess, bob: JsonProcess, patience: number): Promise<Meeting> {
    this.#clients.set('alice', alice).set('bob', bob)
    return this.introduce({ asker: 'alice', answerer: 'bob' }, undefined, patience)
  }

  /** The same for two who have signed up, until both have a path of the kind `wanted`; then they part. */
  async introduce({ asker, answerer }: Pair, wanted: string | undefined, patience: number): Promise<Meeting> {
    const [a, b] = [this.#clients.get(asker)!, this.#clients.get(answerer)!]
    const marks = [a, b].map(({ lines }) => lines.length)
    a.say(`open ${answerer}`)
    await b.after(marks[1]!, { type: 'session.request', from: asker })
    b.say(`accept ${asker}`)
    await a.after(marks[0]!, { type: 'session.opened', with: answerer })
    const startedAt = performance.now()
    const after = async (told: Promise<JsonLine>): Promise<{ line: JsonLine; ms: number }> => {
      const line = await told
      return { line, ms: Math.round(performance.now() - startedAt) }
    }
    a.say('send hello')
    const late = sleep(patience, undefined, { ref: false })
    const [link, message, settled] = await Promise.all([
      Promise.race([after(a.after(marks[0]!, { type: 'path', state: 'open', with: answerer })), late]),
      Promise.race([after(b.after(marks[1]!, { type: 'message', from: asker })), late]),
      wanted === undefined
        ? undefined
        : Promise.race([
            Promise.all([
              after(a.after(marks[0]!, { type: 'path', path: wanted, with: answerer })),
              after(b.after(marks[1]!, { type: 'path', path: wanted, with: asker })),
            ]),
            late,
          ]),
    ])
    const before = a.lines.length
    a.say('peers')
    const peers = await a.after(before, { type: 'result', command: 'peers' })
    if (wanted !== undefined) {
      a.say('leave')
      await a.after(before, { type: 'path', state: 'closed', with: answerer })
      await b.after(marks[1]!, { type: 'path', state: 'closed', with: asker })
    }
    return {
      path: link?.line['path'] as string | undefined,
      linkMs: link?.ms,
      messageMs: message?.ms,
      settledMs: settled && Math.max(...settled.map(({ ms }) => ms)),
      peers,
    }
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
