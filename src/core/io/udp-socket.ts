import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'
import type { SocketAddress, SocketBuffers } from '../transport/endpoint-api.ts'

/** One bound UDP socket that speaks IPv4 and, where the machine has it, IPv6. Sending never throws: UDP promises nothing. */
export class UdpSocket {
  readonly #socket: Socket
  readonly #isV6: boolean

  private constructor(socket: Socket, isV6: boolean) {
    this.#socket = socket
    this.#isV6 = isV6
    for (const resize of ['setRecvBufferSize', 'setSendBufferSize'] as const) {
      try {
        socket[resize](BUFFER_SIZE)
      } catch {
        // The system's own size serves; a burst may lose more.
      }
    }
  }

  /**
   * @param host - IP literal; `undefined` for every address, of both families where there are two.
   * @param port - 0 for any free one.
   * @throws the system's error (`EADDRINUSE`, …)
   */
  static async bind(port: number, host?: string): Promise<UdpSocket> {
    if (host !== undefined) return UdpSocket.#bind(port, host)
    return UdpSocket.#bind(port, '::').catch((error: unknown) => {
      if (['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes((error as NodeJS.ErrnoException).code ?? ''))
        return UdpSocket.#bind(port, '0.0.0.0')
      throw error
    })
  }

  /** What the system gave to hold received datagrams, bytes as it counts them. */
  get receiveBuffer(): number {
    return this.#socket.getRecvBufferSize()
  }

  /** As they were asked for: Linux counts twice as much, for its own bookkeeping. */
  get buffers(): SocketBuffers {
    const share = process.platform === 'linux' ? 2 : 1
    const [receive, send] = [this.#socket.getRecvBufferSize() / share, this.#socket.getSendBufferSize() / share]
    return { receive, send, wanted: BUFFER_SIZE }
  }

  get address(): SocketAddress {
    const { address, port } = this.#socket.address()
    return { host: unmapped(address), port }
  }

  /** `bytes` is valid during the call only. */
  onDatagram(listener: (from: SocketAddress, bytes: Uint8Array) => void): void {
    this.#socket.on('message', (bytes, { address, port }) => listener({ host: unmapped(address), port }, bytes))
  }

  /**
   * Hands a datagram to the system, which may drop it.
   *
   * @param onSent - the bytes are not needed any more; until then they must not change.
   */
  send({ host, port }: SocketAddress, bytes: Uint8Array, onSent?: () => void): void {
    try {
      this.#socket.send(bytes, port, this.#isV6 && isIPv4(host) ? `::ffff:${host}` : host, onSent)
    } catch {
      // No route, or the socket is closing: the same to the peer as a lost datagram.
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  static async #bind(port: number, host: string): Promise<UdpSocket> {
    const isV6 = !isIPv4(host)
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      // Hosts are always literals: answering here saves a trip through the resolver for every datagram.
      lookup: (literal, _options, callback) => callback(null, literal, isV6 ? 6 : 4),
    })
    const listening = once(socket, 'listening')
    socket.bind(port, host)
    try {
      await listening
    } catch (error) {
      socket.close()
      throw error
    }
    // A send that failed later (unreachable, too large) is a lost datagram.
    socket.on('error', () => {})
    return new UdpSocket(socket, isV6)
  }
}

/** IPv4 seen through a socket of both families. Called for every datagram: the system's spelling needs no parsing. */
const unmapped = (host: string): string => (host.startsWith('::ffff:') ? host.slice(7) : host)

/** Asked for in each direction, bytes; the system caps it. Holds a burst while the event loop is busy. */
const BUFFER_SIZE = 4 * 1_048_576
