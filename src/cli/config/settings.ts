import { homedir } from 'node:os'
import { join } from 'node:path'

/** A value as settings hold it: text, a switch, a number, or the options of plugins by their ids. */
export type SettingValue = string | number | boolean | PluginOptions

/** What the configuration says to each plugin, by its id: options, or `false` to leave it out. */
export type PluginOptions = Readonly<Record<string, object | false>>

/** What kind of value a setting takes; says how text from flags and the environment is read. */
export type SettingKind =
  | { readonly type: 'text' }
  | { readonly type: 'path' }
  | { readonly type: 'switch' }
  /** Inclusive bounds. */
  | { readonly type: 'number'; readonly min: number; readonly max: number }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'plugins' }

/** One row of the table of settings. */
export interface SettingSpec {
  readonly kind: SettingKind
  /** Environment variable. */
  readonly env: string
  /** Flag without the dashes; `undefined` where only the environment or a file sets it. */
  readonly flag?: string
  readonly summary: string
  /** The value when nothing sets it; a function when it depends on the machine or on other settings. */
  readonly fallback?: SettingValue | ((context: FallbackContext) => string)
  /** Said in help instead of a machine's own value. */
  readonly fallbackText?: string
  /** False for settings that decide where files are found; `user` for what the file of a folder that somebody downloaded must not say. @default true */
  readonly inFiles?: boolean | 'user'
}

/** What a computed default may look at. */
export interface FallbackContext {
  readonly env: Readonly<Record<string, string | undefined>>
  /** A setting resolved before this one; the table's order matters. */
  readonly value: (key: string) => SettingValue | undefined
}

const PORT = { type: 'number', min: 0, max: 65_535 } as const

/** So many bytes, or bytes a second. */
const BYTES = { type: 'number', min: 1, max: 1e15 } as const

