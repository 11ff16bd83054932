import { encodeNotification } from '../control/rpc.ts'
import type { Params, Result } from '../control/methods.ts'
import { MsgError } from '../errors.ts'
import type { UdpSocket } from '../io/udp-socket.ts'
import type { ConfiguredPlugin, Session } from '../plugins/define.ts'
import { ServerPlugins, type PluginClient } from '../plugins/server-plugins.ts'
import type { ServerEvent } from './api.ts'
import { loadServerKey } from './server-key.ts'
import { ServerLinks, type LinkClient } from './server-links.ts'
import { LinkTransfers } from './server-transfers.ts'

/** A signed-in control connection, as plugins and links see it. */
export interface ExtensionClient extends LinkClient, PluginClient {}

/** What {@link Extensions} are built with. */
export interface ExtensionsDeps {
  /** Where the key of the server's links is kept. */
  readonly keyPath: string
  readonly publish: (event: ServerEvent) => void
}

/** What plugins add to a server: their messages on the control channel, and the server's end of links, opened when a plugin first needs it. */
export class Extensions {
  readonly #deps: ExtensionsDeps
  readonly #plugins: ServerPlugins
  readonly #sessions = new Map<string, Session>()
  #socket: UdpSocket | undefined
  #links: ServerLinks | undefined
  #transfers: LinkTransfers | undefined

  constructor(deps: ExtensionsDeps) {
    this.#deps = deps
    this.#plugins = new ServerPlugins({
      transfers: () => this.#openTransfers(),
      event: (plugin, name, text, facts) => deps.publish({ type: 'plugin', plugin, name, text, facts }),
      onFault: (plugin, error) => this.#fault(plugin, error),
    })
  }

  /** Starts the plugins. @throws MSG_ERR_PLUGIN_LOAD, MSG_ERR_CONFIG_INVALID */
  async start(plugins: readonly ConfiguredPlugin[]): Promise<void> {
    await this.#plugins.start(plugins)
  }

  /** Ids and versions of the plugins. */
  get versions(): Record<string, number> {
    return this.#plugins.versions
  }

  /** True once a plugin needs links: the socket then carries much. */
  get hasLinks(): boolean {
    return this.#links !== undefined
  }

  /** The rendezvous port's socket, on which links are answered too. */
  attach(socket: UdpSocket): void {
    this.#socket = socket
    this.#links?.attach(socket)
  }

  /** @throws MSG_ERR_PLUGIN_MISSING where no plugin needs links */
  link(client: ExtensionClient): Result<'link.server'> {
    if (!this.#links) throw new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: 'links to itself' })
    const introduced = this.#links.introduce(client)
    this.#sessions.set(client.instance, { id: client.instance, user: client.user })
    return introduced
  }

  handleMessage(client: ExtensionClient, message: Params<'plugin'>): Promise<unknown> {
    return this.#plugins.handleMessage(client, message)
  }

  handleSignedIn(client: ExtensionClient): void {
    this.#links?.handleSignedIn(client)
    this.#plugins.handleOpen(client)
  }

  /** @param hasLeft - it signed out; otherwise its connection broke */
  handleSignedOut(client: ExtensionClient, hasLeft: boolean): void {
    this.#plugins.handleClosed(client)
    this.#links?.handleSignedOut(client, hasLeft)
  }

  async close(): Promise<void> {
    await this.#plugins.close()
    await this.#transfers?.close()
    await this.#links?.close()
  }

  #openTransfers(): LinkTransfers {
    if (this.#transfers) return this.#transfers
    this.#links = new ServerLinks({
      key: loadServerKey(this.#deps.keyPath),
      onFault: (protocol, error) => this.#fault(protocol, error),
      onGone: (instance) => {
        const session = this.#sessions.get(instance)
        void this.#transfers?.handleGone(instance).finally(() => {
          // It may be back by now.
          if (this.#sessions.get(instance) === session) this.#sessions.delete(instance)
        })
      },
    })
    if (this.#socket) this.#links.attach(this.#socket)
    this.#transfers = new LinkTransfers({
      router: this.#links.streams,
      sessionOf: (instance) => this.#sessions.get(instance),
    })
    return this.#transfers
  }

  #fault(plugin: string, { code, message }: MsgError): void {
    this.#deps.publish({ type: 'plugin', plugin, name: 'fault', text: message, facts: { code } })
  }
}

/** One line that tells a client what a plugin says. */
export function pluginLine(message: Parameters<PluginClient['tell']>[0]): string {
  return encodeNotification('plugin', message)
}
