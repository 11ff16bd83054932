import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { millis } from '../../src/core/time/instant.ts'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import { Emulator } from '../helpers/emulator.ts'
import { CLEAN, type Path } from '../helpers/path.ts'

describe('the link emulator, between real sockets', () => {
  const sockets: Socket[] = []
  let emulator: Emulator | undefined

  afterEach(async () => {
    await emulator?.stop()
    emulator = undefined
    for (const socket of sockets.splice(0)) socket.close()
  })

  async function open(): Promise<Socket> {
    const socket = createSocket('udp4')
    sockets.push(socket)
    const listening = once(socket, 'listening')
    socket.bind(0, '127.0.0.1')
    await listening
    return socket
  }

  async function start(path: Partial<Path>): Promise<{ dialer: Socket; target: Socket; door: SocketAddress }> {
    const [dialer, target] = [await open(), await open()]
    const { address, port } = target.address()
    emulator = await Emulator.start({
      doors: [{ target: { host: address, port } }],
      path: { ...CLEAN, ...path },
      seed: 1,
    })
    return { dialer, target, door: emulator.addresses[0]! }
  }

  const heard = async (socket: Socket): Promise<{ text: string; from: SocketAddress }> => {
    const [bytes, { address, port }] = (await once(socket, 'message')) as [Buffer, { address: string; port: number }]
    return { text: bytes.toString(), from: { host: address, port } }
  }

  it('carries datagrams there and back, no sooner than the delay says', async () => {
    const { dialer, target, door } = await start({ delay: millis(30) })
    const startedAt = performance.now()
    dialer.send('ping', door.port, door.host)
    const ping = await heard(target)
    target.send('pong', ping.from.port, ping.from.host)
    const pong = await heard(dialer)
    expect([ping.text, pong.text]).to.deep.equal(['ping', 'pong'])
    expect(pong.from).to.deep.equal(door)
    expect(performance.now() - startedAt).to.be.at.least(60)
    const counts = await emulator!.counts()
    expect(counts.there).to.include({ sent: 1, arrived: 1, bytes: 4 })
    expect(counts.back).to.include({ sent: 1, arrived: 1 })
  })

  it('never exceeds the rate, and drops what the queue does not hold', async () => {
    // 100 datagrams of 1,000 bytes with headers, at once, on 1 byte per microsecond: 10 fit.
    const { dialer, target, door } = await start({ rate: 1, queue: 10_000 })
    const times: number[] = []
    target.on('message', () => times.push(performance.now()))
    for (let i = 0; i < 100; i++) dialer.send(Buffer.alloc(972), door.port, door.host)
    while ((await emulator!.counts()).there.sent < 100) await new Promise((resolve) => setTimeout(resolve, 10))
    await new Promise((resolve) => setTimeout(resolve, 50))
    const { there } = await emulator!.counts()
    expect(there.overflowed).to.be.at.least(50)
    expect(times).to.have.length(there.arrived)
    expect(there.queuePeak).to.be.at.most(10_000)
  })

  it('rebinds either side: another port is seen, and the old one is dead', async () => {
    const { dialer, target, door } = await start({})
    const say = async (from: Socket, to: SocketAddress, at: Socket): Promise<SocketAddress> => {
      const hearing = heard(at)
      from.send('x', to.port, to.host)
      return (await hearing).from
    }
    const first = await say(dialer, door, target)
    await emulator!.rebind('dialer')
    const second = await say(dialer, door, target)
    expect(second.port).to.not.equal(first.port)
    await emulator!.rebind('answerer')
    const moved = await say(target, second, dialer)
    expect(moved.port).to.not.equal(door.port)
    dialer.send('to the dead door', door.port, door.host)
    expect(await say(dialer, moved, target)).to.deep.equal(second)
    expect((await emulator!.counts()).there.sent).to.equal(3)
  })

  it('changes under way', async () => {
    const { dialer, target, door } = await start({})
    const hearing = heard(target)
    await emulator!.change({ drop: 1 })
    dialer.send('lost', door.port, door.host)
    while ((await emulator!.counts()).there.sent < 1) await new Promise((resolve) => setTimeout(resolve, 5))
    await emulator!.change({ drop: 0 })
    dialer.send('found', door.port, door.host)
    expect((await hearing).text).to.equal('found')
  })

  it('says what went wrong when it cannot start', async () => {
    const listen = { host: '203.0.113.1', port: 0 }
    const failure = await Emulator.start({ doors: [{ target: listen, listen }], path: CLEAN, seed: 1 }).then(
      () => undefined,
      (error: Error) => error.message,
    )
    expect(failure).to.match(/emulator, open: .*EADDRNOTAVAIL/)
  })
})
