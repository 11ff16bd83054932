import { createSocket, type Socket } from 'node:dgram'
import { isIPv4 } from 'node:net'
import { normalizeHost, type HostPort } from '../wire/address.ts'
import { decodeRequest, encodeResponse } from '../wire/rendezvous.ts'
import { listenError } from './listen.ts'

/**
 * The UDP port that tells clients the address they are seen at. Answers those who carry a known token; everybody else
 * hears nothing.
 */
export class RendezvousSocket {
  readonly port: number
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.port = socket.address().port
    this.#socket = socket
  }

  /**
   * @param host - an IP literal, as the TCP listener has it; `::` takes IPv4 too.
   * @param port - 0 takes any free one.
   * @param onRequest - called with each request's token (16 bytes, in hex) and where it came from; true when the token is known.
   * @throws MSG_ERR_PORT_IN_USE, MSG_ERR_CONFIG_INVALID
   */
  static async bind(
    host: string,
    port: number,
    onRequest: (token: string, from: HostPort) => boolean,
  ): Promise<RendezvousSocket> {
    const socket = createSocket({ type: isIPv4(host) ? 'udp4' : 'udp6', ipv6Only: false })
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ address: host, port, exclusive: true }, () => {
        socket.off('error', reject)
        resolve()
      })
    }).catch((cause: NodeJS.ErrnoException) => {
      socket.close()
      throw listenError(cause, host, port)
    })
    // An unreachable client is that client's trouble.
    socket.on('error', () => {})
    socket.on('message', (bytes, { address, port: fromPort }) => {
      const token = decodeRequest(bytes)
      if (!token) return
      const from = { host: normalizeHost(address), port: fromPort }
      if (!onRequest(Buffer.from(token).toString('hex'), from)) return
      socket.send(encodeResponse(token, from), fromPort, address, () => {})
    })
    return new RendezvousSocket(socket)
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()))
  }
}
