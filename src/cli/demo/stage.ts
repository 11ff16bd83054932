import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { JsonChild } from './json-child.ts'

/** A temporary directory and the processes that play in it. Whoever makes one clears it. */
export class Stage {
  readonly #bin: string
  readonly #directory = mkdtempSync(join(tmpdir(), 'msg-demo-'))
  readonly #children: JsonChild[] = []
  readonly #onExit = (): void => this.#removeDirectory()

  /** @param bin - the program's own script. */
  constructor(bin: string) {
    this.#bin = bin
    process.once('exit', this.#onExit)
  }

  /** A password that nobody needs to remember. */
  static password(): string {
    return randomBytes(12).toString('base64url')
  }

  startServer(): JsonChild {
    const data = ['--data-dir', join(this.#directory, 'server')]
    return this.#start('server', ['server', 'start', '--host', '127.0.0.1', '--port', '0', '--udp-port', '0', ...data])
  }

  /** A client with a profile of its own, connected to `address`. */
  startClient(user: string, address: string): JsonChild {
    return this.#start(user, ['client', 'connect', address, '--data-dir', join(this.#directory, user)])
  }

  /** Ends every process, the last first, and removes the directory. */
  async clear(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.stop()
    process.off('exit', this.#onExit)
    this.#removeDirectory()
  }

  #start(name: string, args: readonly string[]): JsonChild {
    const child = new JsonChild({ name, bin: this.#bin, args, cwd: this.#directory, env: this.#environment() })
    this.#children.push(child)
    return child
  }

  /** The user's own settings have no part in the demonstration. */
  #environment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('MSG_'))
    const configDir = join(this.#directory, 'config')
    mkdirSync(configDir, { recursive: true })
    return { ...Object.fromEntries(own), MSG_CONFIG_DIR: configDir, MSG_CACHE_DIR: join(this.#directory, 'cache') }
  }

  #removeDirectory(): void {
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 3 })
  }
}
