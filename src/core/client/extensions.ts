import { join } from 'node:path'
import { toRpcError } from '../control/rpc.ts'
import { MsgError } from '../errors.ts'
import { KeyValueFile } from '../io/key-value-file.ts'
import { SYSTEM_CLOCK } from '../plugins/clock.ts'
import { ClientPlugins, type MissingPlugin, type PluginLinks } from '../plugins/client-plugins.ts'
import type { ConfirmOptions } from '../plugins/client-scope.ts'
import type { PluginStorage } from '../plugins/scope-api.ts'
import { StreamRouter } from '../streams/stream-router.ts'
import type { TransferEvent } from '../transfers/api.ts'
import { Transfers } from '../transfers/transfers.ts'
import type { LinkEndpoint } from '../transport/endpoint-api.ts'
import type { Account } from './account.ts'
import type { ClientEvent, ClientOptions } from './api.ts'
import type { Identity } from './identity.ts'
import { Downloads } from './downloads.ts'
import type { Emitter } from './emitter.ts'
import { SERVER_PEER, ServerLink } from './server-link.ts'
import type { Uplink } from './uplink.ts'

/** What {@link Extensions} are built with. */
export interface ExtensionsDeps {
  readonly options: ClientOptions
  readonly emitter: Emitter
  readonly uplink: Uplink
  readonly random: () => number
  readonly identity: () => Identity | undefined
  readonly account: () => Account | undefined
  /** True for somebody this user is in a conversation with. */
  readonly isOpen: (user: string) => boolean
  /** Directory of the profile of `user`. */
  readonly dirOf: (user: string) => string
}

/** What plugins add to a client: their messages on the control channel, their streams over links, and the link with the server. */
export class Extensions {
  readonly plugins: ClientPlugins
  /** The link with the server, for what plugins download; where there is a UDP socket. */
  serverLink: ServerLink | undefined
  /** Of a client that downloads and does not listen. */
  portTransfers: Transfers | undefined
  readonly #deps: ExtensionsDeps
  readonly #closed = new AbortController()
  #downloads: Downloads | undefined
  /** Frees what a client holds that downloads and does not listen. */
  #closePort: () => Promise<void> = async () => {}

  constructor(deps: ExtensionsDeps) {
    this.#deps = deps
    const { emitter, uplink, identity } = deps
    this.plugins = new ClientPlugins({
      request: (message) => uplink.request('plugin', message),
      answer: ({ error, ...answer }) => {
        // As a server tells a client: what names this machine's files is nobody's business.
        const told = error && toRpcError(error).data
        const failure = told && { code: told.code, detail: told.detail.slice(0, MAX_DETAIL) }
        uplink.request('plugin.answer', { ...answer, ...(failure ? { error: failure } : {}) }).catch(() => {})
      },
      transfers: {
        download: async (download) => {
          if (this.#downloads) return this.#downloads.download(download)
          throw new MsgError('MSG_ERR_USAGE', {
            detail: 'a client without UDP, or that is not signed in, downloads nothing',
          })
        },
      },
      identity,
      confirm: (plugin, question, options) => this.#confirm(plugin, question, options),
      event: (plugin, name, text, facts) => emitter.emit({ type: 'plugin', plugin, name, text, facts }),
      storage: (plugin) => this.#storage(plugin),
      onFault: (plugin, { code, message }) => emitter.emit({ type: 'warning', code, message: `${plugin}: ${message}` }),
      clock: SYSTEM_CLOCK,
      takenCommands: new Set(deps.options.promptCommands),
    })
  }

  /** What the server has and this client lacks is told. */
  handleHello(there: Readonly<Record<string, number>>, packages: Readonly<Record<string, string>>): void {
    for (const missing of this.plugins.handleHello(there, packages)) this.#deps.emitter.emit(missingEvent(missing))
  }

  /** Links of a client that listens. */
  openLinks(endpoint: LinkEndpoint, { links, transfers }: Account): void {
    if (!links || !transfers) return
    this.#open(endpoint, links.streams, transfers)
  }

  /** For a client that downloads from the server and does nothing else: its profile stays closed. */
  openPort(endpoint: LinkEndpoint): void {
    const router = new StreamRouter({
      onFault: (_protocol, _peer, error) => {
        const { code, message } = MsgError.of(error)
        this.#deps.emitter.emit({ type: 'warning', code, message })
      },
    })
    const transfers = (this.portTransfers = new Transfers({
      router,
      emit: (event) => this.handleTransfer(event),
      // What has arrived lies where it is to land, and is found there.
      journal: { put: () => {}, remove: () => {} },
    }))
    this.#closePort = async () => {
      await transfers.close()
      await endpoint.close()
    }
    this.#open(endpoint, router, transfers)
  }

