import { mock } from 'node:test'
import { expect } from 'chai'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { SocketFan } from '../../../src/core/io/socket-fan.ts'
import type { SocketAddress } from '../../../src/core/transport/endpoint-api.ts'

describe('io/socket-fan', () => {
  it('sends from sockets of many ports, and says by which one an answer came', async () => {
    const answers: SocketAddress[] = []
    let onAnswer = (): void => {}
    const fan = new SocketFan((from) => {
      answers.push(from)
      onAnswer()
    })
    const other = createSocket('udp4')
    other.bind(0, '127.0.0.1')
    await once(other, 'listening')
    const heard: number[] = []
    other.on('message', (bytes, { port }) => {
      heard.push(port)
      if (bytes[0] === 3) other.send(bytes, port, '127.0.0.1')
    })
    try {
      fan.open(8, () => false)
      expect(fan.size).to.equal(8)
      const to = { host: '127.0.0.1', port: other.address().port }
      const answered = new Promise<void>((resolve) => (onAnswer = resolve))
      for (let socket = 1; socket <= 8; socket++) fan.send({ ...to, socket }, Uint8Array.of(socket), () => {})
      await answered
      expect(new Set(heard).size).to.equal(heard.length)
      expect(answers).to.deep.equal([{ ...to, socket: 3 }])
    } finally {
      fan.close()
      other.close()
    }
  })

  it('closes after ten seconds those that nothing uses, and another one when that is over, and opens them again', () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    const fan = new SocketFan(() => {})
    try {
      const used = new Set([2, 3])
      fan.open(4, (socket) => used.has(socket))
      mock.timers.tick(9_999)
      expect(fan.size).to.equal(4)
      mock.timers.tick(1)
      expect(fan.size).to.equal(2)
      used.delete(3)
      mock.timers.tick(10_000)
      expect(fan.size).to.equal(1)
      fan.open(4, () => false)
      expect(fan.size).to.equal(4)
    } finally {
      fan.close()
      mock.timers.reset()
    }
  })

  it('drops what a socket is to send that is not there, and says that it is done', () => {
    const fan = new SocketFan(() => {})
    let isDone = false
    fan.send({ host: '127.0.0.1', port: 9, socket: 5 }, new Uint8Array(1), () => (isDone = true))
    expect(isDone).to.equal(true)
    fan.close()
  })
})
