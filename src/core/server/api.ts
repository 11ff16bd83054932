import type { RelayDrop } from '../control/relay.ts'
import type { PluginCommand } from '../plugins/commands.ts'
import type { ConfiguredPlugin, PluginStatus } from '../plugins/define.ts'
import type { ServerEvent } from './events.ts'

export type { RelayDrop } from '../control/relay.ts'
export type { ServerEvent } from './events.ts'

/** What {@link createServer} takes. */
export interface ServerOptions {
  /** Where accounts, rooms, certificate and the admin socket live. @default the XDG data directory, or MSG_DATA_DIR, plus `/server` */
  readonly dataDir?: string
  /** @default '::' (every address, IPv4 too) or '0.0.0.0' where there is no IPv6 */
  readonly host?: string
  /** TCP; 0 takes any free one. @default 7788 */
  readonly port?: number
  /** UDP; 0 takes any free one. @default the TCP port's number */
  readonly udpPort?: number
  /** UDP, a second one by which clients learn how their router maps them; 0 takes any free one. @default 0 */
  readonly probePort?: number
  /** Shown to clients. @default the host name */
  readonly name?: string
  /** PEM files to use instead of the self-signed certificate. */
  readonly cert?: string
  readonly key?: string
  /** Passes on what introduced connections send each other where nothing else reaches, over UDP and TLS. @default true */
  readonly relay?: boolean
  /** Answers `GET /metrics` there, for Prometheus: `port` on loopback, or `host:port`; 0 takes any free port. @default nowhere */
  readonly metrics?: string
  readonly limits?: Partial<ServerLimits>
  /** Cost of argon2id; tests lower it. @default 'interactive' */
  readonly passwordCost?: 'interactive' | 'minimal'
  /** Server halves of plugins, started in this order except where one requires another. One that does not start is told as an event and left out. */
  readonly plugins?: readonly ConfiguredPlugin[]
  /** Names of the console's own commands, which plugins must not take. @default none */
  readonly consoleCommands?: readonly string[]
}

/** Every number is also documented in docs/LIMITS.md, which a test compares. */
export interface ServerLimits {
  /** Open connections in all, and per remote address before sign-in. */
  readonly connections: number
  readonly unauthenticatedPerAddress: number
  /** Milliseconds a connection may take to sign in or talk before it is closed. */
  readonly signInTimeoutMs: number
  readonly connectionsPerUser: number
  readonly roomsPerUser: number
  readonly membersPerRoom: number
  readonly sessionsPerUser: number
  /** Requests a second that one connection may make, and the burst. */
  readonly requestsPerSecond: number
  readonly requestBurst: number
  /** Milliseconds a session request rings. */
  readonly ringMs: number
  /** Milliseconds after which a vanished user's sessions and room places are given up. */
  readonly vanishedMs: number
  /** Bytes a second that the relay passes on: of one channel, of what one user sends, of the whole server. */
  readonly relayChannelRate: number
  readonly relayUserRate: number
  readonly relayServerRate: number
  /** Bytes a day (UTC) that the relay passes on of what one user sends. */
  readonly relayQuota: number
}

export interface ServerUser {
  readonly user: string
  readonly status: 'active' | 'inactive' | 'offline'
  readonly virtualAddress: string
  readonly connections: number
  /** Remote addresses of the connections. */
  readonly addresses: readonly string[]
}
export interface ServerSession {
  readonly users: readonly [string, string]
  /** `ringing` until accepted; `waiting` while one of the two is away. */
  readonly state: 'ringing' | 'open' | 'waiting'
  /** ISO 8601. */
  readonly since: string
}
export interface ServerRoom {
  readonly room: string
  readonly owner: string
  readonly members: number
}
/** Two connections that reach each other through the relay. */
export interface ServerRelay {
  readonly users: readonly [string, string]
  /** What each of the two sent, bytes of UDP payload. */
  readonly bytes: readonly [number, number]
  /** Bytes a second in both directions, of the last seconds. */
  readonly rate: number
  /** When it came into use; ISO 8601. */
  readonly since: string
  /** How each of the two reaches the relay. */
  readonly via: readonly ['udp' | 'tls', 'udp' | 'tls']
}
/** What the relay did since the server started. */
export interface ServerRelays {
  /** False where the server relays nothing; then every number is 0. */
  readonly enabled: boolean
  /** Passed on, and bytes of UDP payload. */
  readonly datagrams: number
  readonly bytes: number
  /** Datagrams that were not passed on, by reason. */
  readonly drops: Readonly<Record<RelayDrop, number>>
  /** One for each pair of connections that was introduced. */
  readonly channels: number
  /** Connections that reach the relay over TLS. */
  readonly legs: number
  /** The channels that carried something in the last five minutes, busiest first. */
  readonly relays: readonly ServerRelay[]
}
export interface ServerStatus {
  readonly name: string
  readonly version: string
  readonly pid: number
  readonly host: string
  readonly port: number
  readonly udpPort: number
  readonly probePort: number
  readonly fingerprint: string
  /** Where metrics are answered, `host:port`; absent where they are not. */
  readonly metrics?: string
  readonly dataDir: string
  readonly startedAt: string
  readonly accounts: number
  readonly connections: number
  readonly sessions: number
  readonly rooms: number
  /** Resident memory, bytes. */
  readonly rss: number
  readonly plugins: readonly PluginStatus[]
}

/** What the console and the admin socket ask; the admin client implements it too. */
export interface ServerAdmin {
  users(options?: { connected?: boolean }): Promise<ServerUser[]>
  sessions(): Promise<ServerSession[]>
  rooms(): Promise<ServerRoom[]>
  /** @throws MSG_ERR_ROOM_UNKNOWN */
  members(room: string): Promise<{ room: string; owner: string; members: Array<{ user: string; present: boolean }> }>
  /** What goes through the relay. */
  relays(): Promise<ServerRelays>
  status(): Promise<ServerStatus>
  /** Tells the clients, then stops. */
  stop(): Promise<void>
}

/** A running server. */
export interface Server extends ServerAdmin {
  readonly address: {
    readonly host: string
    readonly port: number
    readonly udpPort: number
    readonly probePort: number
    readonly fingerprint: string
    /** Where metrics are answered, `host:port`; absent where they are not. */
    readonly metrics?: string
  }
  /** What plugins add to the console. */
  readonly commands: readonly PluginCommand[]
  events(): AsyncIterableIterator<ServerEvent>
  /** Resolves when the server has stopped, whoever stopped it. */
  readonly stopped: Promise<void>
  /** Graceful: tells clients, waits for writes, frees everything. Same as {@link ServerAdmin.stop}. */
  close(): Promise<void>
}

/** A connection to the admin socket of the server that holds a data directory. */
export interface AdminClient extends ServerAdmin {
  close(): void
}
