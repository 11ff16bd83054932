import { formatIp, parseIp, type HostPort } from './address.ts'

/**
 * The datagrams by which a client learns, and the server attests, the address its UDP socket is seen at.
 *
 * ```
 * request   0x20, token (16), asks for a proof (0 | 1), proof (8) or zeros, zeros to 64 bytes
 * response  0x21, token (16), family (4 | 6), address (4 | 16), port (u16, big endian), proof (8) if it was asked for
 * ```
 *
 * A response is never larger than its request, so a forged source address gains nothing. Who says the proof of an answer in its next request
 * has got that answer, and so is where its requests say they come from. What does not decode is dropped in
 * silence.
 *
 * @packageDocumentation
 */

/**
 * Tells the server's UDP port where the connection that owns `token` is.
 *
 * @param token - 16 bytes.
 * @param proof - 8 bytes of the last answer, or {@link NO_PROOF} to ask for one. @default none is asked for
 */
export function encodeRequest(token: Uint8Array, proof?: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(REQUEST_SIZE)
  bytes[0] = REQUEST
  bytes.set(token, 1)
  if (!proof) return bytes
  bytes[PROOF_AT - 1] = 1
  bytes.set(proof, PROOF_AT)
  return bytes
}

/** The proof of a request that asks for one, a view into `bytes`; `undefined` when it does not. @param bytes - that {@link decodeRequest} takes. */
export function proofOf(bytes: Uint8Array): Uint8Array | undefined {
  return bytes[PROOF_AT - 1] === 1 ? bytes.subarray(PROOF_AT, PROOF_AT + PROOF_SIZE) : undefined
}

/** The token of a request, a view into `bytes`; `undefined` when it is none. */
export function decodeRequest(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.byteLength === REQUEST_SIZE && bytes[0] === REQUEST ? bytes.subarray(1, 1 + TOKEN_SIZE) : undefined
}

/** The server's answer. @param address - an IP literal and port; IPv4-mapped is sent as IPv4. @param proof - 8 bytes, when it was asked for. */
export function encodeResponse(token: Uint8Array, address: HostPort, proof?: Uint8Array): Uint8Array {
  const ip = parseIp(address.host) ?? new Uint8Array(4)
  const portAt = 2 + TOKEN_SIZE + ip.byteLength
  const bytes = new Uint8Array(portAt + 2 + (proof?.byteLength ?? 0))
  bytes[0] = RESPONSE
  bytes.set(token, 1)
  bytes[1 + TOKEN_SIZE] = ip.byteLength === 4 ? 4 : 6
  bytes.set(ip, 2 + TOKEN_SIZE)
  bytes[portAt] = address.port >> 8
  bytes[portAt + 1] = address.port & 0xff
  if (proof) bytes.set(proof, portAt + 2)
  return bytes
}

/** What the server saw, and the token it answers; `undefined` when `bytes` is no response. */
export function decodeResponse(
  bytes: Uint8Array,
): { readonly token: Uint8Array; readonly address: HostPort; readonly proof?: Uint8Array } | undefined {
  if (bytes[0] !== RESPONSE) return undefined
  const family = bytes[1 + TOKEN_SIZE]
  const ipSize = family === 4 ? 4 : family === 6 ? 16 : undefined
  if (ipSize === undefined) return undefined
  const portAt = 2 + TOKEN_SIZE + ipSize
  const hasProof = bytes.byteLength === portAt + 2 + PROOF_SIZE
  if (bytes.byteLength !== portAt + 2 && !hasProof) return undefined
  const port = ((bytes[portAt] ?? 0) << 8) | (bytes[portAt + 1] ?? 0)
  if (port === 0) return undefined
  const host = formatIp(bytes.subarray(2 + TOKEN_SIZE, 2 + TOKEN_SIZE + ipSize))
  return {
    token: bytes.subarray(1, 1 + TOKEN_SIZE),
    address: { host, port },
    ...(hasProof ? { proof: bytes.subarray(portAt + 2) } : {}),
  }
}

/** Message types, disjoint from every packet type of a link. */
const REQUEST = 0x20
const RESPONSE = 0x21
const TOKEN_SIZE = 16
const PROOF_AT = 2 + TOKEN_SIZE
/** Bytes of a proof. */
export const PROOF_SIZE = 8
/** Says nothing yet, and asks. */
export const NO_PROOF = new Uint8Array(PROOF_SIZE)
/** Bytes of a request. */
export const REQUEST_SIZE = 64
