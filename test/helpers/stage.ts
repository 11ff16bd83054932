import { JsonChild, type JsonLine } from '../../src/cli/demo/json-child.ts'
import { BIN, sandbox } from './run-msg.ts'

/** Real processes of one test: a server and clients in --json mode, ended after it. */
export class TestStage {
  readonly #directory: () => string
  readonly #bin: () => string
  readonly #children: JsonChild[] = []
  address = ''

  /** @param bin - another program than that of this checkout. */
  constructor(directory: () => string, bin: () => string = () => BIN) {
    this.#directory = directory
    this.#bin = bin
  }

  /** @returns the server's `listening` line. */
  async startServer(args: readonly string[] = []): Promise<{ server: JsonChild; listening: JsonLine }> {
    const port = args.includes('--port') ? [] : ['--port', '0']
    const server = this.start('server', ['server', 'start', '--host', '127.0.0.1', ...port, ...args])
    const listening = await server.line('listening')
    this.address = `127.0.0.1:${String(listening['port'])}`
    return { server, listening }
  }

  /** A client that has registered; its password is `<user>-password`. */
  async startUser(user: string, args: readonly string[] = []): Promise<JsonChild> {
    const client = this.start(user, [
      'client',
      'connect',
      this.address,
      '--data-dir',
      `${this.#directory()}/${user}`,
      ...args,
    ])
    await client.line('connected')
    await client.ask(`register ${user} ${user}-password`)
    return client
  }

  start(name: string, args: readonly string[]): JsonChild {
    const directory = this.#directory()
    const child = new JsonChild({ name, bin: this.#bin(), args, cwd: directory, env: sandbox(directory) })
    this.#children.push(child)
    return child
  }

  async clear(): Promise<void> {
    await Promise.all(this.#children.splice(0).map((child) => child.stop()))
  }
}
