import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { Admission } from '../control/admission.ts'
import type { ConnectionId } from '../control/state.ts'
import { TokenBucket } from '../time/token-bucket.ts'
import { MsgError } from '../errors.ts'
import type { ServerCertificate } from '../io/certificate.ts'
import { now } from '../io/clock.ts'
import { EventHub } from '../io/event-hub.ts'
import { Passwords } from '../io/passwords.ts'
import { MetricsListener } from '../io/metrics-listener.ts'
import { RendezvousSocket } from '../io/rendezvous-socket.ts'
import { TlsListener } from '../io/tls-listener.ts'
import type { Store } from '../store/store.ts'
import { formatAddress, type HostPort } from '../wire/address.ts'
import { LEG_PROTOCOL } from '../wire/relay-leg.ts'
import { VERSION } from '../version.ts'
import { AdminSocket } from './admin-socket.ts'
import type { PluginCommand } from '../plugins/commands.ts'
import type { Server, ServerEvent, ServerStatus } from './api.ts'
import { ControlConnection, type ControlDeps } from './control-connection.ts'
import type { DataDir } from './data-dir.ts'
import { DirectoryHost } from './directory-host.ts'
import { Extensions } from './extensions.ts'
import { relayLimits } from './limits.ts'
import { ServerMetrics } from './metrics.ts'
import type { ResolvedServerOptions } from './options.ts'
import { Overview } from './overview.ts'
import { RelayHost } from './relay-host.ts'
import type { RelayLeg } from './relay-leg.ts'
import { SignInDesk } from './sign-in.ts'
import { WatchedStore } from './watched-store.ts'

/** What a {@link RunningServer} runs on; it closes them when it stops. */
export interface ServerParts {
  readonly dataDir: DataDir
  readonly store: Store
  readonly certificate: ServerCertificate
}

/** The server behind {@link createServer}. */
export class RunningServer implements Server {
  readonly stopped: Promise<void>
  readonly users: Overview['users']
  readonly sessions: Overview['sessions']
  readonly rooms: Overview['rooms']
  readonly members: Overview['members']
  readonly relays: Overview['relays']
  readonly #options: ResolvedServerOptions
  readonly #parts: ServerParts
  readonly #events = new EventHub<ServerEvent>()
  readonly #store: Store
  readonly #admission: Admission
  readonly #host: DirectoryHost
  readonly #extensions: Extensions
  /** `undefined` where nothing is relayed. */
  readonly #relay: RelayHost | undefined
  /** Rendezvous tokens of signed-in connections. */
  readonly #tokens = new Map<string, { readonly id: ConnectionId; readonly budget: TokenBucket }>()
  readonly #strangers = new Set<ControlConnection | RelayLeg>()
  readonly #signedIn = new Set<ControlConnection>()
  /** Telling of refusals must not become a flood itself. */
  readonly #refusals = new TokenBucket(now(), { perSecond: 5, burst: 20 })
  readonly #startedAt = new Date().toISOString()
  readonly #deps: ControlDeps
  readonly #sweep: NodeJS.Timeout
  #tls: TlsListener | undefined
  #udp: RendezvousSocket | undefined
  #probe: RendezvousSocket | undefined
  #admin: AdminSocket | undefined
  #metrics: Metrics | undefined
  readonly #counts = { signIns: 0, failedSignIns: 0, refusals: 0, answered: 0, unknown: 0, rate: 0 }
  #lastId = 0
  #closing: Promise<void> | undefined
  #resolveStopped!: () => void
  /** What was told before anybody listened, for whoever listens first. */
  readonly #early: ServerEvent[] = []
  #isHeard = false