/** Every setting: flags, environment names, files, documentation and `msg config show` all come from here. */
export const SETTINGS = {
  configDir: {
    kind: { type: 'path' },
    env: 'MSG_CONFIG_DIR',
    summary: 'where the user configuration lives',
    fallback: ({ env }) => join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'msg'),
    fallbackText: '$XDG_CONFIG_HOME/msg or ~/.config/msg',
    inFiles: false,
  },
  cacheDir: {
    kind: { type: 'path' },
    env: 'MSG_CACHE_DIR',
    summary: 'where what can be made again is kept',
    fallback: ({ env }) => join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'msg'),
    fallbackText: '$XDG_CACHE_HOME/msg or ~/.cache/msg',
    inFiles: false,
  },
  dataDir: {
    kind: { type: 'path' },
    env: 'MSG_DATA_DIR',
    flag: 'data-dir',
    summary: 'where sign-ins, messages and known servers are kept',
    fallback: ({ env }) => join(env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'msg'),
    fallbackText: '$XDG_DATA_HOME/msg or ~/.local/share/msg',
  },
  serverDir: {
    kind: { type: 'path' },
    env: 'MSG_SERVER_DIR',
    flag: 'data-dir',
    summary: "where the server's accounts, rooms and certificate are kept",
    fallback: ({ value }) => join(String(value('dataDir')), 'server'),
    fallbackText: '<dataDir>/server',
  },
  server: {
    kind: { type: 'text' },
    env: 'MSG_SERVER',
    flag: 'server',
    summary: 'the server to talk to: host, host:port or [v6]:port',
  },
  user: { kind: { type: 'text' }, env: 'MSG_USER', flag: 'user', summary: 'the user to sign in as' },
  fingerprint: {
    kind: { type: 'text' },
    env: 'MSG_FINGERPRINT',
    flag: 'fingerprint',
    summary: "the server's fingerprint (SHA256:…), instead of trust on first use",
  },
  accept: {
    kind: { type: 'choice', choices: ['ask', 'contacts', 'everyone'] },
    env: 'MSG_ACCEPT',
    flag: 'accept',
    summary: 'whose session requests are accepted unasked',
    fallback: 'ask',
  },
  keepOpen: {
    kind: { type: 'switch' },
    env: 'MSG_KEEP_OPEN',
    flag: 'keep-open',
    summary: 'keep earlier conversations open when another is opened',
    fallback: false,
  },
  congestion: {
    kind: { type: 'choice', choices: ['bbr', 'cubic', 'fast'] },
    env: 'MSG_CONGESTION',
    flag: 'congestion',
    summary: 'congestion control of links: how they share a path with others',
    fallback: 'bbr',
  },
  mapPort: {
    kind: { type: 'switch' },
    env: 'MSG_MAP_PORT',
    flag: 'map-port',
    summary: 'ask your router to open a UDP port while the client runs (UPnP, NAT-PMP)',
    fallback: false,
    inFiles: 'user',
  },
  guessPorts: {
    kind: { type: 'switch' },
    env: 'MSG_GUESS_PORTS',
    flag: 'guess-ports',
    summary: 'where one router gives every destination another port, guess which; both sides have to',
    fallback: false,
  },
  traceLinks: {
    kind: { type: 'path' },
    env: 'MSG_TRACE_LINKS',
    flag: 'trace-links',
    summary: 'file that every packet and measurement of the links is written to, as JSON lines',
  },
  linger: {
    kind: { type: 'number', min: 0, max: 86_400 },
    env: 'MSG_LINGER',
    flag: 'linger',
    summary: 'seconds the end of input waits for messages to be delivered',
    fallback: 10,
  },
  timeout: {
    kind: { type: 'number', min: 1, max: 86_400 },
    env: 'MSG_TIMEOUT',
    flag: 'timeout',
    summary: 'seconds a one-shot command may take',
    fallback: 30,
  },
  host: {
    kind: { type: 'text' },
    env: 'MSG_HOST',
    flag: 'host',
    summary: 'the address the server listens on',
    fallbackText: 'every address',
  },
  port: {
    kind: PORT,
    env: 'MSG_PORT',
    flag: 'port',
    summary: 'TCP port of the server; 0 takes any free one',
    fallback: 7788,
  },
  udpPort: {
    kind: PORT,
    env: 'MSG_UDP_PORT',
    flag: 'udp-port',
    summary: 'UDP port of the server; 0 takes any free one',
    fallbackText: "the TCP port's number",
  },
  probePort: {
    kind: PORT,
    env: 'MSG_PROBE_PORT',
    flag: 'probe-port',
    summary: 'second UDP port of the server, which shows clients what their router does; 0 takes any free one',
    fallbackText: 'any free one',
  },
  relay: {
    kind: { type: 'switch' },
    env: 'MSG_RELAY',
    flag: 'relay',
    summary: 'pass on what introduced people send each other where nothing else reaches',
    fallback: true,
  },
  relayChannelRate: {
    kind: BYTES,
    env: 'MSG_RELAY_CHANNEL_RATE',
    flag: 'relay-channel-rate',
    summary: 'bytes a second that the relay passes on between two connections',
    fallbackText: '4194304',
  },
  relayUserRate: {
    kind: BYTES,
    env: 'MSG_RELAY_USER_RATE',
    flag: 'relay-user-rate',
    summary: 'bytes a second that the relay passes on of what one user sends',
    fallbackText: '8388608',
  },
  relayServerRate: {
    kind: BYTES,
    env: 'MSG_RELAY_SERVER_RATE',
    flag: 'relay-server-rate',
    summary: 'bytes a second that the relay passes on in all',
    fallbackText: '33554432',
  },
  relayQuota: {
    kind: BYTES,
    env: 'MSG_RELAY_QUOTA',
    flag: 'relay-quota',
    summary: 'bytes a day that the relay passes on of what one user sends',
    fallbackText: '68719476736',
  },
  metrics: {
    kind: { type: 'text' },
    env: 'MSG_METRICS',
    flag: 'metrics',
    summary: 'where GET /metrics is answered for Prometheus: a port on loopback, or host:port; 0 takes any free port',
    fallbackText: 'nowhere',
  },
  name: {
    kind: { type: 'text' },
    env: 'MSG_NAME',
    flag: 'name',
    summary: 'the name the server shows to clients',
    fallbackText: 'the host name',
  },
  files: {
    kind: { type: 'path' },
    env: 'MSG_FILES',
    flag: 'files',
    summary: 'folder that signed-in people may list and download from (plugin file-download)',
  },
  plugins: {
    kind: { type: 'plugins' },
    env: 'MSG_PLUGINS',
    summary: 'options of plugins by their ids, false leaves one out: {"broadcast": {"perMinute": 3}}',
    inFiles: 'user',
  },
  cert: {
    kind: { type: 'path' },
    env: 'MSG_CERT',
    flag: 'cert',
    summary: 'PEM file with the certificate, instead of a self-signed one',
  },
  key: { kind: { type: 'path' }, env: 'MSG_KEY', flag: 'key', summary: 'PEM file with the key of --cert' },
} as const satisfies Record<string, SettingSpec>

/** A key of the {@link SETTINGS} table, as configuration files write it. */
export type SettingKey = keyof typeof SETTINGS

/** The table in its order, without the literal types. */
export const SETTING_ROWS = Object.entries(SETTINGS) as ReadonlyArray<readonly [SettingKey, SettingSpec]>
