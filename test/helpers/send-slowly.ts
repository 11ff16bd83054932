import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { UdpSocket } from '../../src/core/io/udp-socket.ts'

// Over a loopback that is slower than the process, so that sends wait in it: alternates runs of two sizes, says goodbye, closes, and prints,
// as JSON, how many datagrams of each size arrived.

const receiver = createSocket('udp4').bind(0, '127.0.0.1')
await once(receiver, 'listening')
receiver.setRecvBufferSize(4 * 1_048_576)
const counts: Record<number, number> = {}
const goodbye = new Promise<void>((resolve) => {
  receiver.on('message', ({ byteLength }) => {
    counts[byteLength] = (counts[byteLength] ?? 0) + 1
    if (byteLength === 3) resolve()
  })
})
const socket = await UdpSocket.bind({ host: '127.0.0.1' })
const to = { host: '127.0.0.1', port: receiver.address().port }
for (let i = 0; i < 250; i++) {
  const segment = i % 2 === 0 ? 1_000 : 1_400
  socket.send(to, new Uint8Array(40 * segment), undefined, segment)
}
socket.send(to, Buffer.from('bye'))
await socket.close()
await Promise.race([goodbye, setTimeout(1_000)])
receiver.close()
console.log(JSON.stringify(counts))
