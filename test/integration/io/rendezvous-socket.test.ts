import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { RendezvousSocket } from '../../../src/core/io/rendezvous-socket.ts'
import { UdpSocket } from '../../../src/core/io/udp-socket.ts'
import type { HostPort } from '../../../src/core/wire/address.ts'
import { decodeResponse, encodeRequest } from '../../../src/core/wire/rendezvous.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { until } from '../../helpers/relay-people.ts'

describe('io/rendezvous-socket', () => {
  const TOKEN = Buffer.alloc(16, 7)
  let server: RendezvousSocket
  let client: Socket
  let asked: Array<{ token: string; from: HostPort }>
  let onAsked: () => void
  let isKnown: (token: string) => boolean

  beforeEach(async () => {
    asked = []
    onAsked = () => {}
    isKnown = () => true
    server = await RendezvousSocket.bind('127.0.0.1', 0, (token, from) => {
      asked.push({ token, from })
      onAsked()
      return isKnown(token)
    })
    client = createSocket('udp4').bind(0, '127.0.0.1')
    await once(client, 'listening')
  })
  afterEach(async () => {
    client.close()
    await server.close()
  })
  const send = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => client.send(bytes, server.port, '127.0.0.1', () => resolve()))

  for (const offload of [false, true])
    it(`hands on datagrams for the relay one by one, ${offload ? 'also when the system joined them' : 'as they come'}`, async () => {
      const got: Uint8Array[] = []
      const onRelayed = (_from: HostPort, datagram: Uint8Array): void => void got.push(Buffer.from(datagram))
      const relay = await RendezvousSocket.bind('127.0.0.1', 0, () => true, { offload, onRelayed })
      const sender = await UdpSocket.bind({ host: '127.0.0.1', offload })
      let joined = 0
      relay.socket.onDatagram((_from, bytes) => (joined += bytes.byteLength > 1_000 ? 1 : 0))
      // Data packets of a link: type, destination, number, length, then what is sealed; the last one is shorter.
      const sizes = [...Array<number>(9).fill(1_000), 500]
      const run = Buffer.concat(
        sizes.map((size, i) => {
          const datagram = Buffer.alloc(size, i)
          datagram[0] = 0x22
          datagram[9] = 0x40
          datagram.writeUInt16BE(size - 9, 9 + 13)
          return datagram
        }),
      )
      await new Promise<void>((resolve) => sender.send({ host: '127.0.0.1', port: relay.port }, run, resolve, sizes[0]))
      await until('all of them', () => got.length >= 10)
      expect(got.map((bytes) => bytes.byteLength)).to.deep.equal(sizes)
      expect(Buffer.concat(got).equals(run)).to.equal(true)
      if (offload && sender.cuts('127.0.0.1')) expect(joined).to.be.above(0)
      await Promise.all([sender.close(), relay.close()])
    })

  it('hands on a datagram that lies about its length as pieces of nobody', async () => {
    const got: number[] = []
    const onRelayed = (_from: HostPort, { byteLength }: Uint8Array): void => void got.push(byteLength)
    const relay = await RendezvousSocket.bind('127.0.0.1', 0, () => true, { offload: true, onRelayed })
    for (const bytes of [
      Buffer.of(0x22),
      Buffer.alloc(9, 0x22),
      Buffer.concat([Buffer.alloc(10, 0x22), Buffer.alloc(9)]),
    ])
      client.send(bytes, relay.port, '127.0.0.1')
    const lying = Buffer.alloc(100)
    lying[0] = 0x22
    lying[9] = 0x40
    lying.writeUInt16BE(31, 9 + 13)
    client.send(lying, relay.port, '127.0.0.1')
    await until('all of them', () => got.length >= 6)
    expect(got).to.deep.equal([1, 9, 19, 40, 40, 20])
    await relay.close()
  })

  it('tells a client with a known token the address it is seen at', async () => {
    const answered = once(client, 'message')
    await send(encodeRequest(TOKEN))
    const [bytes, info] = (await answered) as [Buffer, { port: number }]
    expect(info.port).to.equal(server.port)
    const from = { host: '127.0.0.1', port: client.address().port }
    const answer = decodeResponse(bytes)
    expect(Buffer.from(answer!.token)).to.deep.equal(TOKEN)
    expect(answer!.address).to.deep.equal(from)
    expect(asked).to.deep.equal([{ token: TOKEN.toString('hex'), from }])
  })

  it('answers with less than it was asked', async () => {
    const answered = once(client, 'message')
    const request = encodeRequest(TOKEN)
    await send(request)
    const [bytes] = (await answered) as [Buffer]
    expect(bytes.byteLength).to.be.below(request.byteLength)
  })

  it('answers each of many requests, to the socket that asked', async () => {
    const other = createSocket('udp4').bind(0, '127.0.0.1')
    await once(other, 'listening')
    const ports = await Promise.all(
      [client, other].map(async (socket, i) => {
        const answered = once(socket, 'message')
        socket.send(encodeRequest(Buffer.alloc(16, i)), server.port, '127.0.0.1')
        const [bytes] = (await answered) as [Buffer]
        const answer = decodeResponse(bytes)
        expect(answer?.token[0]).to.equal(i)
        return answer?.address.port
      }),
    )
    expect(ports).to.deep.equal([client.address().port, other.address().port])
    other.close()
  })

  it('hears nothing but requests, and answers only those it knows', async () => {
    const answers: Buffer[] = []
    client.on('message', (bytes) => answers.push(bytes))
    const known = Buffer.alloc(16, 1)
    isKnown = (token) => token === known.toString('hex')
    const request = encodeRequest(known)
    for (const bytes of [
      new Uint8Array(0),
      request.subarray(0, 63),
      Buffer.concat([request, Buffer.of(0)]),
      request.with(0, 0x21),
      new Uint8Array(1_400).fill(0x20),
      encodeRequest(Buffer.alloc(16, 2)),
    ])
      await send(bytes)
    await send(request)
    while (!answers.some((bytes) => decodeResponse(bytes)?.token[0] === 1)) await once(client, 'message')
    expect(asked.map(({ token }) => token.slice(0, 2))).to.deep.equal(['02', '01'])
    expect(answers).to.have.lengthOf(1)
  })

  it('says that a port is taken, or an address is not of this machine', async () => {
    const nobody = (): boolean => false
    await expectRejects(RendezvousSocket.bind('127.0.0.1', server.port, nobody), 'MSG_ERR_PORT_IN_USE')
    await expectRejects(RendezvousSocket.bind('192.0.2.1', 0, nobody), 'MSG_ERR_CONFIG_INVALID')
  })

  it('takes both families on every address, and spells IPv4 as such', async function () {
    const seen: HostPort[] = []
    const both = await RendezvousSocket.bind('::', 0, (_token, from) => seen.push(from) > 0).catch(() => undefined)
    if (!both) return this.skip()
    const answered = once(client, 'message')
    client.send(encodeRequest(TOKEN), both.port, '127.0.0.1')
    const [bytes] = (await answered) as [Buffer]
    expect(decodeResponse(bytes)?.address).to.deep.equal({ host: '127.0.0.1', port: client.address().port })
    expect(seen[0]?.host).to.equal('127.0.0.1')
    await both.close()
  })

  it('frees its port when it closes', async () => {
    const { port } = server
    await server.close()
    server = await RendezvousSocket.bind('127.0.0.1', port, () => false)
    expect(server.port).to.equal(port)
  })
})
