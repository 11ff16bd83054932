import { constants } from 'node:crypto'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { MsgError } from '../errors.ts'
import { normalizeHost, type HostPort } from '../wire/address.ts'
import { listen } from './listen.ts'

/** What {@link TlsListener} takes. */
export interface TlsListenerOptions {
  readonly host: string
  /** 0 takes any free one. */
  readonly port: number
  /** PEM. */
  readonly cert: string
  readonly key: string
  /** Application protocols that clients may ask for (ALPN); who asks for none is served too, who asks for others is not. @default none */
  readonly protocols?: readonly string[]
  /** Milliseconds a TLS handshake may take. */
  readonly handshakeMs: number
  /** Decides about a TCP connection before anything is spent on it; false closes it. `onClosed` is called for those admitted only. */
  admit(address: string): boolean
  /** A TLS connection is up. */
  onConnection(socket: TLSSocket, address: string): void
  /** An admitted TCP connection is over, whether or not it became a TLS connection. */
  onClosed(address: string): void
}

/**
 * TLS 1.3 over TCP.
 *
 * Without resumption: a client signs in anew on each connection anyway. What OpenSSL still sends in place of tickets is two short ids
 * that nothing remembers; Node cannot keep it from that.
 */
export class TlsListener {
  /** Where it listens, or did: an IP literal and the port. */
  readonly address: HostPort
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor(server: Server, sockets: Set<Socket>) {
    const { address, port } = server.address() as AddressInfo
    this.address = { host: address, port }
    this.#server = server
    this.#sockets = sockets
  }

  /** @throws MSG_ERR_PORT_IN_USE, MSG_ERR_CONFIG_INVALID */
  static async listen({
    host,
    port,
    cert,
    key,
    handshakeMs,
    protocols = [],
    ...on
  }: TlsListenerOptions): Promise<TlsListener> {
    const tls = createTls(cert, key, handshakeMs, protocols)
    const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS })
    const sockets = new Set<Socket>()
    tls.on('secureConnection', (socket) => on.onConnection(socket, normalizeHost(socket.remoteAddress ?? '')))
    tls.on('tlsClientError', (_error, socket) => void socket.destroy())
    server.on('connection', (socket) => {
      const address = normalizeHost(socket.remoteAddress ?? '')
      if (!on.admit(address)) {
        socket.destroy()
        return
      }
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        on.onClosed(address)
      })
      tls.emit('connection', socket)
    })
    await listen(server, host, port)
    server.on('error', () => {})
    return new TlsListener(server, sockets)
  }

  /** Accepts nothing any more; what is open stays. */
  stop(): void {
    this.#server.close()
  }

  /** Resolves when nothing is open any more; what still is after `graceMs` is cut. */
  async drain(graceMs: number): Promise<void> {
    if (this.#sockets.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        for (const socket of this.#sockets) socket.destroy()
      }, graceMs)
      for (const socket of this.#sockets) {
        socket.once('close', () => {
          if (this.#sockets.size > 0) return
          clearTimeout(timer)
          resolve()
        })
      }
    })
  }
}

function createTls(
  cert: string,
  key: string,
  handshakeTimeout: number,
  protocols: readonly string[],
): ReturnType<typeof createTlsServer> {
  try {
    return createTlsServer({
      cert,
      key,
      minVersion: 'TLSv1.3',
      handshakeTimeout,
      ...(protocols.length > 0 ? { ALPNProtocols: [...protocols] } : {}),
      secureOptions: constants.SSL_OP_NO_TICKET,
    })
  } catch (cause) {
    throw new MsgError('MSG_ERR_CONFIG_INVALID', {
      detail: `the certificate cannot be used: ${(cause as Error).message}`,
      cause,
    })
  }
}

/** Silence after which TCP asks whether the peer is there, milliseconds. */
const KEEP_ALIVE_MS = 30_000
