import { MsgError } from '../errors.ts'

/** A host name or IP literal (without brackets) and a port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** The port a server listens on unless told otherwise, TCP and UDP. */
export const DEFAULT_PORT = 7788

/**
 * Reads `host`, `host:port`, `v6` or `[v6]:port`.
 *
 * @throws MSG_ERR_USAGE when it is none of these or the port is not 1 to 65,535.
 */
export function parseAddress(text: string, defaultPort: number = DEFAULT_PORT): HostPort {
  const bracketed = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text)
  const plain = bracketed ?? /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [text, text, undefined]
  const host = plain[1] ?? ''
  const port = plain[2] === undefined ? defaultPort : Number(plain[2])
  const isV6 = host.includes(':') && parseIp(host) !== undefined
  const isHost = isV6 || (bracketed === null && HOST_NAME.test(host) && host.length <= MAX_HOST)
  if (!isHost || port < 1 || port > MAX_PORT) {
    throw new MsgError('MSG_ERR_USAGE', {
      detail: `not an address: ${JSON.stringify(text.slice(0, 300))}; write host, host:port or [v6]:port`,
    })
  }
  return { host, port }
}

/** The inverse of {@link parseAddress}: IPv6 literals get brackets. */
export function formatAddress({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * The bytes of an IP literal: 4 for IPv4 and for IPv4-mapped IPv6, 16 for IPv6. A zone (`%eth0`) is dropped.
 *
 * @returns `undefined` when `text` is not an IP literal.
 */
export function parseIp(text: string): Uint8Array | undefined {
  if (text.length > MAX_LITERAL) return undefined
  const literal = text.replace(ZONE, '')
  if (!literal.includes(':')) return parseV4(literal)
  const bytes = parseV6(literal)
  return bytes && MAPPED_PREFIX.every((byte, i) => bytes[i] === byte) ? bytes.slice(12) : bytes
}

/** The canonical text of 4 or 16 address bytes (IPv6: RFC 5952). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.byteLength === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
  let start = 0
  let length = 0
  for (let i = 0; i < 8; i++) {
    let n = 0
    while (groups[i + n] === 0) n++
    if (n > length) [start, length] = [i, n]
  }
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  return length < 2 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

/** One spelling for every address: IPv4-mapped becomes IPv4, IPv6 its canonical text; anything else is returned as it is. */
export function normalizeHost(host: string): string {
  const bytes = parseIp(host)
  return bytes ? formatIp(bytes) : host
}

/** True for 127.0.0.0/8 and ::1. Host names are not looked up: only literals can be loopback. */
export function isLoopback(host: string): boolean {
  const bytes = parseIp(host)
  if (!bytes) return false
  return bytes.byteLength === 4 ? bytes[0] === 127 : bytes.every((byte, i) => byte === (i === 15 ? 1 : 0))
}

/** True for addresses that only mean something nearby: RFC 1918, RFC 6598, link-local and unique local ones. Loopback is not among them. */
export function isPrivate(host: string): boolean {
  const bytes = parseIp(host)
  if (!bytes) return false
  const [a = 0, b = 0] = bytes
  if (bytes.byteLength === 16) return (a & 0xfe) === 0xfc || (a === 0xfe && (b & 0xc0) === 0x80)
  if (a === 10) return true
  if (a === 172) return (b & 0xf0) === 16
  if (a === 192) return b === 168
  if (a === 169) return b === 254
  return a === 100 && (b & 0xc0) === 64
}

function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined
  return Uint8Array.from(parts, Number)
}

function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half, i) => (half === '' ? [] : groupsOf(half, i === halves.length - 1)))
  if (!head || (halves.length === 2 && !tail)) return undefined
  const given = head.length + (tail?.length ?? 0)
  if (halves.length === 2 ? given > 7 : given !== 8) return undefined
  const groups = [...head, ...Array<number>(8 - given).fill(0), ...(tail ?? [])]
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}

/** The 16-bit groups of one side of `::`; dotted IPv4 at the very end counts as two. */
function groupsOf(half: string, isLast: boolean): number[] | undefined {
  const groups: number[] = []
  const parts = half.split(':')
  for (const [i, part] of parts.entries()) {
    const v4 = isLast && i === parts.length - 1 ? parseV4(part) : undefined
    if (v4) groups.push(((v4[0] ?? 0) << 8) | (v4[1] ?? 0), ((v4[2] ?? 0) << 8) | (v4[3] ?? 0))
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16))
    else return undefined
  }
  return groups
}

/** ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
const MAX_PORT = 65_535
/** Longest host name in DNS. */
const MAX_HOST = 253

/** What one party is counted by: an IPv4 address, or the /64 of an IPv6 one, all of which one machine can use at will. */
export function addressGroup(address: string): string {
  const bytes = parseIp(address)
  return bytes?.byteLength === 16 ? `${formatIp(bytes.fill(0, 8))}/64` : address
}

/** An IPv6 zone (RFC 4007 section 11). */
const ZONE = /(?<=:.*)%[\w.-]+$/
/** Longest literal worth parsing: 45 characters of IPv6 and a zone. */
const MAX_LITERAL = 64
/** Letters, digits, dots, hyphens and underscores, in any script: the resolver has the last word. */
const HOST_NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{N}\p{M}._-]*[\p{L}\p{N}\p{M}_.])?$/u
