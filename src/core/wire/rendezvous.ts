import { formatIp, parseIp, type HostPort } from './address.ts'

/**
 * The datagrams by which a client learns, and the server attests, the address its UDP socket is seen at.
 *
 * ```
 * request   0x20, token (16), zeros to 64 bytes
 * response  0x21, token (16), family (4 | 6), address (4 | 16), port (u16, big endian)
 * ```
 *
 * A response is never larger than its request, so a forged source address gains nothing. What does not decode is dropped in
 * silence.
 *
 * @packageDocumentation
 */

/** Tells the server's UDP port where the connection that owns `token` is. @param token - 16 bytes. */
export function encodeRequest(token: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(REQUEST_SIZE)
  bytes[0] = REQUEST
  bytes.set(token, 1)
  return bytes
}

/** The token of a request, a view into `bytes`; `undefined` when it is none. */
export function decodeRequest(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.byteLength === REQUEST_SIZE && bytes[0] === REQUEST ? bytes.subarray(1, 1 + TOKEN_SIZE) : undefined
}

/** The server's answer. @param address - an IP literal and port; IPv4-mapped is sent as IPv4. */
export function encodeResponse(token: Uint8Array, address: HostPort): Uint8Array {
  const ip = parseIp(address.host) ?? new Uint8Array(4)
  const bytes = new Uint8Array(2 + TOKEN_SIZE + ip.byteLength + 2)
  bytes[0] = RESPONSE
  bytes.set(token, 1)
  bytes[1 + TOKEN_SIZE] = ip.byteLength === 4 ? 4 : 6
  bytes.set(ip, 2 + TOKEN_SIZE)
  bytes[bytes.byteLength - 2] = address.port >> 8
  bytes[bytes.byteLength - 1] = address.port & 0xff
  return bytes
}

/** What the server saw, and the token it answers; `undefined` when `bytes` is no response. */
export function decodeResponse(
  bytes: Uint8Array,
): { readonly token: Uint8Array; readonly address: HostPort } | undefined {
  if (bytes[0] !== RESPONSE) return undefined
  const family = bytes[1 + TOKEN_SIZE]
  const ipSize = family === 4 ? 4 : family === 6 ? 16 : undefined
  if (ipSize === undefined || bytes.byteLength !== 2 + TOKEN_SIZE + ipSize + 2) return undefined
  const port = ((bytes.at(-2) ?? 0) << 8) | (bytes.at(-1) ?? 0)
  if (port === 0) return undefined
  const host = formatIp(bytes.subarray(2 + TOKEN_SIZE, 2 + TOKEN_SIZE + ipSize))
  return { token: bytes.subarray(1, 1 + TOKEN_SIZE), address: { host, port } }
}

/** Message types, disjoint from every packet type of a link. */
const REQUEST = 0x20
const RESPONSE = 0x21
const TOKEN_SIZE = 16
/** Bytes of a request. */
export const REQUEST_SIZE = 64
