import { fingerprintOf, isSignedBy, type DeviceKey } from '../crypto/device-key.ts'
import { MsgError } from '../errors.ts'
import type { LinkPeer } from '../streams/link-stream.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { Link } from '../transport/endpoint-api.ts'
import type { ClientScope, ClientTransfers, ConfirmOptions, StreamPeer } from './client-scope.ts'
import type { PluginCommand } from './commands.ts'
import type { ConfiguredPlugin, PluginStatus } from './define.ts'
import { CLIENT_HOOKS, type RequestAnswer, type ClientHooks } from './hooks.ts'
import type { HostDeps, LoadedPlugin } from './loaded-plugin.ts'
import { checkPayload, messageOf } from './payload.ts'
import { PluginHost } from './plugin-host.ts'
import { PluginStreams } from './plugin-streams.ts'
import type { Protocol } from './protocol.ts'
import type { PluginStream } from './scope-api.ts'
import type { PluginNotice } from './server-plugins.ts'

/** Who is signed in, with their key. */
export interface PluginIdentity {
  readonly user: string
  readonly key: DeviceKey
}

/** Links that plugins open streams on. */
export interface PluginLinks {
  readonly router: StreamRouter
  /** A link to a connection of `user`, waited for. @throws MSG_ERR_SESSION_UNKNOWN, MSG_ERR_LINK_CLOSED, MSG_ERR_CANCELLED */
  linkTo(user: string, signal: AbortSignal | undefined): Promise<{ readonly link: Link; readonly peer: StreamPeer }>
  /** The link with the server, held until `release`. @throws MSG_ERR_PLUGIN_MISSING, MSG_ERR_LINK_CLOSED, MSG_ERR_CANCELLED */
  serverLink(signal: AbortSignal | undefined): Promise<{ readonly link: Link; release(): void }>
  /** Who opened a stream here; `undefined` for the server and whoever is nobody's peer any more. */
  peerOf(peer: LinkPeer): StreamPeer | undefined
}

/** What {@link ClientPlugins} are built with. */
export interface ClientPluginsDeps extends HostDeps {
  /** Makes a `plugin` request. */
  readonly request: (message: { plugin: string; message: string; payload: unknown }) => Promise<{ payload?: unknown }>
  /** Answers what the server asked. Nobody waits for what becomes of that. */
  readonly answer: (answer: { plugin: string; ask: number; payload?: unknown; error?: MsgError }) => void
  readonly transfers: ClientTransfers
  readonly identity: () => PluginIdentity | undefined
  readonly confirm: (plugin: string, question: string, options: ConfirmOptions) => Promise<boolean | undefined>
}

/** A plugin of the server that this client lacks, or has in another version. */
export interface MissingPlugin {
  readonly plugin: string
  readonly version: number
  /** Version here; null where it is not there at all. */
  readonly here: number | null
  /** `name@version` of its npm package, as the server says. */
  readonly package: string | null
}

/** The client halves of plugins, in one client: starts them, hands them what the server says, holds the commands they add. */
export class ClientPlugins {
  readonly #deps: ClientPluginsDeps
  readonly #host: PluginHost
  readonly #streams: PluginStreams<StreamPeer>
  #links: PluginLinks | undefined
  /** The message that plugins were given last; ends without an error. */
  #lastOutgoing: Promise<unknown> = Promise.resolve()
  /** Plugins of the server, as it said in `hello`. */
  #there: Readonly<Record<string, number>> = {}
  /** When `input` was last told. */
  #inputAt = -Infinity
  /** How often a server said hello: what was asked before is not asked any more. */
  #hellos = 0
  /** A fault of a plugin is being told. */
  #isTellingFault = false

  constructor(deps: ClientPluginsDeps) {
    this.#deps = deps
    const onFault: HostDeps['onFault'] = (plugin, error) => {
      this.#isTellingFault = true
      try {
        deps.onFault(plugin, error)
      } finally {
        this.#isTellingFault = false
      }
    }
    this.#host = new PluginHost({ ...deps, onFault })
    this.#streams = new PluginStreams((_loaded, peer) => this.#links?.peerOf(peer))
  }

  /** Ids and versions, for `hello`. */
  get versions(): Record<string, number> {
    return this.#host.versions
  }

  get commands(): readonly PluginCommand[] {
    return this.#host.commands
  }

  status(): PluginStatus[] {
    return this.#host.status()
  }

  /** Starts them; one that fails is told and left out, the rest goes on. */
  async start(plugins: readonly ConfiguredPlugin[]): Promise<void> {
    await this.#host.start(plugins, (loaded) => this.#scope(loaded))
  }

  /** There are links from now on. */
  attach(links: PluginLinks): void {
    this.#links = links
    this.#streams.attach(links.router)
  }

  /** What the server has, after each `hello`. @returns what of it is missing here */
  handleHello(there: Readonly<Record<string, number>>, packages: Readonly<Record<string, string>>): MissingPlugin[] {
    this.#there = there
    this.#hellos++
    const { versions } = this
    return Object.entries(there)
      .filter(([id, version]) => versions[id] !== version)
      .map(([plugin, version]) => ({
        plugin,
        version,
        here: Object.hasOwn(versions, plugin) ? versions[plugin]! : null,
        package: Object.hasOwn(packages, plugin) ? packages[plugin]! : null,
      }))
  }

