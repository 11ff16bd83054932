import { createRequire } from 'node:module'
import type { Duplex } from 'node:stream'
import type { SocketAddress } from '../../../src/core/transport/endpoint-api.ts'
import { CHUNK, type EndOptions, type Load, type Receiver, type Sender } from './end.ts'
import { Meter, wallMicros } from './meter.ts'

/** A receiver of udx-native, unencrypted as that is. */
export async function listen({ host }: EndOptions): Promise<Receiver> {
  const { udx, socket, address } = bind(host)
  const meter = new Meter()
  const stream = udx.createStream(ANSWERER, {
    // Called with the first packet of a stranger, the only one who knows where we are.
    firewall: (_socket, port, from) => {
      stream.connect(socket, DIALER, port, from)
      return false
    },
  })
  stream.on('data', (bytes: Buffer) => meter.add(bytes.byteLength))
  stream.on('error', () => {})
  return { address, meter, latencies: [], close: () => void stream.destroy() }
}

/** Connects without a handshake, as udx does: the first data is the first packet. */
export async function dial({ host }: EndOptions, to: SocketAddress): Promise<Sender> {
  const { udx, socket } = bind(host)
  const stream = udx.createStream(DIALER)
  stream.connect(socket, ANSWERER, to.port, to.host)
  stream.on('error', () => {})
  return { send: (load) => fill(stream, load), stats: () => undefined, close: () => void stream.destroy() }
}

/** Writes to a Node stream as fast as it drains. */
export async function fill(stream: Duplex, { bytes = Infinity, seconds = Infinity }: Load): Promise<void> {
  const deadline = wallMicros() + seconds * 1_000_000
  for (let left = bytes; left > 0 && wallMicros() < deadline && !stream.destroyed;) {
    const chunk = left < CHUNK.byteLength ? CHUNK.subarray(0, left) : CHUNK
    left -= chunk.byteLength
    if (stream.write(chunk)) continue
    await new Promise<void>((resolve) => {
      const timer =
        seconds === Infinity ? undefined : setTimeout(resolve, Math.max(0, (deadline - wallMicros()) / 1_000))
      stream.once('drain', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

function bind(host: string): { udx: Udx; socket: UdxSocket; address: SocketAddress } {
  // Loaded here, in the only process that wants it: it is a native module without types.
  const UDX = createRequire(import.meta.url)('udx-native') as new () => Udx
  const udx = new UDX()
  const socket = udx.createSocket()
  socket.bind(0, host)
  return { udx, socket, address: { host, port: socket.address().port } }
}

interface UdxSocket {
  bind(port: number, host: string): void
  address(): { readonly port: number }
}

interface UdxStream extends Duplex {
  connect(socket: UdxSocket, remoteId: number, port: number, host: string): void
}

interface Udx {
  createSocket(): UdxSocket
  createStream(
    id: number,
    options?: { firewall?: (socket: UdxSocket, port: number, host: string) => boolean },
  ): UdxStream
}

/** Stream ids, chosen by whoever opens the streams. */
const DIALER = 1
const ANSWERER = 2
