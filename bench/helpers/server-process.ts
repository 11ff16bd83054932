import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** `msg server start` in a process of its own, as users run it, with data in a temporary directory. */
export class ServerProcess {
  readonly address: string
  readonly pid: number
  readonly dataDir: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, dataDir: string, port: number) {
    this.#child = child
    this.pid = child.pid!
    this.dataDir = dataDir
    this.address = `127.0.0.1:${port}`
  }

  static async start(): Promise<ServerProcess> {
    const dataDir = await mkdtemp(join(tmpdir(), 'msg-bench-'))
    const child = spawn(
      process.execPath,
      [
        MSG,
        'server',
        'start',
        '--host',
        '127.0.0.1',
        '--port',
        '0',
        '--udp-port',
        '0',
        '--data-dir',
        dataDir,
        '--json',
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const lines = createInterface({ input: child.stdout })
    const [first] = (await once(lines, 'line')) as [string]
    lines.on('line', () => {})
    return new ServerProcess(child, dataDir, (JSON.parse(first) as { port: number }).port)
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await exited
    await rm(this.dataDir, { recursive: true, force: true })
  }
}

/** The built command line. */
export const MSG = fileURLToPath(new URL('../../bin/run.js', import.meta.url))