  private constructor(options: ResolvedServerOptions, parts: ServerParts) {
    this.#options = options
    this.#parts = parts
    this.#admission = new Admission(options.limits)
    this.#store = new WatchedStore(parts.store, (event) => this.#events.publish(event))
    this.#relay = options.relay ? this.#createRelay() : undefined
    const onVisible = (user: string, isVisible: boolean): void => this.#extensions.handleVisible(user, isVisible)
    this.#host = new DirectoryHost(this.#store, options.limits, this.#events, onVisible, this.#relay)
    this.#extensions = new Extensions({
      keyPath: parts.dataDir.file('server-link.key'),
      storageDir: parts.dataDir.file('plugins'),
      consoleCommands: options.consoleCommands,
      publish: (event) => this.#events.publish(event),
    })
    const overview = new Overview(this.#store, this.#host.directory, this.#signedIn, this.#relay)
    this.users = (filter) => overview.users(filter)
    this.sessions = () => overview.sessions()
    this.rooms = () => overview.rooms()
    this.members = (room) => overview.members(room)
    this.relays = () => overview.relays()
    this.#deps = this.#controlDeps()
    // One timer for every connection that has not signed in.
    this.#sweep = setInterval(() => this.#closeOverdue(), Math.min(SWEEP_MS, options.limits.signInTimeoutMs))
    this.stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve
    })
  }

  /** Starts the plugins, binds the ports and lets others know. @throws MSG_ERR_PORT_IN_USE, MSG_ERR_CONFIG_INVALID; the parts are the caller's then. */
  static async start(options: ResolvedServerOptions, parts: ServerParts): Promise<Server> {
    const server = new RunningServer(options, parts)
    try {
      void server.#tellPlugins()
      await server.#extensions.start(options.plugins)
      await server.#listen()
    } catch (error) {
      await server.#release()
      throw error
    }
    return server
  }

  get address(): Server['address'] {
    const { host, port } = this.#tls?.address ?? { host: '', port: 0 }
    const { fingerprint } = this.#parts.certificate
    const metrics = this.#metrics && { metrics: formatAddress(this.#metrics.listener.address) }
    return { host, port, udpPort: this.#udp?.port ?? 0, probePort: this.#probe?.port ?? 0, fingerprint, ...metrics }
  }

  get commands(): readonly PluginCommand[] {
    return this.#extensions.commands
  }

  events(): AsyncIterableIterator<ServerEvent> {
    const queue = this.#events.subscribe()
    for (const event of this.#early.splice(0)) queue.push(event)
    this.#isHeard = true
    return queue
  }

  async status(): Promise<ServerStatus> {
    const { listings } = this.#host.directory
    return {
      name: this.#options.name,
      version: VERSION,
      pid: process.pid,
      ...this.address,
      dataDir: this.#parts.dataDir.path,
      startedAt: this.#startedAt,
      accounts: this.#store.size,
      connections: this.#signedIn.size,
      sessions: listings.allSessions().length,
      rooms: listings.allRooms().length,
      rss: process.memoryUsage.rss(),
      plugins: this.#extensions.status(),
    }
  }

  stop(): Promise<void> {
    return this.close()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Plugins hear what the log tells; what is told during the start is kept. */
  async #tellPlugins(): Promise<void> {
    for await (const event of this.#events.subscribe()) {
      if (!this.#isHeard && this.#early.length < MAX_EARLY) this.#early.push(event)
      if (event.type === 'signed-in') this.#counts.signIns++
      if (event.type === 'sign-in.failed') this.#counts.failedSignIns++
      this.#extensions.handleEvent(event)
    }
  }

  async #close(): Promise<void> {
    this.#tls?.stop()
    this.#host.close()
    for (const connection of [...this.#signedIn, ...this.#strangers]) connection.stop()
    await this.#tls?.drain(GRACE_MS)
    try {
      await this.#release()
      this.#store.close()
    } finally {
      this.#parts.dataDir.close()
      this.#events.publish({ type: 'stopped' })
      this.#events.close()
      this.#resolveStopped()
    }
  }

  /** Frees what was opened so far. */
  async #release(): Promise<void> {
    clearInterval(this.#sweep)
    this.#host.close()
    this.#relay?.close()
    this.#tls?.stop()
    this.#metrics?.source.close()
    await this.#metrics?.listener.close()
    await this.#extensions.close()
    await this.#udp?.close()
    await this.#probe?.close()
    await this.#admin?.close()
  }

  async #listen(): Promise<void> {
    const { host, port, limits } = this.#options
    const { cert, key, fingerprint } = this.#parts.certificate
    this.#tls = await TlsListener.listen({
      host,
      port,
      cert,
      key,
      ...(this.#relay ? { protocols: [LEG_PROTOCOL] } : {}),
      handshakeMs: Math.min(HANDSHAKE_MS, limits.signInTimeoutMs),
      admit: (address) => this.#admit(address),
      onConnection: (socket, address) => {
        const leg = socket.alpnProtocol === LEG_PROTOCOL ? this.#relay?.accept(socket, address) : undefined
        this.#strangers.add(leg ?? new ControlConnection(++this.#lastId, socket, address, this.#deps))
      },
      onClosed: (address) => this.#admission.leave(address),
    })
    const bound = this.#tls.address
    this.#udp = await this.#bindUdp(bound)
    this.#probe = await this.#bindProbe(bound)
    this.#extensions.attach(this.#udp.socket)
    this.#relay?.attach(this.#udp.socket)
    if (this.#options.metrics) this.#metrics = await this.#listenMetrics(this.#options.metrics)
    this.#admin = await AdminSocket.listen(this.#parts.dataDir.path, this)
    this.#parts.dataDir.announce({
      ...bound,
      pid: process.pid,
      startedAt: this.#startedAt,
      udpPort: this.#udp.port,
      fingerprint,
      admin: this.#admin.path,
    })
  }

  /** The UDP port has the TCP port's number unless it was given another, or both may be any. */
  async #bindUdp({ host, port }: HostPort): Promise<RendezvousSocket> {
    const onRequest = (token: string, from: HostPort, spelled: HostPort, isProven: boolean): boolean => {
      const id = this.#asking(token)
      if (id === undefined) return false
      this.#relay?.see(id, spelled, isProven)
      this.#host.run((directory) => directory.handleObserved(id, from))
      return true
    }
    const address = isIP(host) ? host : this.#options.host
    const wanted = this.#options.udpPort
    const relay = this.#relay
    const onRelayed = relay && ((from: HostPort, bytes: Uint8Array): void => void relay.handleDatagram(from, bytes))
    const binding = { offload: this.#extensions.hasLinks, ...(onRelayed ? { onRelayed } : {}) }
    try {
      return await RendezvousSocket.bind(address, wanted ?? port, onRequest, binding)
    } catch (error) {
      const isAnyGood = wanted === undefined && this.#options.port === 0
      if (!isAnyGood || !MsgError.is(error) || error.code !== 'MSG_ERR_PORT_IN_USE') throw error
      return RendezvousSocket.bind(address, 0, onRequest, binding)
    }
  }

  /** Answers what it is asked and notes nothing: behind some NATs it sees an address that is good for nobody else. */
  async #bindProbe({ host }: HostPort): Promise<RendezvousSocket> {
    const address = isIP(host) ? host : this.#options.host
    return RendezvousSocket.bind(address, this.#options.probePort, (token) => this.#asking(token) !== undefined)
  }

  /** Whose request that is; `undefined` when it is nobody's, or one too many. */
  #asking(token: string): ConnectionId | undefined {
    const known = this.#tokens.get(token)
    const isInTime = known?.budget.take(now()) === 0
    this.#counts[known ? (isInTime ? 'answered' : 'rate') : 'unknown']++
    return isInTime ? known?.id : undefined
  }

  #createRelay(): RelayHost {
    const { limits } = this.#options
    return new RelayHost({
      limits: relayLimits(limits),
      timeoutMs: Math.min(HANDSHAKE_MS, limits.signInTimeoutMs),
      connectionOf: (token) => this.#tokens.get(token)?.id,
      onAttached: (id) => this.#host.run((directory) => directory.handleAttached(id)),
      onLeg: (leg, isKnown) => {
        if (isKnown) this.#strangers.delete(leg)
        this.#admission[isKnown ? 'signedIn' : 'signedOut'](leg.address)
      },
      onClosed: (leg) => void this.#strangers.delete(leg),
    })
  }

  async #listenMetrics(address: HostPort): Promise<Metrics> {
    const source = new ServerMetrics(() => {
      const { answered, unknown, rate, ...counts } = this.#counts
      return {
        ...counts,
        version: VERSION,
        startedAt: Date.parse(this.#startedAt) / 1_000,
        connections: this.#signedIn.size,
        open: this.#admission.open,
        rendezvous: { answered, unknown, rate },
        introductions: this.#host.introductions,
        relay: this.#relay?.totals,
      }
    })
    try {
      return { source, listener: await MetricsListener.listen(address, () => source.text()) }
    } catch (error) {
      source.close()
      throw error
    }
  }

  #admit(address: string): boolean {
    const reason = this.#admission.enter(address)
    if (reason === undefined) return true
    this.#counts.refusals++
    if (this.#refusals.take(now()) === 0) this.#events.publish({ type: 'refused', address, reason })
    return false
  }

  #closeOverdue(): void {
    const at = now()
    for (const connection of this.#strangers) {
      if (!connection.isOverdue(at)) continue
      this.#counts.refusals++
      this.#events.publish({ type: 'refused', address: connection.address, reason: 'did not sign in' })
      connection.close()
    }
  }

  #controlDeps(): ControlDeps {
    const { limits, name, passwordCost } = this.#options
    return {
      host: this.#host,
      desk: new SignInDesk(this.#store, new Passwords({ cost: passwordCost })),
      limits,
      name,
      version: VERSION,
      extensions: this.#extensions,
      udpPort: () => this.address.udpPort,
      probePort: () => this.#probe?.port,
      issueToken: (id, user) => {
        const token = randomBytes(TOKEN_SIZE).toString('hex')
        this.#tokens.set(token, {
          id,
          budget: new TokenBucket(now(), { perSecond: RENDEZVOUS_PER_SECOND, burst: RENDEZVOUS_BURST }),
        })
        this.#relay?.enter(id, user)
        return token
      },
      revokeToken: (token) => {
        const id = this.#tokens.get(token)?.id
        this.#tokens.delete(token)
        if (id !== undefined) this.#relay?.leave(id)
      },
      publish: (event) => this.#events.publish(event),
      onSignedIn: (connection) => {
        this.#strangers.delete(connection)
        this.#signedIn.add(connection)
        this.#admission.signedIn(connection.address)
      },
      onSignedOut: (connection) => {
        this.#signedIn.delete(connection)
        this.#strangers.add(connection)
        this.#admission.signedOut(connection.address)
      },
      onClosed: (connection) => void this.#strangers.delete(connection),
    }
  }
}

interface Metrics {
  readonly source: ServerMetrics
  readonly listener: MetricsListener
}

/** Events that are kept for the first listener. */
const MAX_EARLY = 1_000
/** Specification: rendezvous requests of one connection, on both ports together. A client that is not answered sends three in its first second. */
const RENDEZVOUS_PER_SECOND = 2
const RENDEZVOUS_BURST = 20
/** Specification: bytes of a rendezvous token. */
const TOKEN_SIZE = 16
/** Implementation, milliseconds: how often connections that have not signed in are looked at. */
const SWEEP_MS = 1_000
/** Implementation, milliseconds: time for a TLS handshake. */
const HANDSHAKE_MS = 10_000
/** Implementation, milliseconds: time for clients to read that the server stops. */
const GRACE_MS = 1_000
