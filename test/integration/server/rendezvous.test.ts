import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { createServer } from '../../../src/core/index.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { decodeResponse, encodeRequest } from '../../../src/core/wire/rendezvous.ts'
import { ControlClient } from '../../helpers/control-client.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('server: the two UDP ports that tell clients where they are seen', () => {
  let server: Server
  const sockets: Socket[] = []

  const start = (options: object = {}): Promise<Server> =>
    createServer({ dataDir: tempDir(), host: '127.0.0.1', port: 0, passwordCost: 'minimal', ...options })
  const open = async (): Promise<{ socket: Socket; answers: Buffer[] }> => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    sockets.push(socket)
    const answers: Buffer[] = []
    socket.on('message', (bytes) => answers.push(bytes))
    await once(socket, 'listening')
    return { socket, answers }
  }
  const signedUp = async (user: string): Promise<{ client: ControlClient; ports: number[]; request: Uint8Array }> => {
    const client = await ControlClient.connect(server.address.port)
    const { udp } = await client.register(user)
    return { client, ports: [udp.port, udp.probePort!], request: encodeRequest(Buffer.from(udp.token, 'hex')) }
  }

  beforeEach(async () => {
    server = await start()
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.close()
    await server.close()
    removeTempDirs()
  })

  it('are told at sign-in, and answer the same with less than they are asked', async () => {
    const { ports, request } = await signedUp('alice')
    expect(ports).to.deep.equal([server.address.udpPort, server.address.probePort])
    const { socket } = await open()
    const seen = { host: '127.0.0.1', port: socket.address().port }
    for (const port of ports) {
      const answered = once(socket, 'message')
      socket.send(request, port, '127.0.0.1')
      const [answer, from] = (await answered) as [Buffer, { port: number }]
      expect(from.port).to.equal(port)
      expect(decodeResponse(answer)?.address).to.deep.equal(seen)
      expect(answer.byteLength).to.be.below(request.byteLength)
    }
  })

  it('introduce people where the first port saw them, never where the second did', async () => {
    const [alice, bob] = [await signedUp('alice'), await signedUp('bob')]
    const [first, second] = [await open(), await open()]
    const ask = async ({ socket }: { socket: Socket }, port: number): Promise<void> => {
      const answered = once(socket, 'message')
      socket.send(alice.request, port, '127.0.0.1')
      await answered
    }
    await ask(first, alice.ports[0]!)
    await ask(second, alice.ports[1]!)
    await alice.client.ask('session.open', { user: 'bob' })
    await bob.client.ask('session.accept', { user: 'alice' })
    const { candidates } = (await bob.client.next('peer.introduced')) as { candidates: Array<{ port: number }> }
    expect(candidates.map(({ port }) => port)).to.deep.equal([first.socket.address().port])
  })

  it('say nothing to strangers, whatever they send', async () => {
    const { ports, request } = await signedUp('alice')
    const { socket, answers } = await open()
    const initial = new Uint8Array(1_200).fill(1)
    for (const port of ports)
      for (const bytes of [encodeRequest(Buffer.alloc(16, 9)), request.subarray(0, 63), initial, new Uint8Array(64)])
        socket.send(bytes, port, '127.0.0.1')
    await sleep(200)
    expect(answers).to.deep.equal([])
  })

  it('answer a flood with 20 datagrams and two a second, both ports together, and everybody else as ever', async () => {
    const [alice, bob] = [await signedUp('alice'), await signedUp('bob')]
    const [flood, other] = [await open(), await open()]
    const startedAt = performance.now()
    for (let i = 0; i < 200; i++) flood.socket.send(alice.request, alice.ports[i % 2]!, '127.0.0.1')
    other.socket.send(bob.request, bob.ports[0]!, '127.0.0.1')
    if (other.answers.length === 0) await once(other.socket, 'message')
    await sleep(300)
    const seconds = (performance.now() - startedAt) / 1_000
    expect(flood.answers.length).to.be.within(20, Math.ceil(20 + 2 * seconds))
    await sleep(600)
    const before = flood.answers.length
    flood.socket.send(alice.request, alice.ports[0]!, '127.0.0.1')
    await once(flood.socket, 'message')
    expect(flood.answers.length).to.be.above(before)
  })

  it('are those that were asked for, and say when one is taken', async () => {
    const { probePort } = server.address
    await expectRejects(start({ probePort }), 'MSG_ERR_PORT_IN_USE')
    await server.close()
    server = await start({ probePort })
    expect(server.address.probePort).to.equal(probePort)
  })
})
