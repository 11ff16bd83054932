import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { MsgError } from '../errors.ts'
import { ANY_HOST } from '../io/listen.ts'
import { defaultDataDir } from '../io/paths.ts'
import { DEFAULT_PORT, type HostPort } from '../wire/address.ts'
import type { ServerLimits, ServerOptions } from './api.ts'
import { resolveLimits } from './limits.ts'

/** {@link ServerOptions} with every default in place. */
export interface ResolvedServerOptions {
  readonly dataDir: string
  readonly host: string
  readonly port: number
  /** `undefined`: the number the TCP port got, or any free one when that is taken and `port` was 0. */
  readonly udpPort: number | undefined
  readonly probePort: number
  readonly name: string
  readonly certificate: { readonly cert: string; readonly key: string } | undefined
  readonly relay: boolean
  readonly metrics: HostPort | undefined
  readonly limits: ServerLimits
  readonly passwordCost: 'interactive' | 'minimal'
  readonly plugins: NonNullable<ServerOptions['plugins']>
  readonly consoleCommands: readonly string[]
}

/** Checks what was given and fills in the rest. @throws MSG_ERR_CONFIG_INVALID */
export function resolveOptions(options: ServerOptions): ResolvedServerOptions {
  const { cert, key, name = hostname() } = options
  if ((cert === undefined) !== (key === undefined)) throw invalid('cert and key go together')
  return Object.freeze({
    dataDir: resolveDataDir(options.dataDir),
    host: options.host ?? ANY_HOST,
    port: port('port', options.port ?? DEFAULT_PORT),
    udpPort: options.udpPort === undefined ? undefined : port('udpPort', options.udpPort),
    probePort: port('probePort', options.probePort ?? 0),
    name: [...name].slice(0, MAX_NAME).join('') || 'msg',
    certificate: cert !== undefined && key !== undefined ? { cert, key } : undefined,
    relay: options.relay ?? true,
    metrics: options.metrics === undefined ? undefined : metricsAddress(options.metrics),
    limits: resolveLimits(options.limits),
    passwordCost: options.passwordCost ?? 'interactive',
    plugins: options.plugins ?? [],
    consoleCommands: options.consoleCommands ?? [],
  })
}

/** The directory a server keeps its data in. */
export function resolveDataDir(given: string | undefined): string {
  return resolve(given ?? join(defaultDataDir(), 'server'))
}

/** `port` on loopback, or `host:port`. */
function metricsAddress(text: string): HostPort {
  const [, host = LOOPBACK, digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? []
  if (digits === '') throw invalid(`metrics is a port or host:port, not ${JSON.stringify(text.slice(0, 100))}`)
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: port('metrics', Number(digits)) }
}

function port(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw invalid(`${name} must be 0 to 65,535`)
  return value
}

function invalid(detail: string): MsgError {
  return new MsgError('MSG_ERR_CONFIG_INVALID', { detail })
}

/** Specification (`hello`): longest server name; code points, each at most two UTF-16 units. */
const MAX_NAME = 32
/** Where metrics are answered unless told otherwise. */
const LOOPBACK = '127.0.0.1'