  handleTransfer(event: TransferEvent): void {
    this.#deps.emitter.emit(event)
    this.#downloads?.handleEvent(event)
  }

  /** Signed in again: what was under way with the server goes on. */
  async handleBack(): Promise<void> {
    await this.serverLink?.handleBack().catch(() => {})
    this.#downloads?.handleBack()
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.plugins.close()
    this.serverLink?.close()
    await this.#closePort()
  }

  #open(endpoint: LinkEndpoint, streams: StreamRouter, transfers: Transfers): void {
    const { emitter, random, uplink } = this.#deps
    this.serverLink = new ServerLink({
      endpoint,
      streams,
      emitter,
      random,
      introduce: () => uplink.request('link.server', {}),
      host: () => uplink.channel?.remoteHost,
      mapping: () => this.#deps.account()?.network?.mapping ?? 'unknown',
    })
    this.#downloads = new Downloads({ link: this.serverLink, transfers })
    this.plugins.attach(this.#pluginLinks(streams, this.serverLink))
  }

  #pluginLinks(router: StreamRouter, serverLink: ServerLink): PluginLinks {
    const { account, isOpen } = this.#deps
    const none = (detail: string): MsgError => new MsgError('MSG_ERR_LINK_CLOSED', { detail })
    return {
      router,
      linkTo: async (user, signal) => {
        checkWanted(signal)
        const links = account()?.links
        if (!links) throw none('this client only downloads')
        if (!isOpen(user)) throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: user })
        return await wanted(links.opened(user, this.#until(signal)), signal)
      },
      serverLink: async (signal) => {
        checkWanted(signal)
        const release = await serverLink.hold()
        try {
          const link = await wanted(serverLink.opened(this.#until(signal)), signal)
          // What was written has been taken by the link, and may not have arrived.
          return { link, release: () => void serverLink.drained(FAREWELL_MS).then(release) }
        } catch (error) {
          release()
          throw error
        }
      },
      peerOf: ({ instance, user }) => (user === SERVER_PEER ? undefined : account()?.links?.streamPeer(instance)),
    }
  }

  /** Ends with the client, with `signal`, and when a link has taken too long. */
  #until(signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([this.#closed.signal, AbortSignal.timeout(LINK_MS), ...(signal ? [signal] : [])])
  }

  async #confirm(
    plugin: string,
    question: string,
    { details = [], signal, timeoutMs }: ConfirmOptions,
  ): Promise<boolean | undefined> {
    const { confirm } = this.#deps.options
    if (!confirm) return undefined
    const signals = [
      this.#closed.signal,
      ...(signal ? [signal] : []),
      ...(timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)]),
    ]
    const until = AbortSignal.any(signals)
    if (until.aborted) return false
    const over = new Promise<false>((resolve) => {
      until.addEventListener('abort', () => resolve(false), { once: true })
    })
    const asked = confirm(question, { plugin, details, signal: until }).catch(() => false)
    return (await Promise.race([asked, over])) === true
  }

  /** In the profile of who is signed in, when it is first used. */
  #storage(plugin: string): PluginStorage & { close(): void } {
    let file: KeyValueFile | undefined
    const open = (): KeyValueFile => {
      const user = this.#deps.identity()?.user
      if (user === undefined) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
      return (file ??= new KeyValueFile(join(this.#deps.dirOf(user), 'plugins', `${plugin}.db`)))
    }
    return {
      get: async (key) => open().get(key),
      put: async (key, value) => open().put(key, value),
      delete: async (key) => open().delete(key),
      list: async (query) => open().list(query),
      close: () => file?.close(),
    }
  }
}

/** @throws MSG_ERR_CANCELLED */
function checkWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new MsgError('MSG_ERR_CANCELLED', { detail: 'opening a stream' })
}

/** What waiting comes to; where it was told to end, it is that. */
async function wanted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return await work.catch((error: unknown) => {
    checkWanted(signal)
    throw error
  })
}

function missingEvent({ plugin, version, here, package: origin }: MissingPlugin): ClientEvent {
  const name = origin === null ? null : PACKAGE.exec(origin)?.[1]
  const install = name === null || name === undefined ? null : `msg plugins install ${name}`
  return { type: 'plugin.missing', plugin, version, here, package: origin, install }
}

/** A name and a version as npm has them: what a server says is shown as a command to type. */
const PACKAGE = /^((?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*)@[\w.+-]+$/
/** How long a link may take to open, milliseconds. */
const LINK_MS = 10_000
/** How long what was written to the server last may take to arrive, milliseconds. */
const FAREWELL_MS = 10_000
/** Longest detail that is told, UTF-16 units. */
const MAX_DETAIL = 1_024
