import { once } from 'node:events'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { generate } from 'selfsigned'
import { fingerprintOf } from '../../src/core/crypto/device-key.ts'

/** A TLS server whose every line is answered by the test: what a control channel meets when the other side is not msg, or misbehaves. */
export class LineServer {
  readonly #server: Server
  readonly sockets: TLSSocket[] = []
  readonly lines: string[] = []
  readonly fingerprint: string
  readonly cert: string

  private constructor(server: Server, cert: string) {
    this.#server = server
    this.cert = cert
    this.fingerprint = fingerprintOf(new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' }))
  }

  /** @param answer - gets each line; what it returns is written back. */
  static async start(answer: (line: string, socket: TLSSocket) => string | undefined): Promise<LineServer> {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    } as never)
    const server = createServer({ key, cert, minVersion: 'TLSv1.3' })
    const made = new LineServer(server, cert)
    server.on('secureConnection', (socket: TLSSocket) => {
      made.sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        for (const line of chunk.toString().split('\n').filter(Boolean)) {
          made.lines.push(line)
          const back = answer(line, socket)
          if (back !== undefined) socket.write(back)
        }
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return made
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
