import { MsgError } from '../errors.ts'
import type {
  ConfiguredPlugin,
  Facts,
  PluginSession,
  Protocol,
  ServerHooks,
  ServerPlugin,
  ServerScope,
  ServerTransfers,
} from './define.ts'
import { checkPayload, messageOf } from './payload.ts'
import { optionsOf, ScopeBase } from './scope.ts'

/** One signed-in connection, as the host needs it. */
export interface PluginClient {
  /** Stable while the client reconnects. */
  readonly instance: string
  readonly user: string
  /** Plugins that the client has, with their versions, as it said in `hello`. */
  readonly plugins: Readonly<Record<string, number>>
  /** Sends a `plugin` notification. */
  tell(message: { readonly plugin: string; readonly message: string; readonly payload: unknown }): void
}

/** What {@link ServerPlugins} are built with. */
export interface ServerPluginsDeps {
  /** Opens the server's end of links when it is first called. */
  readonly transfers: () => ServerTransfers
  readonly event: (plugin: string, name: string, text: string, facts: Facts) => void
  /** Something in a plugin threw where nobody waits for it. */
  readonly onFault: (plugin: string, error: MsgError) => void
}

/** The server halves of plugins: starts them, hands them what clients say, tells them who comes and goes. */
export class ServerPlugins {
  readonly #deps: ServerPluginsDeps
  readonly #loaded = new Map<string, Loaded>()
  readonly #clients = new Map<string, PluginClient>()

  constructor(deps: ServerPluginsDeps) {
    this.#deps = deps
  }

  /** Ids and versions, for `hello`. */
  get versions(): Record<string, number> {
    return Object.fromEntries([...this.#loaded].map(([id, { plugin }]) => [id, plugin.protocol.version]))
  }

  /** Starts them in their order. @throws MSG_ERR_PLUGIN_LOAD naming the one that failed, MSG_ERR_CONFIG_INVALID; `close` undoes the rest. */
  async start(plugins: readonly ConfiguredPlugin[]): Promise<void> {
    for (const { plugin: half, options } of plugins) {
      const plugin = half as unknown as ServerPlugin
      const { id } = plugin.protocol
      if (this.#loaded.has(id)) throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: `${id} is there twice` })
      const loaded: Loaded = { plugin, base: new ScopeBase(), handlers: new Map(), hooks: new Map() }
      this.#loaded.set(id, loaded)
      const checked = optionsOf<unknown>(plugin as never, options)
      try {
        await plugin.setup(this.#scope(loaded), checked)
      } catch (cause) {
        if (MsgError.is(cause) && cause.code === 'MSG_ERR_CONFIG_INVALID') throw cause
        throw new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: `${id} (${(cause as Error).message})`, cause })
      }
    }
  }

  /** A client has signed in, or is back on another connection. */
  handleOpen(client: PluginClient): void {
    this.#clients.set(client.instance, client)
    for (const loaded of this.#loaded.values())
      if (isShared(loaded, client)) this.#notify(loaded, 'session:open', client)
  }

  /** Its control connection is over. */
  handleClosed(client: PluginClient): void {
    if (this.#clients.get(client.instance) !== client) return
    this.#clients.delete(client.instance)
    for (const loaded of this.#loaded.values())
      if (isShared(loaded, client)) this.#notify(loaded, 'session:close', client)
  }

  /**
   * A signed-in client said something to a plugin.
   *
   * @returns the handler's answer. @throws MSG_ERR_PLUGIN_MISSING, MSG_ERR_METHOD_UNKNOWN, MSG_ERR_LIMIT, MSG_ERR_PROTOCOL; what the handler
   * throws, or MSG_ERR_PLUGIN_FAILED instead of what is no error of this library
   */
  async handleMessage(
    client: PluginClient,
    { plugin: id, message: name, payload }: { plugin: string; message: string; payload?: unknown },
  ): Promise<unknown> {
    const loaded = this.#loaded.get(id)
    if (!loaded || !isShared(loaded, client)) throw new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: id.slice(0, 32) })
    const spec = messageOf(loaded.plugin.protocol, name, 'client')
    const what = `${id} ${name}`
    const checked = checkPayload(spec, payload, what)
    const handler = loaded.handlers.get(name)
    if (!handler) throw new MsgError('MSG_ERR_METHOD_UNKNOWN', { detail: JSON.stringify(what) })
    try {
      const answer = await handler(checked, this.#session(loaded.plugin.protocol, client))
      return spec.answer ? checkPayload(spec.answer, answer, `the answer to ${what}`) : undefined
    } catch (error) {
      if (MsgError.is(error)) throw error
      const failure = new MsgError('MSG_ERR_PLUGIN_FAILED', { detail: what, cause: error })
      this.#deps.onFault(id, failure)
      throw failure
    }
  }

  /** Stops them, the last one first. */
  async close(): Promise<void> {
    for (const [id, { base }] of [...this.#loaded].reverse())
      await base.close((error) => this.#deps.onFault(id, MsgError.of(error)))
    this.#loaded.clear()
  }

  #scope({ plugin, base, handlers, hooks }: Loaded): ServerScope<Protocol> {
    const { protocol } = plugin
    const { transfers, event } = this.#deps
    const clients = this.#clients
    const session = (client: PluginClient): PluginSession<Protocol> => this.#session(protocol, client)
    return {
      signal: base.signal,
      onClose: (fn) => base.onClose(fn),
      handle(name, fn) {
        messageOf(protocol, name, 'client')
        if (handlers.has(name)) throw new TypeError(`${protocol.id} handles ${name} twice`)
        handlers.set(name, fn as Handler)
      },
      hook: (name, fn) => void hooks.set(name, [...(hooks.get(name) ?? []), fn]),
      *sessions() {
        for (const client of clients.values()) if (isShared({ plugin }, client)) yield session(client)
      },
      event: (name, text, facts = {}) => event(protocol.id, name, text, facts),
      get transfers() {
        return transfers()
      },
    }
  }

  #session(protocol: Protocol, client: PluginClient): PluginSession<Protocol> {
    return {
      id: client.instance,
      user: client.user,
      send(message, payload) {
        const checked = checkPayload(messageOf(protocol, message, 'server'), payload, `${protocol.id} ${message}`)
        client.tell({ plugin: protocol.id, message, payload: checked })
      },
    }
  }

  #notify({ plugin, hooks }: Loaded, name: keyof ServerHooks, { instance, user }: PluginClient): void {
    for (const fn of hooks.get(name) ?? []) {
      try {
        fn({ id: instance, user })
      } catch (error) {
        this.#deps.onFault(plugin.protocol.id, MsgError.of(error))
      }
    }
  }
}

type Handler = (payload: unknown, session: PluginSession<Protocol>) => unknown

interface Loaded {
  readonly plugin: ServerPlugin
  readonly base: ScopeBase
  readonly handlers: Map<string, Handler>
  readonly hooks: Map<keyof ServerHooks, Array<ServerHooks[keyof ServerHooks]>>
}

/** Both sides have it, in the same version. */
function isShared({ plugin }: Pick<Loaded, 'plugin'>, { plugins }: PluginClient): boolean {
  const { id, version } = plugin.protocol
  return Object.hasOwn(plugins, id) && plugins[id] === version
}
