import { randomBytes } from 'node:crypto'
import { connect, type TLSSocket } from 'node:tls'
import { newInstance, proveDevice } from '../../src/core/control/device-proof.ts'
import { CONTROL_PROTOCOL } from '../../src/core/control/methods.ts'
import { deviceKey, type DeviceKey } from '../../src/core/crypto/device-key.ts'
import { exporterOf } from '../../src/core/io/tls-exporter.ts'
import { connectAdmin } from '../../src/core/index.ts'
import type { Figure } from '../helpers/figures.ts'
import { ServerProcess } from '../helpers/server-process.ts'

/** Resident memory of the server per idle, signed-in client: bare TLS connections, several to an account. */
export async function measureMemory(): Promise<Figure[]> {
  const server = await ServerProcess.start()
  const admin = await connectAdmin({ dataDir: server.dataDir })
  const sockets: TLSSocket[] = []
  const samples: number[] = []
  try {
    const devices: DeviceKey[] = []
    for (let i = 0; i < ACCOUNTS; i++) {
      const device = deviceKey(randomBytes(32))
      const socket = await dial(server.address)
      await request(socket, 'register', { ...signIn(socket, i, device), password: 'benchmark password' })
      devices.push(device)
      socket.destroy()
    }
    await settle()
    const before = (await admin.status()).rss
    for (let i = 0; i < CLIENTS; i++) {
      const device = devices[i % ACCOUNTS]!
      const socket = await dial(server.address)
      await request(socket, 'login.device', signIn(socket, i % ACCOUNTS, device))
      sockets.push(socket)
    }
    for (let reading = 0; reading < READINGS; reading++) {
      await settle()
      samples.push(((await admin.status()).rss - before) / sockets.length / 1_000)
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    admin.close()
    await server.stop()
  }
  return [
    {
      name: `server memory per idle client, at ${CLIENTS} clients`,
      unit: 'kB',
      samples,
      target: '< 60',
    },
  ]
}

const signIn = (socket: TLSSocket, index: number, device: DeviceKey) => ({
  user: `user-${index}`,
  ...proveDevice(device, exporterOf(socket), `user-${index}`, newInstance(device.publicKey)),
  listening: true,
})

async function dial(address: string): Promise<TLSSocket> {
  const [host, port] = address.split(':')
  const socket = connect({ host, port: Number(port), minVersion: 'TLSv1.3', rejectUnauthorized: false })
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  await request(socket, 'hello', { protocol: CONTROL_PROTOCOL, agent: 'bench' })
  return socket
}

/** One request at a time; notifications are skipped. */
async function request(socket: TLSSocket, method: string, params: object): Promise<unknown> {
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`)
  let text = ''
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      text += chunk.toString()
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const message = JSON.parse(text.slice(0, end)) as { id?: number; result?: unknown; error?: { message: string } }
        text = text.slice(end + 1)
        if (message.id !== 1) continue
        socket.off('data', onData)
        if (message.error) reject(new Error(`${method}: ${message.error.message}`))
        else resolve(message.result)
        return
      }
    }
    socket.on('data', onData)
  })
}

/** Lets garbage collectors and write queues come to rest. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 3_000))

const CLIENTS = 2_000
const ACCOUNTS = 250
/** Readings of the same, a few seconds apart. */
const READINGS = 5
