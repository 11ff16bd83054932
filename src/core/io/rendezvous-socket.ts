import { normalizeHost, type HostPort } from '../wire/address.ts'
import { decodeRequest, encodeResponse, REQUEST_SIZE } from '../wire/rendezvous.ts'
import { listenError } from './listen.ts'
import { UdpSocket } from './udp-socket.ts'

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
   * @param onRequest - called with each request's token (16 bytes, in hex) and where it came from; true when the token is known.
   * @param options.offload - for links: lets the system cut and join datagrams. @default false
   * @throws MSG_ERR_PORT_IN_USE, MSG_ERR_CONFIG_INVALID
   */
  static async bind(
    host: string,
    port: number,
    onRequest: (token: string, from: HostPort) => boolean,
    { offload = false }: { offload?: boolean } = {},
  ): Promise<RendezvousSocket> {
    const socket = await UdpSocket.bind({ host, port, offload }).catch((cause: unknown) => {
      throw listenError(cause, host, port)
    })
    socket.onDatagram((address, bytes) => {
      // Where the system joins datagrams, something that the same client sent may hang on it.
      const token = decodeRequest(offload ? bytes.subarray(0, REQUEST_SIZE) : bytes)
      if (!token) return
      const from = { host: normalizeHost(address.host), port: address.port }
      if (!onRequest(Buffer.from(token).toString('hex'), from)) return
      socket.send(address, encodeResponse(token, from))
    })
    return new RendezvousSocket(socket)
  }

  close(): Promise<void> {
    return this.socket.close()
  }
}
