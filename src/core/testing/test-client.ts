import { setImmediate } from 'node:timers/promises'
import type { ClientEvent } from '../client/api.ts'
import { fromRpcError, toRpcError } from '../control/rpc.ts'
import { fingerprintOf } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import { ClientPlugins, type MissingPlugin } from '../plugins/client-plugins.ts'
import type { ConfirmOptions, StreamPeer } from '../plugins/client-scope.ts'
import type { ConfiguredPlugin, PluginStatus } from '../plugins/define.ts'
import type { PluginClient, ServerPlugins } from '../plugins/server-plugins.ts'
import type { PluginWorld, ToldEvent } from './plugin-world.ts'
import { runCommand, type TestValues } from './test-command.ts'
import { TestNode } from './test-node.ts'

/** What a client of a test world is given. */
export interface TestClientOptions {
  /** Client halves. @default those of the world */
  readonly plugins?: readonly ConfiguredPlugin[]
  /** False for what a one-shot command is. @default true */
  readonly listening?: boolean
  /** Users whose devices a person has verified here. @default nobody */
  readonly verified?: readonly string[]
  /** Answers questions. @default there is nobody to ask */
  readonly confirm?: (question: string, options: ConfirmOptions) => boolean | Promise<boolean>
}

/** One signed-in client of a {@link PluginWorld}. */
export class TestClient {
  readonly user: string
  readonly instance: string
  readonly node: TestNode
  /** What its plugins told. */
  readonly events: ToldEvent[] = []
  /** Plugins that the server has and this client lacks, as it was told last. */
  missing: readonly MissingPlugin[] = []
  readonly #world: PluginWorld
  readonly #server: ServerPlugins
  readonly #options: TestClientOptions
  readonly #given: readonly ConfiguredPlugin[]
  readonly #plugins: ClientPlugins
  readonly #friends = new Map<string, TestClient>()
  #session: PluginClient | undefined
  /** It has signed in before. */
  #wasHere = false

