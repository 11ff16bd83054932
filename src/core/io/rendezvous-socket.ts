import { createHmac, randomBytes } from 'node:crypto'
import { datagramLength } from '../transport/packet.ts'
import { normalizeHost, type HostPort } from '../wire/address.ts'
import { RELAY_OVERHEAD, RELAYED } from '../wire/relay.ts'
import { decodeRequest, encodeResponse, PROOF_SIZE, proofOf, REQUEST_SIZE } from '../wire/rendezvous.ts'
import { listenError } from './listen.ts'
import { UdpSocket } from './udp-socket.ts'

/** What {@link RendezvousSocket.bind} takes besides. */
export interface RendezvousSocketOptions {
  readonly offload?: boolean
  readonly onRelayed?: (from: HostPort, datagram: Uint8Array) => void
}

/**
 * The UDP port that tells clients the address they are seen at. Answers those who carry a known token; everybody else
 * hears nothing. The server's links use the same socket: each takes the datagrams that are its own.
 */
export class RendezvousSocket {
  readonly port: number
  readonly socket: UdpSocket

  private constructor(socket: UdpSocket) {
    this.port = socket.address.port
    this.socket = socket
  }

  /**
   * @param host - an IP literal, as the TCP listener has it; `::` takes IPv4 too.
   * @param port - 0 takes any free one.
   * @param onRequest - called with each request's token (16 bytes, in hex), where it came from, that in the system's own spelling, and whether
   *   it is proven that its sender is there; true when the token is known.
   * @param options.offload - for links: lets the system cut and join datagrams. @default false
   * @param options.onRelayed - called with each datagram for the relay, which nobody else touches, and where it came from in the system's own
   *   spelling. @default they are dropped
   * @throws MSG_ERR_PORT_IN_USE, MSG_ERR_CONFIG_INVALID
   */
  static async bind(
    host: string,
    port: number,
    onRequest: (token: string, from: HostPort, address: HostPort, isProven: boolean) => boolean,
    { offload = false, onRelayed = () => {} }: RendezvousSocketOptions = {},
  ): Promise<RendezvousSocket> {
    const socket = await UdpSocket.bind({ host, port, offload }).catch((cause: unknown) => {
      throw listenError(cause, host, port)
    })
    const secret = randomBytes(32)
    socket.onDatagram((address, bytes) => {
      if (bytes[0] === RELAYED) {
        if (!offload) onRelayed(address, bytes)
        else for (const datagram of separate(bytes)) onRelayed(address, datagram)
        return
      }
      // Where the system joins datagrams, something that the same client sent may hang on it.
      const request = offload ? bytes.subarray(0, REQUEST_SIZE) : bytes
      const token = decodeRequest(request)
      if (!token) return
      const from = { host: normalizeHost(address.host), port: address.port }
      const said = proofOf(request)
      const proof = said && proofFor(secret, token, from)
      if (!onRequest(Buffer.from(token).toString('hex'), from, address, said !== undefined && proof!.equals(said)))
        return
      socket.send(address, encodeResponse(token, from, proof))
    })
    return new RendezvousSocket(socket)
  }

  close(): Promise<void> {
    return this.socket.close()
  }
}

/** Bound to who asks and where from, so that nothing is remembered of who has not answered yet. */
function proofFor(secret: Uint8Array, token: Uint8Array, { host, port }: HostPort): Buffer {
  return createHmac('sha256', secret).update(token).update(`${host} ${port}`).digest().subarray(0, PROOF_SIZE)
}

/** Where the system joins datagrams, all are of one size, the last one perhaps shorter; the first one's own account says which. */
function separate(bytes: Uint8Array): Uint8Array[] {
  const size = RELAY_OVERHEAD + datagramLength(bytes, Math.min(RELAY_OVERHEAD, bytes.byteLength))
  if (size >= bytes.byteLength) return [bytes]
  return Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
}
