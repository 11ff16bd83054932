import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HostPort } from '../wire/address.ts'
import { listen } from './listen.ts'

/** Answers `GET /metrics` over HTTP, and nothing else. */
export class MetricsListener {
  readonly address: HostPort
  readonly #server: Server

  private constructor(server: Server) {
    const { address, port } = server.address() as AddressInfo
    this.address = { host: address, port }
    this.#server = server
  }

  /**
   * @param port - 0 takes any free one.
   * @param text - what is answered, in Prometheus' text format 0.0.4.
   * @throws MSG_ERR_PORT_IN_USE, MSG_ERR_CONFIG_INVALID
   */
  static async listen({ host, port }: HostPort, text: () => string): Promise<MetricsListener> {
    const server = createServer({ requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS }, (request, response) => {
      const isRight = request.method === 'GET' && request.url === '/metrics'
      request.resume()
      response.writeHead(isRight ? 200 : request.url === '/metrics' ? 405 : 404, {
        'content-type': isRight ? 'text/plain; version=0.0.4; charset=utf-8' : 'text/plain',
        ...(request.url === '/metrics' && !isRight ? { allow: 'GET' } : {}),
      })
      response.end(isRight ? text() : 'only GET /metrics\n')
    })
    server.maxConnections = MAX_CONNECTIONS
    await listen(server, host, port)
    server.on('error', () => {})
    return new MetricsListener(server)
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }
}

/** Who asks comes alone, every few seconds. */
const MAX_CONNECTIONS = 16
/** Time for a request, milliseconds. */
const REQUEST_MS = 5_000