  constructor(
    world: PluginWorld,
    server: ServerPlugins,
    given: {
      readonly user: string
      readonly instance: string
      readonly plugins: readonly ConfiguredPlugin[]
      readonly options: TestClientOptions
    },
  ) {
    this.#world = world
    this.#server = server
    this.#options = given.options
    this.#given = given.plugins
    this.user = given.user
    this.instance = given.instance
    this.node = new TestNode(world.network, given.instance, given.user)
    this.#plugins = new ClientPlugins({
      ...world.hostDeps(this.events, given.user),
      request: (message) => this.#request(message),
      answer: (answer) => void this.#after(() => this.#session && server.handleAnswer(this.#session, answer)),
      transfers: {
        download: () => Promise.reject(new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'a test world sends no files' })),
      },
      identity: () => ({ user: this.user, key: this.node.key }),
      confirm: async (_plugin, question, options) => this.#options.confirm?.(question, options),
    })
  }

  /** Starts the plugins and signs in. */
  async start(): Promise<void> {
    await this.#plugins.start(this.#given)
    const known = [this.#world.node, ...this.#world.clients.map(({ node }) => node)]
    this.#plugins.attach({
      router: this.node.router,
      linkTo: async (user) => {
        const friend = [...this.#friends.values()].find((one) => one.user === user)
        if (!friend) throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: user })
        return { link: await this.node.link(friend.node), peer: this.#peer(friend.node) }
      },
      serverLink: async () => ({ link: await this.node.link(known[0]!), release: () => {} }),
      peerOf: ({ instance }) => {
        const friend = this.#friends.get(instance)
        return friend && this.#peer(friend.node)
      },
    })
    await this.back()
  }

  /** Signs in, or is back after {@link drop}. @throws MSG_ERR_SIGN_IN_DENIED */
  async back(): Promise<void> {
    if (this.#server.isAuthorizing)
      await this.#server.authorize({ user: this.user, address: '127.0.0.1', isNew: false })
    const { user, instance } = this
    const session: PluginClient = {
      user,
      instance,
      listening: this.#options.listening ?? true,
      plugins: this.#plugins.versions,
      tell: (notice) => {
        if (this.#session !== session) throw new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: `${user} is gone` })
        // As it would be on the wire.
        const line = JSON.stringify(notice)
        void this.#after(() => {
          if (this.#session === session) this.#plugins.handleMessage(JSON.parse(line) as never)
        })
      },
    }
    this.#session = session
    this.missing = this.#plugins.handleHello(this.#server.versions, this.#server.packages)
    this.#server.handleOpen(session)
    if (session.listening) this.#world.setPresent(this, true)
    this.#plugins.handleEvent({ type: 'signed-in', user, virtualAddress: '100.64.0.1', restored: this.#wasHere })
    this.#wasHere = true
    await setImmediate()
  }

  /** Its control connection is over. @param hasLeft - it signed out; otherwise it broke. @default false */
  drop(hasLeft = false): void {
    const session = this.#session
    this.#session = undefined
    if (!session) return
    this.#world.setPresent(this, false)
    this.#server.handleClosed(session, hasLeft)
  }

  /** Somebody types. */
  type(): void {
    this.#plugins.handleInput()
  }

  /** Runs a command that a plugin adds to the prompt. @returns what it answers */
  async run(name: string, values: TestValues = {}): Promise<object> {
    const { confirm } = this.#options
    const ask = confirm && (async (question: string) => confirm(question, {}))
    return await this.#world.until(runCommand(this.#plugins.commands, name, values, ask))
  }

  /** What completion offers beside names of users, rooms and paths. @param words - of the command so far, the last may be '' */
  async complete(name: string, words: readonly string[]): Promise<readonly string[]> {
    const command = this.#plugins.commands.find((one) => one.name === name)
    const candidates = await this.#world.until((async () => (await command?.complete?.(words)) ?? [])())
    return candidates.filter((candidate) => candidate.startsWith(words.at(-1) ?? ''))
  }

  /** Waits for what a plugin tells next, or has told since `from`. @param from - index into {@link events}. @default 0 */
  async heard(name: string, from = 0): Promise<ToldEvent> {
    let found = (): ToldEvent | undefined => this.events.slice(from).find((event) => event.name === name)
    const waiting = (async () => {
      for (;;) {
        const event = found()
        if (event) return event
        await setImmediate()
      }
    })()
    try {
      return await this.#world.until(waiting)
    } finally {
      // Whoever gave up must not be left looking.
      found = () => ({ plugin: '', name, text: '', facts: {} })
    }
  }

  /** What plugins make of a message that is about to be said. */
  async outgoing(text: string, to: { readonly user: string } | { readonly room: string }): Promise<string> {
    return await this.#world.until(this.#plugins.outgoing(text, to))
  }

  /** What plugins answer to somebody who asks to talk. */
  async answerRequest(user: string): Promise<'accept' | 'decline' | undefined> {
    return await this.#world.until(this.#plugins.answerRequest(user))
  }

  /** Tells the client halves what the client tells. */
  tell(event: ClientEvent): void {
    this.#plugins.handleEvent(event)
  }

  status(): PluginStatus[] {
    return this.#plugins.status()
  }

  /** It may open streams to `friend`, and `friend` to it. */
  converse(friend: TestClient): void {
    this.#friends.set(friend.instance, friend)
  }

  async close(): Promise<void> {
    this.drop(true)
    await this.#plugins.close()
    await this.node.close()
  }

  async #request(message: { plugin: string; message: string; payload: unknown }): Promise<{ payload?: unknown }> {
    const session = this.#session
    if (!session)
      throw new MsgError('MSG_ERR_SERVER_UNREACHABLE', { detail: 'the test world (the connection was lost)' })
    const line = JSON.stringify(message)
    await this.#after(() => {})
    try {
      return { payload: await this.#server.handleMessage(session, JSON.parse(line) as never) }
    } catch (error) {
      // As it would be on the wire.
      throw fromRpcError(toRpcError(error))
    } finally {
      await this.#after(() => {})
    }
  }

  /** One way through the network later. */
  #after(fn: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#world.clock.after(this.#world.delayMs, () => {
        fn()
        resolve()
      })
    })
  }

  #peer({ user, key }: TestNode): StreamPeer {
    return {
      user,
      device: fingerprintOf(key.publicKey),
      deviceKey: Buffer.from(key.publicKey).toString('base64url'),
      verified: this.#options.verified?.includes(user) ?? false,
      isOwn: user === this.user,
    }
  }
}
