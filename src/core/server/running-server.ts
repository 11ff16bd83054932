import { isIP } from 'node:net'
import { Admission } from '../control/admission.ts'
import { TokenBucket } from '../time/token-bucket.ts'
import type { ServerCertificate } from '../io/certificate.ts'
import { now } from '../io/clock.ts'
import { EventHub } from '../io/event-hub.ts'
import { Passwords } from '../io/passwords.ts'
import { MetricsListener } from '../io/metrics-listener.ts'
import { TlsListener } from '../io/tls-listener.ts'
import type { UdpSocket } from '../io/udp-socket.ts'
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
import { Rendezvous } from './rendezvous.ts'
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
  readonly #rendezvous = new Rendezvous()
  readonly #strangers = new Set<ControlConnection | RelayLeg>()
  readonly #signedIn = new Set<ControlConnection>()
  /** Telling of refusals must not become a flood itself. */
  readonly #refusals = new TokenBucket(now(), { perSecond: 5, burst: 20 })
  readonly #startedAt = new Date().toISOString()
  readonly #deps: ControlDeps
  readonly #sweep: NodeJS.Timeout
  #tls: TlsListener | undefined
  #admin: AdminSocket | undefined
  #metrics: Metrics | undefined
  readonly #counts = { signIns: 0, failedSignIns: 0, refusals: 0 }
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
    return {
      host,
      port,
      udpPort: this.#rendezvous.port,
      probePort: this.#rendezvous.probePort ?? 0,
      fingerprint,
      ...metrics,
    }
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
    await this.#rendezvous.close()
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
    const udp = await this.#openRendezvous(bound)
    this.#extensions.attach(udp)
    this.#relay?.attach(udp)
    if (this.#options.metrics) this.#metrics = await this.#listenMetrics(this.#options.metrics)
    this.#admin = await AdminSocket.listen(this.#parts.dataDir.path, this)
    this.#parts.dataDir.announce({
      ...bound,
      pid: process.pid,
      startedAt: this.#startedAt,
      udpPort: this.#rendezvous.port,
      fingerprint,
      admin: this.#admin.path,
    })
  }

  /** The UDP port has the TCP port's number unless it was given another, or both may be any. */
  #openRendezvous({ host, port }: HostPort): Promise<UdpSocket> {
    const { host: wanted, port: tcpPort, udpPort, probePort } = this.#options
    const relay = this.#relay
    return this.#rendezvous.open({
      host: wanted,
      address: isIP(host) ? host : wanted,
      port: udpPort ?? port,
      isAnyGood: udpPort === undefined && tcpPort === 0,
      probePort,
      socket: {
        offload: this.#extensions.hasLinks,
        ...(relay ? { onRelayed: (from, bytes) => void relay.handleDatagram(from, bytes) } : {}),
      },
      onSeen: (id, from, spelled, isProven) => {
        // The relay sends to one address only: that of the family by which everything else goes.
        const isMain = this.#host.run((directory) => directory.handleObserved(id, from, isProven))
        if (isMain) relay?.see(id, spelled, isProven)
      },
    })
  }

  #createRelay(): RelayHost {
    const { limits } = this.#options
    return new RelayHost({
      limits: relayLimits(limits),
      timeoutMs: Math.min(HANDSHAKE_MS, limits.signInTimeoutMs),
      connectionOf: (token) => this.#rendezvous.ownerOf(token),
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
      return {
        ...this.#counts,
        version: VERSION,
        startedAt: Date.parse(this.#startedAt) / 1_000,
        connections: this.#signedIn.size,
        open: this.#admission.open,
        rendezvous: this.#rendezvous.counts,
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
      probePort: () => this.#rendezvous.probePort,
      elsewhere: (local) => this.#rendezvous.elsewhere(local),
      issueToken: (id, user) => {
        const token = this.#rendezvous.issue(id)
        this.#relay?.enter(id, user)
        return token
      },
      revokeToken: (token) => {
        const id = this.#rendezvous.revoke(token)
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
/** Implementation, milliseconds: how often connections that have not signed in are looked at. */
const SWEEP_MS = 1_000
/** Implementation, milliseconds: time for a TLS handshake. */
const HANDSHAKE_MS = 10_000
/** Implementation, milliseconds: time for clients to read that the server stops. */
const GRACE_MS = 1_000
