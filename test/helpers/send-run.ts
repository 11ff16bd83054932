import { setTimeout } from 'node:timers/promises'
import { UdpSocket } from '../../src/core/io/udp-socket.ts'

// Sends the same run twice over this host's loopback and prints, as JSON, the sizes of the datagrams that arrived.

const [a, b] = [
  await UdpSocket.bind({ host: '127.0.0.1' }),
  await UdpSocket.bind({ host: '127.0.0.1', offload: false }),
]
const sizes: number[] = []
b.onDatagram((_from, bytes) => sizes.push(bytes.byteLength))
for (let i = 1; i <= 2; i++) {
  await new Promise<void>((resolve) => a.send(b.address, new Uint8Array(3_000), resolve, 1_452))
  for (let wait = 0; wait < 100 && sizes.length < 3 * i; wait++) await setTimeout(5)
}
console.log(JSON.stringify(sizes))
await Promise.all([a.close(), b.close()])
