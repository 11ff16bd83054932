import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** Plain JavaScript, so that it starts at once: says its token from its own socket, then sends one datagram again and again until stdin ends. */
const SCRIPT = `
const { port, udpPort, token, datagram, over, perSecond } = JSON.parse(process.argv[1])
const bytes = Buffer.from(datagram, 'hex')
let sent = 0
process.stdin.on('end', () => { console.log(sent); process.exit() }).resume()
// In slices of a millisecond; 0 a second is as many as there can be.
const pour = (send) => {
  const startedAt = performance.now()
  const slice = () => {
    const due = perSecond === 0 ? sent + 64 : (performance.now() - startedAt) * perSecond / 1000
    while (sent < due && send() !== false) sent++
    perSecond === 0 ? setImmediate(slice) : setTimeout(slice, 1)
  }
  slice()
}
if (over === 'udp') {
  const socket = require('node:dgram').createSocket('udp4').bind(0, '127.0.0.1')
  socket.once('message', () => {
    console.log('ready')
    pour(() => socket.getSendQueueCount() < 256 && socket.send(bytes, udpPort, '127.0.0.1'))
  })
  const request = Buffer.alloc(64)
  request[0] = 0x20
  request.set(Buffer.from(token, 'hex'), 1)
  socket.once('listening', () => socket.send(request, udpPort, '127.0.0.1'))
} else {
  const frame = Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 255), bytes])
  const leg = require('node:tls').connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['msg-relay/1'] }, () => {
    leg.write(Buffer.from(token, 'hex'))
    console.log('ready')
    pour(() => leg.writableLength < 4e6 && void leg.write(frame))
  })
}
`

/** A process of its own that floods the relay. */
export interface Flooder {
  /** Stops. @returns how many datagrams it sent */
  end(): Promise<number>
}

/** Starts to flood, once the server knows where it is. @param perSecond - datagrams; 0 for as many as there can be. */
export async function flood(options: {
  readonly port: number
  readonly udpPort: number
  readonly token: Uint8Array
  readonly datagram: Uint8Array
  readonly over: 'udp' | 'tls'
  readonly perSecond?: number
}): Promise<Flooder> {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const given = { perSecond: 0, ...options, token: hex(options.token), datagram: hex(options.datagram) }
  const child: ChildProcess = spawn(process.execPath, ['-e', SCRIPT, JSON.stringify(given)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout!.on('data', (bytes: Buffer) => (said += bytes.toString()))
  await once(child.stdout!, 'data')
  return {
    async end() {
      const closed = once(child, 'close')
      child.stdin!.end()
      await closed
      return Number(said.trim().split('\n').at(-1))
    },
  }
}
