import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { connectAdmin } from '../../src/core/index.ts'
import { BareClient } from '../helpers/bare-client.ts'

/** A server process and many clients of it in this one. */
export class Crowd {
  readonly clients: BareClient[] = []
  readonly #child: ChildProcess
  readonly #dataDir: string
  readonly #port: number

  private constructor(child: ChildProcess, dataDir: string, port: number) {
    this.#child = child
    this.#dataDir = dataDir
    this.#port = port
  }

  static async start(): Promise<Crowd> {
    const dataDir = await mkdtemp(join(tmpdir(), 'msg-bench-'))
    const script = fileURLToPath(new URL('server-process.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    return new Crowd(child, dataDir, (JSON.parse(line) as { port: number }).port)
  }

  /** Connects so many that have said hello and are not signed in. */
  async connect(count: number): Promise<BareClient[]> {
    const connected: BareClient[] = []
    while (connected.length < count) {
      const few = Array.from({ length: Math.min(AT_ONCE, count - connected.length) }, () =>
        BareClient.connect(this.#port, { plugins: { broadcast: 1, presence: 1 } }),
      )
      connected.push(...(await Promise.all(few)))
    }
    this.clients.push(...connected)
    return connected
  }

  /** What the plugins count, and the memory of the server in bytes. */
  async status(): Promise<{ rss: number; metrics: Record<string, Readonly<Record<string, number>>>; faults: number }> {
    const admin = await connectAdmin({ dataDir: this.#dataDir })
    try {
      const { rss, plugins } = await admin.status()
      return {
        rss,
        metrics: Object.fromEntries(plugins.map(({ id, metrics }) => [id, metrics])),
        faults: plugins.reduce((sum, { faults }) => sum + faults, 0),
      }
    } finally {
      admin.close()
    }
  }

  async end(): Promise<void> {
    for (const client of this.clients) client.destroy()
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
    await rm(this.#dataDir, { recursive: true, force: true })
  }
}

/** TLS handshakes at a time. */
const AT_ONCE = 50
