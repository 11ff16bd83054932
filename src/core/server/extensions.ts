import { join } from 'node:path'
import { encodeNotification } from '../control/rpc.ts'
import type { Params, Result } from '../control/methods.ts'
import { isErrorCode, MsgError } from '../errors.ts'
import type { UdpSocket } from '../io/udp-socket.ts'
import type { PluginCommand } from '../plugins/commands.ts'
import { SYSTEM_CLOCK } from '../plugins/clock.ts'
import type { ConfiguredPlugin, PluginStatus } from '../plugins/define.ts'
import type { SignIn } from '../plugins/hooks.ts'
import { ServerPlugins, type PluginClient, type PluginNotice } from '../plugins/server-plugins.ts'
import { KeyValueFile } from '../io/key-value-file.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { ServerEvent } from './api.ts'
import { loadServerKey } from './server-key.ts'
import { ServerLinks, type LinkClient } from './server-links.ts'
import { LinkTransfers, type Addressee } from './server-transfers.ts'

/** A signed-in control connection, as plugins and links see it. */
export interface ExtensionClient extends LinkClient, PluginClient {}

/** What {@link Extensions} are built with. */
export interface ExtensionsDeps {
  /** Where the key of the server's links is kept. */
  readonly keyPath: string
  /** Where plugins keep what they store, a file each. */
  readonly storageDir: string
  readonly consoleCommands: readonly string[]
  readonly publish: (event: ServerEvent) => void
}

/** What plugins add to a server: their messages on the control channel, and the server's end of links, opened when a plugin first needs it. */
export class Extensions {
  readonly #deps: ExtensionsDeps
  readonly #plugins: ServerPlugins
  readonly #sessions = new Map<string, Addressee>()
  #socket: UdpSocket | undefined
  #links: ServerLinks | undefined
  #transfers: LinkTransfers | undefined

  constructor(deps: ExtensionsDeps) {
    this.#deps = deps
    this.#plugins = new ServerPlugins({
      links: () => this.#openLinks(),
      event: (plugin, name, text, facts) => deps.publish({ type: 'plugin', plugin, name, text, facts }),
      storage: (plugin) => new KeyValueFile(join(deps.storageDir, `${plugin}.db`)),
      onFault: (plugin, error) => this.#fault(plugin, error),
      clock: SYSTEM_CLOCK,
      takenCommands: new Set(deps.consoleCommands),
    })
  }

  /** Starts the plugins; those that do not start are told. @throws MSG_ERR_CONFIG_INVALID */
  async start(plugins: readonly ConfiguredPlugin[]): Promise<void> {
    await this.#plugins.start(plugins)
  }

  /** Npm packages of the plugins, as `name@version`. */
  get packages(): Record<string, string> {
    return this.#plugins.packages
  }

  /** What plugins add to the console. */
  get commands(): readonly PluginCommand[] {
    return this.#plugins.commands
  }

  status(): PluginStatus[] {
    return this.#plugins.status()
  }

  /** Asks the plugins who may sign in. @throws MSG_ERR_SIGN_IN_DENIED */
  async authorize(who: SignIn): Promise<void> {
    if (this.#plugins.isAuthorizing) await this.#plugins.authorize(who)
  }

  /** Others see a user as active from now on, or do not any more. */
  handleVisible(user: string, isVisible: boolean): void {
    this.#plugins.handleVisible(user, isVisible)
  }

  handleEvent(event: ServerEvent): void {
    this.#plugins.handleEvent(event)
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

  handleAnswer(client: ExtensionClient, { error, ...answer }: Params<'plugin.answer'>): void {
    this.#plugins.handleAnswer(client, {
      ...answer,
      ...(error ? { error: new MsgError(isErrorCode(error.code) ? error.code : 'MSG_ERR_INTERNAL', error) } : {}),
    })
  }

  handleSignedIn(client: ExtensionClient): void {
    this.#links?.handleSignedIn(client)
    this.#plugins.handleOpen(client)
  }

  /** @param hasLeft - it signed out; otherwise its connection broke */
  handleSignedOut(client: ExtensionClient, hasLeft: boolean): void {
    this.#plugins.handleClosed(client, hasLeft)
    this.#links?.handleSignedOut(client, hasLeft)
  }

  async close(): Promise<void> {
    await this.#plugins.close()
    await this.#transfers?.close()
    await this.#links?.close()
  }

  #openLinks(): { transfers: LinkTransfers; streams: StreamRouter } {
    if (this.#transfers && this.#links) return { transfers: this.#transfers, streams: this.#links.streams }
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
    return { transfers: this.#transfers, streams: this.#links.streams }
  }

  #fault(plugin: string, { code, message }: MsgError): void {
    this.#deps.publish({ type: 'plugin', plugin, name: 'fault', text: message, facts: { code } })
  }
}

/** One line that tells a client what a plugin says. */
export function pluginLine(message: PluginNotice): string {
  return encodeNotification('plugin', message)
}
