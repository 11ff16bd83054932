import { randomBytes } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { newInstance, proveDevice } from '../../src/core/control/device-proof.ts'
import { CONTROL_PROTOCOL } from '../../src/core/control/methods.ts'
import { deviceKey } from '../../src/core/crypto/device-key.ts'
import { exporterOf } from '../../src/core/io/tls-exporter.ts'

/** What the other half of a plugin said. */
export interface Said {
  readonly plugin: string
  readonly message: string
  readonly payload: unknown
}

/** A signed-in connection as cheap as can be: it acknowledges what plugins ask, counts what they say, and knows nothing else. */
export class BareClient {
  /** Messages of plugins so far, with the bytes of their lines. */
  readonly heard: Array<Said & { readonly bytes: number }> = []
  /** Called for each of them. */
  onHeard: () => void = () => {}
  readonly #socket: TLSSocket
  readonly #pending = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  readonly #isAnswering: boolean
  readonly #key = deviceKey(randomBytes(32))
  readonly #instance = newInstance(this.#key.publicKey)
  #text = ''
  #lastId = 0

  private constructor(socket: TLSSocket, isAnswering: boolean) {
    this.#socket = socket
    this.#isAnswering = isAnswering
    socket.on('data', (chunk: Buffer) => this.#handleText(chunk.toString()))
    socket.on('error', () => {})
    socket.once('close', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('the connection closed'))
    })
  }

  /** @param options.plugins - with their versions. @param options.isAnswering - false leaves the server without acknowledgements */
  static async connect(
    port: number,
    { plugins = {}, isAnswering = true }: { plugins?: Readonly<Record<string, number>>; isAnswering?: boolean } = {},
  ): Promise<BareClient> {
    const socket = connect({ host: '127.0.0.1', port, minVersion: 'TLSv1.3', rejectUnauthorized: false })
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    const client = new BareClient(socket, isAnswering)
    await client.ask('hello', { protocol: CONTROL_PROTOCOL, agent: 'bench', plugins })
    return client
  }

  async register(user: string): Promise<void> {
    await this.#signIn('register', user, this)
  }

  /** @param before - the same process on its connection before. */
  async login(user: string, before: BareClient = this): Promise<void> {
    await this.#signIn('login', user, before)
  }

  /** Asks the other half of a plugin. */
  async say(plugin: string, message: string, payload: object): Promise<unknown> {
    return ((await this.ask('plugin', { plugin, message, payload })) as { payload?: unknown }).payload
  }

  ask(method: string, params: object): Promise<unknown> {
    const id = ++this.#lastId
    this.#write({ id, method, params })
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }))
  }

  /** Goes as a crash would. */
  destroy(): void {
    this.#socket.destroy()
  }

  async #signIn(method: 'register' | 'login', user: string, as: BareClient): Promise<void> {
    const proof = proveDevice(as.#key, exporterOf(this.#socket), user, as.#instance)
    await this.ask(method, { ...proof, user, password: PASSWORD, listening: true })
  }

  #write(message: object): void {
    this.#socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }

  #handleText(text: string): void {
    this.#text += text
    for (let end = this.#text.indexOf('\n'); end >= 0; end = this.#text.indexOf('\n')) {
      this.#handleLine(this.#text.slice(0, end))
      this.#text = this.#text.slice(end + 1)
    }
  }

  #handleLine(line: string): void {
    const message = JSON.parse(line) as Line
    if (message.method === 'plugin') {
      const { ask, ...said } = message.params
      this.heard.push({ ...said, bytes: Buffer.byteLength(line) + 1 })
      this.onHeard()
      // Nobody waits for what becomes of the answer.
      if (ask !== undefined && this.#isAnswering)
        this.#write({
          id: ++this.#lastId,
          method: 'plugin.answer',
          params: { plugin: said.plugin, ask, payload: {} },
        })
      return
    }
    const waiting = this.#pending.get(message.id ?? -1)
    this.#pending.delete(message.id ?? -1)
    if (message.error) waiting?.reject(new Error(message.error.message))
    else waiting?.resolve(message.result)
  }
}

const PASSWORD = 'a password'

interface Line {
  readonly id?: number
  readonly method?: string
  readonly params: Said & { readonly ask?: number }
  readonly result?: unknown
  readonly error?: { readonly message: string }
}
