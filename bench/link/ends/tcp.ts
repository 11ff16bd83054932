import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import type { SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import type { EndOptions, Receiver, Sender } from './end.ts'
import { Meter } from './meter.ts'
import { fill } from './udx.ts'

/** A receiver of the kernel's TCP. */
export async function listen({ host }: EndOptions): Promise<Receiver> {
  const meter = new Meter()
  const server = createServer((socket) => {
    socket.on('data', (bytes) => meter.add(bytes.byteLength))
    socket.on('error', () => {})
  })
  server.listen(0, host)
  await once(server, 'listening')
  return {
    address: { host, port: (server.address() as AddressInfo).port },
    meter,
    latencies: [],
    close: () => void server.close(),
  }
}

/** Whose congestion control it is, the system or the route decides. */
export async function dial({ host }: EndOptions, to: SocketAddress): Promise<Sender> {
  const socket = connect({ port: to.port, host: to.host, localAddress: host })
  await once(socket, 'connect')
  socket.on('error', () => {})
  return { send: (load) => fill(socket, load), stats: () => undefined, close: () => void socket.destroy() }
}
