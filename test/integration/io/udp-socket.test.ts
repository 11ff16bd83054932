import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { UdpSocket } from '../../../src/core/io/udp-socket.ts'

describe('io/udp-socket', () => {
  const opened: UdpSocket[] = []
  const plain: Socket[] = []
  const bind = async (port = 0, host?: string): Promise<UdpSocket> => {
    const socket = await UdpSocket.bind({ port, ...(host && { host }) })
    opened.push(socket)
    return socket
  }
  const outsider = async (): Promise<Socket> => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    plain.push(socket)
    await once(socket, 'listening')
    return socket
  }
  /** The next datagram that arrives, copied. */
  const next = (socket: UdpSocket): Promise<{ host: string; port: number; text: string }> =>
    new Promise((resolve) => {
      socket.onDatagram(({ host, port }, bytes) => resolve({ host, port, text: Buffer.from(bytes).toString() }))
    })
  afterEach(async () => {
    for (const socket of plain.splice(0)) socket.close()
    for (const socket of opened.splice(0)) await socket.close()
  })

  it('carries datagrams both ways between two addresses', async () => {
    const [a, b] = [await bind(0, '127.0.0.1'), await bind(0, '127.0.0.1')]
    const arrived = next(b)
    a.send(b.address, Buffer.from('there'))
    const { text, ...from } = await arrived
    expect(text).to.equal('there')
    expect(from).to.deep.equal(a.address)
    const back = next(a)
    b.send(from, Buffer.from('and back'))
    expect((await back).text).to.equal('and back')
  })

  it('tells what the system gave it to hold datagrams: no more than was asked for', async () => {
    const { receive, send, wanted } = (await bind()).buffers
    for (const bytes of [receive, send]) expect(bytes).to.be.within(1_024, wanted)
  })

  it('speaks IPv4 on every address, and calls it by its IPv4 spelling', async () => {
    const [socket, other] = [await bind(), await outsider()]
    expect(socket.address.host).to.be.oneOf(['::', '0.0.0.0'])
    const arrived = next(socket)
    other.send('hello', socket.address.port, '127.0.0.1')
    const { host, port, text } = await arrived
    expect([host, port, text]).to.deep.equal(['127.0.0.1', other.address().port, 'hello'])
    const answered = once(other, 'message')
    socket.send({ host, port }, Buffer.from('hi'))
    expect(String((await answered)[0])).to.equal('hi')
  })

  it('speaks IPv6 where there is any', async function () {
    const socket = await bind()
    if (socket.address.host !== '::') this.skip()
    const arrived = next(socket)
    socket.send({ host: '::1', port: socket.address.port }, Buffer.from('six'))
    expect((await arrived).host).to.equal('::1')
  })

  it('carries an empty datagram and one of the largest size', async () => {
    const [a, b] = [await bind(0, '127.0.0.1'), await bind(0, '127.0.0.1')]
    const sizes: number[] = []
    const both = new Promise<void>((resolve) => {
      b.onDatagram((_from, bytes) => {
        if (sizes.push(bytes.byteLength) === 2) resolve()
      })
    })
    a.send(b.address, new Uint8Array(0))
    a.send(b.address, new Uint8Array(65_507))
    await both
    expect(sizes.sort((x, y) => x - y)).to.deep.equal([0, 65_507])
  })

  it('takes what cannot be sent for lost', async () => {
    const [a, b] = [await bind(0, '127.0.0.1'), await bind(0, '127.0.0.1')]
    a.send(b.address, new Uint8Array(70_000))
    a.send({ host: '127.0.0.1', port: 0 }, Buffer.from('no port'))
    a.send({ host: '127.0.0.1', port: 70_000 }, Buffer.from('no port either'))
    a.send({ host: '255.255.255.255', port: 9 }, Buffer.from('not allowed'))
    a.send({ host: '127.0.0.1', port: 9 }, Buffer.from('nobody is there'))
    const arrived = next(b)
    a.send(b.address, Buffer.from('still works'))
    expect((await arrived).text).to.equal('still works')
  })

  it('sends nothing and does not throw when it is closed', async () => {
    const socket = await UdpSocket.bind({ host: '127.0.0.1' })
    const { address } = socket
    await socket.close()
    socket.send(address, Buffer.from('x'))
  })

  it('says that a port is taken, or an address is not of this machine', async () => {
    const { port } = (await bind(0, '127.0.0.1')).address
    const taken = await UdpSocket.bind({ port, host: '127.0.0.1' }).catch((error: unknown) => error)
    expect(taken).to.have.property('code', 'EADDRINUSE')
    const foreign = await UdpSocket.bind({ host: '192.0.2.1' }).catch((error: unknown) => error)
    expect(foreign).to.have.property('code', 'EADDRNOTAVAIL')
  })

  it('frees its port when it closes', async () => {
    const socket = await UdpSocket.bind({ host: '127.0.0.1' })
    const { port } = socket.address
    await socket.close()
    expect((await bind(port, '127.0.0.1')).address.port).to.equal(port)
  })
})
