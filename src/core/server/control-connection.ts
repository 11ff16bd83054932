import type { TLSSocket } from 'node:tls'
import * as v from 'valibot'
import type { Account } from '../control/accounts.ts'
import type { Departure } from '../control/connections.ts'
import type { DirectoryMethod } from '../control/directory.ts'
import { CONTROL_PROTOCOL, MAX_LINE, METHODS, type Method, type Params, type Result } from '../control/methods.ts'
import {
  decodeRpc,
  encodeError,
  encodeNotification,
  encodeResult,
  invalidParams,
  malformed,
  toRpcError,
  type RpcError,
  type RpcId,
} from '../control/rpc.ts'
import type { ConnectionId } from '../control/state.ts'
import { TokenBucket } from '../time/token-bucket.ts'
import { MsgError } from '../errors.ts'
import { now } from '../io/clock.ts'
import { LineConnection, type LineHandler } from '../io/line-connection.ts'
import { exporterOf } from '../io/tls-exporter.ts'
import { millis, type Instant } from '../time/instant.ts'
import { normalizeHost } from '../wire/address.ts'
import type { ServerEvent, ServerLimits } from './api.ts'
import type { DirectoryClient, DirectoryHost } from './directory-host.ts'
import type { PluginNotice } from '../plugins/server-plugins.ts'
import { pluginLine, type ExtensionClient, type Extensions } from './extensions.ts'
import type { SignInDesk } from './sign-in.ts'

/** What control connections of one server share. */
export interface ControlDeps {
  readonly host: DirectoryHost
  readonly desk: SignInDesk
  readonly limits: ServerLimits
  readonly name: string
  readonly version: string
  /** @default no plugins, and no links to the server */
  readonly extensions?: Extensions
  readonly udpPort: () => number
  /** The UDP port that answers the same datagrams and does nothing else; `undefined` without one. */
  readonly probePort?: () => number | undefined
  /** Where else UDP is answered, for a client that came by the address `local`. @default nowhere */
  readonly elsewhere?: (local: string) => Pick<Result<'login'>['udp'], 'probe' | 'across'>
  /** Makes the token by which the rendezvous port knows the connection; 32 hex digits. */
  readonly issueToken: (id: ConnectionId, user: string) => string
  readonly revokeToken: (token: string) => void
  readonly publish: (event: ServerEvent) => void
  /** The connection came to be signed in, or is not any more. */
  readonly onSignedIn: (connection: ControlConnection) => void
  readonly onSignedOut: (connection: ControlConnection) => void
  /** The connection is over; if it was signed in, `onSignedOut` came before. */
  readonly onClosed: (connection: ControlConnection) => void
}

/** One client's control connection: hello, sign-in, then requests, answered in their order. */
export class ControlConnection implements LineHandler, DirectoryClient {
  readonly id: ConnectionId
  readonly address: string
  readonly #deps: ControlDeps
  readonly #socket: TLSSocket
  readonly #lines: LineConnection
  readonly #bucket: TokenBucket
  #hasGreeted = false
  /** Set while signed in. */
  #account: Account | undefined
  /** What plugins and links see of it; set while signed in. */
  #client: ExtensionClient | undefined
  /** Plugins of the client, with their versions. */
  #plugins: Readonly<Record<string, number>> = {}
  /** Messages to plugins that are not answered yet. */
  #unanswered = 0
  #token = ''
  /** While a password is checked or the rate is exceeded, nothing is read. */
  #isBusy = false
  #isClosed = false
  /** How its user goes when the connection closes. */
  #departure: 'vanished' | 'server stopped' = 'vanished'
  /** True once it is only waited for the client to read the last words. */
  #isEnding = false
  /** When it is closed unless it signs in or says something. */
  #deadline: Instant

  constructor(id: ConnectionId, socket: TLSSocket, address: string, deps: ControlDeps) {
    this.id = id
    this.address = address
    this.#deps = deps
    this.#socket = socket
    this.#deadline = now() + millis(Math.min(HELLO_MS, deps.limits.signInTimeoutMs))
    this.#bucket = new TokenBucket(now(), { perSecond: deps.limits.requestsPerSecond, burst: deps.limits.requestBurst })
    this.#lines = new LineConnection(socket, MAX_LINE, this)
  }

  /** Canonical name of the signed-in user. */
  get user(): string | undefined {
    return this.#account?.user
  }

  /** True when it had its time to sign in. */
  isOverdue(at: Instant): boolean {
    return !this.#account && !this.#isBusy && !this.#isEnding && at >= this.#deadline
  }

  send(line: string): void {
    this.#lines.send(line)
  }

  close(): void {
    this.#isEnding = true
    this.#lines.end()
  }

  /** The server stops: the client is told. */
  stop(): void {
    this.#departure = 'server stopped'
    this.send(encodeNotification('server.closing', { reason: 'stopping' }))
    this.close()
  }

