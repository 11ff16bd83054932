import { ERRORS, MsgError, type ErrorCode, type ErrorSpec } from '../errors.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import { Asks } from './asks.ts'
import type { PluginCommand } from './commands.ts'
import type { ConfiguredPlugin, PluginStatus } from './define.ts'
import { SERVER_HOOKS, type ServerHooks, type SignIn, type Verdict } from './hooks.ts'
import type { HostDeps, LoadedPlugin } from './loaded-plugin.ts'
import { checkPayload, messageOf } from './payload.ts'
import { PluginHost } from './plugin-host.ts'
import { PluginStreams } from './plugin-streams.ts'
import type { MessageSpec, Protocol } from './protocol.ts'
import type { PluginSession, ServerScope, ServerTransfers } from './server-scope.ts'
import type { Session } from './session.ts'

/** What a server says to one half of a plugin; `ask` numbers what is to be answered. */
export interface PluginNotice {
  readonly plugin: string
  readonly message: string
  readonly payload: unknown
  readonly ask?: number
}

/** One signed-in connection, as the host needs it. */
export interface PluginClient {
  /** Stable while the client reconnects. */
  readonly instance: string
  readonly user: string
  /** False for one-shot commands. */
  readonly listening: boolean
  /** Plugins that the client has, with their versions, as it said in `hello`. */
  readonly plugins: Readonly<Record<string, number>>
  /** Sends a `plugin` notification. @throws MSG_ERR_CONNECTION_CLOSED, MSG_ERR_LIMIT when the client is not reading */
  tell(message: PluginNotice): void
}

/** What {@link ServerPlugins} are built with. */
export interface ServerPluginsDeps extends HostDeps {
  /** Opens the server's end of links when it is first called. */
  readonly links: () => { readonly transfers: ServerTransfers; readonly streams: StreamRouter }
}

/** The server halves of plugins: starts them, hands them what clients say, tells them who comes and goes. */
export class ServerPlugins {
  readonly #deps: ServerPluginsDeps
  readonly #host: PluginHost
  readonly #clients = new Map<string, Present>()
  /** Users whom others see as active. */
  readonly #visible = new Set<string>()
  #streams: PluginStreams<PluginSession<Protocol>> | undefined

  constructor(deps: ServerPluginsDeps) {
    this.#deps = deps
    this.#host = new PluginHost(deps)
  }

  get versions(): Record<string, number> {
    return this.#host.versions
  }

  get packages(): Record<string, string> {
    return this.#host.packages
  }

  /** What they add to the console. */
  get commands(): readonly PluginCommand[] {
    return this.#host.commands
  }

  status(): PluginStatus[] {
    return this.#host.status()
  }

  /** Starts them; one that does not start is told and left out. @throws MSG_ERR_CONFIG_INVALID; `close` undoes the rest */
  async start(plugins: readonly ConfiguredPlugin[]): Promise<void> {
    await this.#host.start(plugins, (loaded) => this.#scope(loaded), { isStrict: true })
  }

  /** True when a plugin wants to be asked who may sign in. */
  get isAuthorizing(): boolean {
    return this.#host.hasHook('session:authorize')
  }

  /** Asks the plugins whether somebody who has proven who they are may sign in. @throws MSG_ERR_SIGN_IN_DENIED */
  async authorize(who: SignIn): Promise<void> {
    const verdict = await this.#host.first<Verdict>('session:authorize', [who], 'deny')
    if (verdict !== undefined && verdict !== 'allow') throw new MsgError('MSG_ERR_SIGN_IN_DENIED', { detail: who.user })
  }

  /** A client has signed in, or is back on another connection. */
  handleOpen(client: PluginClient): void {
    this.#clients.get(client.instance)?.asks.close()
    this.#clients.set(client.instance, { client, asks: new Asks(this.#deps.clock) })
    this.#tellSession('session:open', client)
  }

  /** Its control connection is over. */
  handleClosed(client: PluginClient, hasLeft: boolean): void {
    const present = this.#clients.get(client.instance)
    if (present?.client !== client) return
    this.#clients.delete(client.instance)
    present.asks.close()
    this.#tellSession('session:close', client, hasLeft)
  }

  /** Others see a user as active from now on, or do not any more. */
  handleVisible(user: string, isVisible: boolean): void {
    if (isVisible) this.#visible.add(user)
    else this.#visible.delete(user)
    this.#host.notify('user:visible', { user, isVisible })
  }

  /** The server's log tells something. What plugins say is not told to plugins. */
  handleEvent(event: Parameters<ServerHooks['event']>[0]): void {
    if (event.type !== 'plugin') this.#host.notify('event', event)
  }

