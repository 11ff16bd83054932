import { MsgError } from '../errors.ts'
import type { ClientPlugin, ClientScope, ConfiguredPlugin, ClientTransfers, PluginCommand, Protocol } from './define.ts'
import { checkPayload, messageOf } from './payload.ts'
import { optionsOf, ScopeBase } from './scope.ts'

/** What {@link ClientPlugins} are built with. */
export interface ClientPluginsDeps {
  /** Makes a `plugin` request. */
  readonly request: (message: { plugin: string; message: string; payload: unknown }) => Promise<{ payload?: unknown }>
  readonly transfers: ClientTransfers
  /** Something in a plugin threw where nobody waits for it. */
  readonly onFault: (plugin: string, error: MsgError) => void
}

/** The client halves of plugins, in one client: starts them, hands them what the server says, holds the commands they add. */
export class ClientPlugins {
  readonly #deps: ClientPluginsDeps
  readonly #loaded = new Map<string, Loaded>()
  readonly #commands = new Map<string, { readonly owner: Loaded; readonly command: PluginCommand }>()
  /** Plugins of the server, as it said in `hello`. */
  #there: Readonly<Record<string, number>> = {}

  constructor(deps: ClientPluginsDeps) {
    this.#deps = deps
  }

  /** Ids and versions, for `hello`. */
  get versions(): Record<string, number> {
    return Object.fromEntries([...this.#loaded].map(([id, { plugin }]) => [id, plugin.protocol.version]))
  }

  /** In the order they were added. */
  get commands(): readonly PluginCommand[] {
    return [...this.#commands.values()].map(({ command }) => command)
  }

  /** Starts them in their order; one that fails is told and left out, the rest goes on. */
  async start(plugins: readonly ConfiguredPlugin[]): Promise<void> {
    for (const { plugin: half, options } of plugins) {
      const plugin = half as unknown as ClientPlugin
      const { id } = plugin.protocol
      const loaded: Loaded = { plugin, base: new ScopeBase(), handlers: new Map() }
      try {
        if (this.#loaded.has(id)) throw new TypeError('it is there twice')
        this.#loaded.set(id, loaded)
        await plugin.setup(this.#scope(loaded), optionsOf<unknown>(plugin as never, options))
      } catch (cause) {
        await this.#undo(loaded)
        const detail = `${id} (${(cause as Error).message})`
        this.#deps.onFault(id, new MsgError('MSG_ERR_PLUGIN_LOAD', { detail, cause }))
      }
    }
  }

  /** What the server has, after each `hello`. */
  handleHello(there: Readonly<Record<string, number>>): void {
    this.#there = there
  }

  /** The server's half said something. What is of no plugin here is nobody's. */
  handleMessage({ plugin: id, message: name, payload }: { plugin: string; message: string; payload?: unknown }): void {
    const loaded = this.#loaded.get(id)
    const handler = loaded?.handlers.get(name)
    if (!loaded || !handler) return
    void (async () =>
      handler(checkPayload(messageOf(loaded.plugin.protocol, name, 'server'), payload, `${id} ${name}`)))()
      // Nobody waits for it.
      .catch((error: unknown) => this.#deps.onFault(id, MsgError.of(error)))
  }

  async close(): Promise<void> {
    for (const loaded of [...this.#loaded.values()].reverse()) await this.#undo(loaded)
  }

  async #undo(loaded: Loaded): Promise<void> {
    const { id } = loaded.plugin.protocol
    if (this.#loaded.get(id) === loaded) this.#loaded.delete(id)
    for (const [name, { owner }] of this.#commands) if (owner === loaded) this.#commands.delete(name)
    await loaded.base.close((error) => this.#deps.onFault(id, MsgError.of(error)))
  }

  #scope(loaded: Loaded): ClientScope<Protocol> {
    const { plugin, base, handlers } = loaded
    const { protocol } = plugin
    const { id } = protocol
    return {
      signal: base.signal,
      onClose: (fn) => base.onClose(fn),
      handle: (name, fn) => {
        messageOf(protocol, name, 'server')
        if (handlers.has(name)) throw new TypeError(`${id} handles ${name} twice`)
        handlers.set(name, fn as Handler)
      },
      request: (async (name: string, payload: unknown) => {
        const spec = messageOf(protocol, name, 'client')
        const checked = checkPayload(spec, payload, `${id} ${name}`)
        if (this.#there[id] !== protocol.version) throw new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: id })
        const answer = await this.#deps.request({ plugin: id, message: name, payload: checked })
        return spec.answer ? checkPayload(spec.answer, answer.payload, `the answer to ${id} ${name}`) : undefined
      }) as ClientScope<Protocol>['request'],
      command: (command) => {
        if (this.#commands.has(command.name)) throw new TypeError(`there is a command ${command.name} already`)
        this.#commands.set(command.name, { owner: loaded, command: command as unknown as PluginCommand })
      },
      transfers: this.#deps.transfers,
    }
  }
}

type Handler = (payload: unknown) => unknown

interface Loaded {
  readonly plugin: ClientPlugin
  readonly base: ScopeBase
  readonly handlers: Map<string, Handler>
}
