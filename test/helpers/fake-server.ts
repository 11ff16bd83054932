import { randomBytes } from 'node:crypto'
import type { Client, ClientEvent, ClientOptions } from '../../src/core/client/api.ts'
import { createClient } from '../../src/core/client/create-client.ts'
import type { ClientDeps } from '../../src/core/client/deps.ts'
import type { Method, Notification } from '../../src/core/control/methods.ts'
import { MsgError, type ErrorCode } from '../../src/core/errors.ts'
import type { ControlChannel, ControlChannelOptions } from '../../src/core/io/control-channel.ts'
import { FakeNetwork } from '../../src/core/testing/fake-endpoint.ts'

/** The far end of a client's control channel, played by the test: answers by habit or as told, and keeps what was asked. */
export class FakeServer {
  readonly network = new FakeNetwork()
  readonly #asked: Array<{ method: Method; params: object }> = []
  readonly #answers = new Map<Method, object>()
  readonly #failures = new Map<Method, ErrorCode>()
  readonly #before = new Map<Method, () => void>()
  readonly #clients: Client[] = []
  #channel: ControlChannelOptions | undefined
  /** Nobody gets through. */
  isDown = false

  get isOpen(): boolean {
    return this.#channel !== undefined
  }

  readonly dial = async (options: ControlChannelOptions): Promise<ControlChannel> => {
    if (this.isDown) throw new MsgError('MSG_ERR_SERVER_UNREACHABLE', { detail: 'down' })
    options.verify('SHA256:fake')
    this.#channel = options
    const end = (): void => void (this.#channel = undefined)
    return {
      fingerprint: 'SHA256:fake',
      remoteHost: '127.0.0.1',
      exporter: () => randomBytes(32),
      request: (method, params) => this.#ask(method, params) as never,
      close: end,
      destroy: end,
    }
  }

  /** A connected client with everything it told. */
  async client(dataDir: string, options: Partial<ClientOptions> = {}, deps: Partial<ClientDeps> = {}) {
    const client = await createClient(
      { server: 'fake:1', dataDir, ...options },
      {
        dial: this.dial,
        bind: async (_key, instance) => this.network.endpoint(instance),
        random: () => 1,
        env: {},
        ...deps,
      },
    )
    this.#clients.push(client)
    const events: ClientEvent[] = []
    void (async () => {
      for await (const event of client.events()) events.push(event)
    })()
    return { client, events, types: () => events.map(({ type }) => type) }
  }

  methods(): Method[] {
    return this.#asked.map(({ method }) => method)
  }

  /** What this method was asked last. */
  paramsOf(method: Method): object | undefined {
    return this.#asked.filter((asked) => asked.method === method).at(-1)?.params
  }

  answer(method: Method, result: object): void {
    this.#answers.set(method, result)
  }

  fail(method: Method, code: ErrorCode): void {
    this.#failures.set(method, code)
  }

  /** Runs `act` before this method is answered. */
  before(method: Method, act: () => void): void {
    this.#before.set(method, act)
  }

  tell(method: Notification, params: object): void {
    this.#channel?.onNotification({ method, params } as never)
  }

  /** The connection breaks. */
  async drop(): Promise<void> {
    const channel = this.#channel
    this.#channel = undefined
    channel?.onClosed(new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'dropped' }))
    await new Promise((resolve) => setImmediate(resolve))
  }

  async end(): Promise<void> {
    for (const client of this.#clients) await client.destroy()
  }

  async #ask(method: Method, params: object): Promise<object> {
    this.#asked.push({ method, params })
    this.#before.get(method)?.()
    const code = this.#failures.get(method)
    if (code) throw new MsgError(code, { detail: method })
    return this.#answers.get(method) ?? habit(method, params as Record<string, string>)
  }
}

function habit(method: Method, { user = '', room = '', status = '' }: Record<string, string>): object {
  if (method === 'hello') return { protocol: 1, server: 'fake', plugins: {} }
  if (method === 'session.open') return { user, state: 'ringing' }
  if (method.startsWith('session.')) return { user }
  if (method === 'room.enter') return { room, owner: 'owner' }
  if (method === 'room.leave') return { room, closed: false }
  if (method === 'room.members') return { room, owner: 'owner', members: [], next: null }
  if (method.startsWith('room.')) return { room }
  if (method === 'user.watch') return { user, status: 'offline' }
  if (method === 'presence.set') return { status }
  if (['register', 'login', 'login.device'].includes(method))
    return { user, virtualAddress: '100.64.0.1', status: 'active', udp: { token: 'ab'.repeat(16), port: 1 } }
  return {}
}