  handleLine(line: string): void {
    const message = decodeRpc(line)
    if (message.kind === 'invalid') {
      this.#refuse(message.id, message.error)
      if (message.isFatal) this.close()
    } else if (message.kind === 'request') {
      this.#deadline = now() + millis(this.#deps.limits.signInTimeoutMs)
      this.#handleRequest(message.id, message.method, message.params)
    }
    const wait = this.#bucket.take(now())
    if (wait > 0) this.#pauseFor(wait)
  }

  handleBroken(error: MsgError): void {
    this.#refuse(null, error.code === 'MSG_ERR_PROTOCOL' ? malformed(error) : toRpcError(error))
    this.close()
  }

  handleClosed(): void {
    this.#isClosed = true
    if (this.#account) this.#signOut(this.#departure)
    this.#deps.onClosed(this)
  }

  #handleRequest(id: RpcId, method: string, params: unknown): void {
    try {
      if (!isMethod(method)) throw new MsgError('MSG_ERR_METHOD_UNKNOWN', { detail: JSON.stringify(method) })
      const parsed = v.safeParse(METHODS[method].params, params)
      if (!parsed.success) {
        this.#refuse(
          id,
          invalidParams(`${v.getDotPath(parsed.issues[0]) ?? 'params'}: ${parsed.issues[0].message}`.slice(0, MAX_WHY)),
        )
        return
      }
      if (!this.#hasGreeted && method !== 'hello')
        throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'hello comes first' })
      this.#answer(id, method, parsed.output as never)
    } catch (error) {
      this.#refuse(id, toRpcError(error))
    }
  }

  #answer<M extends Method>(id: RpcId, method: M, params: Params<M>): void {
    switch (method) {
      case 'hello':
        this.#greet(id, params as Params<'hello'>)
        return
      case 'register':
      case 'login':
      case 'login.device':
        this.#signIn(id, method, params as Params<'register'>)
        return
      case 'signout': {
        this.#requireSignedIn()
        this.#signOut((params as Params<'signout'>).leave ? 'left' : 'signed-out')
        this.send(encodeResult(id, {}))
        return
      }
      case 'link.server':
        this.send(encodeResult(id, this.#extended().extensions.link(this.#extended().client)))
        return
      case 'plugin':
        this.#handlePlugin(id, params as Params<'plugin'>)
        return
      case 'plugin.answer':
        this.#extended().extensions.handleAnswer(this.#extended().client, params as Params<'plugin.answer'>)
        this.send(encodeResult(id, {}))
        return
      default: {
        this.#requireSignedIn()
        const request = method as DirectoryMethod
        this.#deps.host.run(
          (directory) => directory.handleRequest(now(), this.id, request, params as Params<typeof request>),
          (result) => this.send(encodeResult(id, result)),
        )
      }
    }
  }

  /** Answered when the plugin is done; other requests are answered meanwhile. */
  #handlePlugin(id: RpcId, message: Params<'plugin'>): void {
    const { extensions, client } = this.#extended()
    if (this.#unanswered >= MAX_UNANSWERED)
      throw new MsgError('MSG_ERR_LIMIT', { detail: `${MAX_UNANSWERED} messages to plugins wait for an answer` })
    this.#unanswered++
    void extensions
      .handleMessage(client, message)
      .then((payload) => this.send(encodeResult(id, { payload })))
      .catch((error: unknown) => this.#refuse(id, toRpcError(error)))
      .finally(() => this.#unanswered--)
  }

  /** A plugin that floods is told; the connection is not cut off for it. @throws MSG_ERR_CONNECTION_CLOSED, MSG_ERR_LIMIT */
  #tellPlugin(message: PluginNotice): void {
    if (this.#isClosed || !this.#account)
      throw new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'the client is gone' })
    if (this.#lines.queued > MAX_PLUGIN_QUEUED)
      throw new MsgError('MSG_ERR_LIMIT', { detail: 'the client does not read what it is told' })
    this.send(pluginLine(message))
  }

  /** @throws MSG_ERR_SIGN_IN_REQUIRED, MSG_ERR_PLUGIN_MISSING */
  #extended(): { extensions: Extensions; client: ExtensionClient } {
    this.#requireSignedIn()
    const { extensions } = this.#deps
    if (!extensions || !this.#client) throw new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: 'any plugin' })
    return { extensions, client: this.#client }
  }

  #greet(id: RpcId, { protocol, plugins }: Params<'hello'>): void {
    if (this.#hasGreeted) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'hello comes once' })
    if (protocol !== CONTROL_PROTOCOL) {
      this.#refuse(
        id,
        toRpcError(
          new MsgError('MSG_ERR_VERSION', { detail: `the server speaks ${CONTROL_PROTOCOL}, the client ${protocol}` }),
        ),
      )
      this.close()
      return
    }
    this.#hasGreeted = true
    this.#plugins = plugins
    const { name, version, extensions } = this.#deps
    this.send(
      encodeResult(id, {
        protocol: CONTROL_PROTOCOL,
        server: name,
        version,
        time: new Date().toISOString(),
        plugins: extensions?.versions ?? {},
        packages: extensions?.packages ?? {},
      } satisfies Result<'hello'>),
    )
  }

  #signIn(id: RpcId, method: 'register' | 'login' | 'login.device', params: Params<'register'>): void {
    if (this.#account) throw new MsgError('MSG_ERR_SIGNED_IN', { detail: this.#account.name })
    this.#isBusy = true
    this.#lines.pause()
    this.#prove(method, params)
      .then((account) => {
        if (this.#isClosed) return
        if (method === 'register') this.#deps.publish({ type: 'registered', user: account.name })
        this.#enter(id, account, params)
      })
      .catch((error: unknown) => {
        if (
          MsgError.is(error) &&
          ['MSG_ERR_SIGN_IN_FAILED', 'MSG_ERR_DEVICE_UNKNOWN', 'MSG_ERR_SIGN_IN_DENIED'].includes(error.code)
        ) {
          this.#deps.publish({ type: 'sign-in.failed', user: params.user, address: this.address })
        }
        this.#refuse(id, toRpcError(error))
      })
      .finally(() => {
        this.#isBusy = false
        this.#lines.resume()
      })
  }

  async #prove(method: 'register' | 'login' | 'login.device', params: Params<'register'>): Promise<Account> {
    const { desk } = this.#deps
    const origin = { address: this.address, exporter: exporterOf(this.#socket) }
    const authorize = async (user: string): Promise<void> =>
      this.#deps.extensions?.authorize({ user, address: this.address, isNew: method === 'register' })
    if (method === 'register') return await desk.register(params, origin, authorize)
    const account = method === 'login' ? await desk.login(params, origin) : desk.loginDevice(params, origin)
    await authorize(account.name)
    return account
  }

  #enter(id: RpcId, account: Account, { instance, device, listening, status: wanted }: Params<'login'>): void {
    const { host, udpPort, probePort, elsewhere, issueToken, onSignedIn, extensions } = this.#deps
    host.run(
      (directory) => {
        const { address } = this
        return directory.signIn(now(), this.id, { account, instance, device, listening, status: wanted, address })
      },
      ({ status }) => {
        this.#account = account
        this.#token = issueToken(this.id, account.user)
        host.attach(this.id, this)
        onSignedIn(this)
        const { name: user, virtualAddress } = account
        const other = probePort?.()
        this.send(
          encodeResult(id, {
            user,
            virtualAddress,
            status,
            udp: {
              port: udpPort(),
              ...(other === undefined ? {} : { probePort: other }),
              ...elsewhere?.(normalizeHost(this.#socket.localAddress ?? '')),
              token: this.#token,
            },
          } satisfies Result<'login'>),
        )
        const tell = (message: PluginNotice): void => this.#tellPlugin(message)
        this.#client = { instance, device, user, listening, plugins: this.#plugins, tell }
        extensions?.handleSignedIn(this.#client)
      },
    )
  }

  /** @throws MSG_ERR_STORAGE_FAILED when it `left` and that cannot be kept; it is still signed in then. */
  #signOut(how: Departure): void {
    const { host, revokeToken, onSignedOut, extensions } = this.#deps
    host.run((directory) => directory.remove(now(), this.id, how))
    this.#account = undefined
    if (this.#client) extensions?.handleSignedOut(this.#client, how === 'left' || how === 'signed-out')
    this.#client = undefined
    revokeToken(this.#token)
    host.detach(this.id)
    onSignedOut(this)
  }

  #requireSignedIn(): void {
    if (!this.#account) throw new MsgError('MSG_ERR_SIGN_IN_REQUIRED')
  }

  #refuse(id: RpcId | null, error: RpcError): void {
    this.send(encodeError(id, error))
  }

  /** Over the rate: the rest waits in the client's own buffers. */
  #pauseFor(wait: number): void {
    this.#lines.pause()
    const retry = (): void => {
      const more = this.#bucket.take(now())
      if (more > 0) this.#pauseFor(more)
      else if (!this.#isBusy) this.#lines.resume()
    }
    setTimeout(retry, Math.ceil(wait / 1_000))
  }
}

function isMethod(name: string): name is Method {
  return Object.hasOwn(METHODS, name)
}

/** Implementation: time for TLS to end in a `hello`, milliseconds; nobody types it. */
const HELLO_MS = 10_000
/** Bytes that a client has not read, beyond which plugins tell it no more; a quarter of what cuts it off. */
const MAX_PLUGIN_QUEUED = 262_144
/** Messages to plugins of one connection that are being answered at a time. */
const MAX_UNANSWERED = 32
/** Longest explanation of a refused parameter, UTF-16 units. */
const MAX_WHY = 200