  /** The server's half said something. What is of no plugin here is nobody's. */
  handleMessage({
    plugin: id,
    message: name,
    payload,
    ask,
  }: Omit<PluginNotice, 'ask' | 'payload'> & { ask?: number | undefined; payload?: unknown }): void {
    const loaded = this.#host.running(id)
    const missing = (): Promise<never> => Promise.reject(new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: id }))
    // A newer half of the same version may say more than this one listens to.
    if (ask === undefined && !loaded?.handlers.has(name)) return
    const hellos = this.#hellos
    const tell = (answer: Omit<Parameters<ClientPluginsDeps['answer']>[0], 'plugin' | 'ask'>): void => {
      if (ask !== undefined && hellos === this.#hellos) this.#deps.answer({ plugin: id, ask, ...answer })
    }
    const received = loaded ? loaded.receive(name, 'server', payload, undefined) : missing()
    received.then(
      (answer) => tell({ payload: answer }),
      (error: unknown) => {
        if (ask !== undefined) tell({ error: MsgError.of(error) })
        // What a handler threw on purpose is an answer, where nobody waits for one.
        else if (MsgError.is(error) && error.code !== 'MSG_ERR_PLUGIN_FAILED') loaded?.fault(error, `${id} ${name}`)
      },
    )
  }

  /** The client tells something. What plugins say is not told to plugins. */
  handleEvent(event: Parameters<ClientHooks['event']>[0]): void {
    if (event.type !== 'plugin' && !this.#isTellingFault) this.#host.notify('event', event)
  }

  /** Somebody typed something. */
  handleInput(): void {
    const now = this.#deps.clock.now()
    if (now - this.#inputAt < INPUT_MS) return
    this.#inputAt = now
    this.#host.notify('input')
  }

  /** The text of a message that is about to be said. @throws what a plugin throws: the message is refused */
  async outgoing(text: string, to: { readonly user: string } | { readonly room: string }): Promise<string> {
    if (!this.#host.hasHook('message:outgoing')) return text
    // What is said first goes first, however long a plugin thinks about it.
    const turn = this.#lastOutgoing.then(() => this.#host.series('message:outgoing', text, to))
    this.#lastOutgoing = turn.catch(() => {})
    const changed = await turn
    if (typeof changed !== 'string')
      throw new MsgError('MSG_ERR_PLUGIN_FAILED', { detail: 'a hook of message:outgoing returned no text' })
    return changed
  }

  /** True when a plugin wants to be asked who may talk to this user. */
  get isAnswering(): boolean {
    return this.#host.hasHook('session:request')
  }

  /** What plugins answer to somebody who asks to talk; `undefined` leaves it to a person. */
  async answerRequest(user: string): Promise<RequestAnswer | undefined> {
    const answer = await this.#host.first<RequestAnswer>('session:request', [{ user }], undefined)
    return answer === 'accept' || answer === 'decline' ? answer : undefined
  }

  async close(): Promise<void> {
    await this.#host.close()
  }

  #scope(loaded: LoadedPlugin): ClientScope<Protocol> {
    const { id, plugin } = loaded
    const { protocol } = plugin
    const { identity, confirm, transfers } = this.#deps
    const request = async (name: string, payload: unknown): Promise<unknown> => {
      const spec = messageOf(protocol, name, 'client')
      const checked = checkPayload(spec, payload, `${id} ${name}`)
      this.#checkShared(loaded)
      const answer = await this.#deps.request({ plugin: id, message: name, payload: checked })
      return spec.answer ? checkPayload(spec.answer, answer.payload, `the answer to ${id} ${name}`) : undefined
    }
    const own = {
      handle: (name, fn) => loaded.handle(name, 'server', fn),
      hook: (name, fn) => loaded.hook(name, CLIENT_HOOKS, fn),
      send: request as ClientScope<Protocol>['send'],
      request: request as ClientScope<Protocol>['request'],
      command: (command) => {
        loaded.command(command as unknown as PluginCommand, this.#host.commands)
      },
      confirm: (question, options = {}) => confirm(id, question, options),
      self: () => {
        const self = identity()
        if (!self) return undefined
        const { publicKey } = self.key
        return {
          user: self.user,
          device: fingerprintOf(publicKey),
          deviceKey: Buffer.from(publicKey).toString('base64url'),
        }
      },
      sign: (bytes) => {
        const self = identity()
        if (!self) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
        return self.key.sign(signedText(id, bytes))
      },
      isSignedBy: (deviceKey, bytes, signature) =>
        isSignedBy(Buffer.from(deviceKey, 'base64url'), signedText(id, bytes), signature),
      transfers,
      streams: {
        open: async (user, { signal } = {}) => {
          const { link, peer } = await this.#linked().linkTo(user, signal)
          return this.#streams.open(loaded, link, peer)
        },
        openServer: async ({ signal } = {}): Promise<PluginStream<undefined>> => {
          this.#checkShared(loaded)
          const { link, release } = await this.#linked().serverLink(signal)
          try {
            const stream = this.#streams.open(loaded, link, undefined)
            stream.once('close', release)
            return stream
          } catch (error) {
            release()
            throw error
          }
        },
        accept: (fn) => this.#streams.accept(loaded, fn),
      },
    } satisfies Omit<ClientScope<Protocol>, keyof ReturnType<LoadedPlugin['scope']>>
    return Object.defineProperties(loaded.scope(), Object.getOwnPropertyDescriptors(own)) as ClientScope<Protocol>
  }

  /** @throws MSG_ERR_PLUGIN_MISSING unless the server has the plugin too, in the same version */
  #checkShared({ id, plugin }: LoadedPlugin): void {
    if (this.#there[id] !== plugin.protocol.version) throw new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: id })
  }

  #linked(): PluginLinks {
    if (!this.#links)
      throw new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'a client without UDP, or that is not signed in, has none' })
    return this.#links
  }
}

/** What is signed for a plugin: told apart from sign-ins and from other plugins' signatures by how it begins. */
function signedText(plugin: string, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`msg plugin ${plugin}\n`), bytes])
}

/** How often plugins hear that somebody types, milliseconds. */
const INPUT_MS = 1_000
