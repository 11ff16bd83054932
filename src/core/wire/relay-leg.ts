import { MsgError } from '../errors.ts'
import { MAX_RELAYED, RELAY_OVERHEAD, RELAYED } from './relay.ts'

/**
 * The relay where UDP is blocked: a TLS connection to the control port whose ALPN is {@link LEG_PROTOCOL}.
 *
 * ```
 * client    token (16), then {length (2), relayed datagram} each
 * server    {length (2), relayed datagram} each
 * ```
 *
 * @packageDocumentation
 */

/** ALPN of a leg. */
export const LEG_PROTOCOL = 'msg-relay/1'
/** Bytes of the token it begins with. */
export const LEG_TOKEN_SIZE = 16

/** A datagram as it goes over a leg. @param datagram - relayed, at most {@link MAX_RELAYED} bytes. */
export function encodeLegFrame(datagram: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(LENGTH_SIZE + datagram.byteLength)
  frame.writeUInt16BE(datagram.byteLength)
  frame.set(datagram, LENGTH_SIZE)
  return frame
}

/**
 * Cuts the bytes of a leg into datagrams, however they arrive.
 *
 * Holds less than one datagram. Unusable after it has thrown.
 */
export class LegReader {
  #rest: Buffer = EMPTY

  /** The next bytes; whoever gave them does not touch them again. */
  handleBytes(bytes: Buffer): void {
    this.#rest = this.#rest.byteLength > 0 ? Buffer.concat([this.#rest, bytes]) : bytes
  }

  /** The token that a client's side begins with, in hex; `undefined` when more bytes are needed. Call once it is there no more. */
  pollToken(): string | undefined {
    if (this.#rest.byteLength < LEG_TOKEN_SIZE) return undefined
    const token = this.#rest.toString('hex', 0, LEG_TOKEN_SIZE)
    this.#rest = this.#rest.subarray(LEG_TOKEN_SIZE)
    return token
  }

  /** The next relayed datagram, a view; `undefined` when more bytes are needed. @throws MSG_ERR_PROTOCOL when it is none */
  pollDatagram(): Uint8Array | undefined {
    const rest = this.#rest
    if (rest.byteLength < LENGTH_SIZE) return undefined
    const end = LENGTH_SIZE + rest.readUInt16BE()
    if (end <= LENGTH_SIZE + RELAY_OVERHEAD || end > LENGTH_SIZE + MAX_RELAYED) throw broken(`of ${end} bytes`)
    if (rest.byteLength > LENGTH_SIZE && rest[LENGTH_SIZE] !== RELAYED) throw broken('of another type')
    if (rest.byteLength < end) return undefined
    this.#rest = rest.byteLength === end ? EMPTY : rest.subarray(end)
    return rest.subarray(LENGTH_SIZE, end)
  }
}

const broken = (what: string): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail: `a relayed datagram ${what}` })

const LENGTH_SIZE = 2
const EMPTY = Buffer.alloc(0)