  /**
   * A signed-in client said something to a plugin.
   *
   * @returns the handler's answer. @throws MSG_ERR_PLUGIN_MISSING, and as {@link LoadedPlugin.receive}
   */
  async handleMessage(
    client: PluginClient,
    { plugin: id, message: name, payload }: { plugin: string; message: string; payload?: unknown },
  ): Promise<unknown> {
    const loaded = this.#host.running(id)
    if (!loaded || !isShared(loaded, client)) throw new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: id.slice(0, 32) })
    return await loaded.receive(name, 'client', payload, this.#session(loaded, client)).catch((error: unknown) => {
      throw MsgError.is(error) && !isTold(error.code) ? loaded.hide(error, `${id} ${name}`) : error
    })
  }

  /** A client answers what a plugin asked it. An answer that nobody waits for any more is nobody's. */
  handleAnswer(
    client: PluginClient,
    { plugin, ask, payload, error }: { plugin: string; ask: number; payload?: unknown; error?: MsgError },
  ): void {
    this.#clients.get(client.instance)?.asks.handleAnswer(plugin, ask, error ?? { payload })
  }

  /** Stops them, the last one first. */
  async close(): Promise<void> {
    await this.#host.close()
    for (const { asks } of this.#clients.values()) asks.close()
  }

  #scope(loaded: LoadedPlugin): ServerScope<Protocol> {
    const { links } = this.#deps
    const sessions = (): Iterable<PluginClient> => [...this.#clients.values()].map(({ client }) => client)
    const streams = (): PluginStreams<PluginSession<Protocol>> => this.#openStreams()
    return Object.defineProperties(loaded.scope(), {
      ...Object.getOwnPropertyDescriptors({
        handle: (name, fn) => loaded.handle(name, 'client', fn),
        hook: (name, fn) => loaded.hook(name, SERVER_HOOKS, fn),
        sessions: () =>
          [...sessions()].filter((client) => isShared(loaded, client)).map((client) => this.#session(loaded, client)),
        everybody: () => [...sessions()].map((client) => this.#sessionOf(loaded, client)),
        command: (command) => loaded.command(command as unknown as PluginCommand, this.#host.commands),
        get transfers() {
          return links().transfers
        },
        get streams() {
          const opened = streams()
          return { accept: (fn: Parameters<typeof opened.accept>[1]) => opened.accept(loaded, fn) }
        },
      } satisfies Omit<ServerScope<Protocol>, keyof ReturnType<LoadedPlugin['scope']>>),
    }) as ServerScope<Protocol>
  }

  #session(loaded: LoadedPlugin, client: PluginClient): PluginSession<Protocol> {
    const { id } = loaded
    const checked = (name: string, payload: unknown): { spec: MessageSpec; payload: unknown } => {
      const spec = messageOf(loaded.plugin.protocol, name, 'server')
      return { spec, payload: checkPayload(spec, payload, `${id} ${name}`) }
    }
    // It may be on another connection by now; the instance may even be somebody else's.
    const presence = (): Present | undefined => {
      const present = this.#clients.get(client.instance)
      return present?.client.user === client.user ? present : undefined
    }
    return {
      ...this.#sessionOf(loaded, client),
      send(name, payload) {
        const { tell } = presence()?.client ?? client
        tell({ plugin: id, message: name, payload: checked(name, payload).payload })
      },
      request: (async (name: string, given: unknown, { timeoutMs }: { readonly timeoutMs?: number } = {}) => {
        const { spec, payload } = checked(name, given)
        const present = presence()
        if (!present) throw new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: `${client.user} is gone` })
        const tell = (ask: number): void => present.client.tell({ plugin: id, message: name, payload, ask })
        const answer = await present.asks.ask(id, `${id} ${name}`, tell, timeoutMs)
        return spec.answer && checkPayload(spec.answer, answer, `the answer to ${id} ${name}`)
      }) as PluginSession<Protocol>['request'],
    }
  }

  #openStreams(): PluginStreams<PluginSession<Protocol>> {
    if (this.#streams) return this.#streams
    const streams = new PluginStreams<PluginSession<Protocol>>((loaded, { instance }) => {
      const client = this.#clients.get(instance)?.client
      return client && isShared(loaded, client) ? this.#session(loaded, client) : undefined
    })
    streams.attach(this.#deps.links().streams)
    return (this.#streams = streams)
  }

  #sessionOf(loaded: LoadedPlugin, client: PluginClient): Session {
    const { instance: id, user, listening } = client
    return { id, user, listening, isVisible: this.#visible.has(user), hasPlugin: isShared(loaded, client) }
  }

  #tellSession(name: 'session:open' | 'session:close', client: PluginClient, ...args: readonly boolean[]): void {
    for (const loaded of this.#host.all()) this.#host.notifyOne(loaded, name, this.#sessionOf(loaded, client), ...args)
  }
}

/** Others are told of it: those that only this side can cause mean nothing there. */
function isTold(code: ErrorCode): boolean {
  const { wire }: ErrorSpec = ERRORS[code]
  return wire !== undefined
}

interface Present {
  readonly client: PluginClient
  readonly asks: Asks
}

/** Both sides have it, in the same version. */
function isShared({ plugin }: LoadedPlugin, { plugins }: PluginClient): boolean {
  const { id, version } = plugin.protocol
  return Object.hasOwn(plugins, id) && plugins[id] === version
}
