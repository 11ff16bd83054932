import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { expect } from 'chai'
import { loadCertificate, type ServerCertificate } from '../../../src/core/io/certificate.ts'
import { TlsListener, type TlsListenerOptions } from '../../../src/core/io/tls-listener.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('io/tls-listener', () => {
  let certificate: ServerCertificate
  let listener: TlsListener | undefined
  let admitted: string[]
  let secured: Array<{ socket: TLSSocket; address: string }>
  let over: string[]
  let onChange: () => void
  const sockets: Socket[] = []

  before(async () => {
    certificate = await loadCertificate(tempDir())
    removeTempDirs()
  })
  beforeEach(() => {
    listener = undefined
    admitted = []
    secured = []
    over = []
    onChange = () => {}
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    listener?.stop()
    await listener?.drain(0)
  })

  const listen = async (options: Partial<TlsListenerOptions> = {}): Promise<TlsListener> => {
    listener = await TlsListener.listen({
      host: '127.0.0.1',
      port: 0,
      ...certificate,
      handshakeMs: 10_000,
      admit: (address) => {
        admitted.push(address)
        return true
      },
      onConnection: (socket, address) => {
        socket.on('error', () => {})
        secured.push({ socket, address })
        onChange()
      },
      onClosed: (address) => {
        over.push(address)
        onChange()
      },
      ...options,
    })
    return listener
  }
  const keep = <T extends Socket>(socket: T): T => {
    sockets.push(socket)
    socket.on('error', () => {})
    return socket
  }
  const dial = (options: object = {}): TLSSocket =>
    keep(connectTls({ port: listener!.address.port, host: '127.0.0.1', rejectUnauthorized: false, ...options }))
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise<void>((resolve) => (onChange = resolve))
  }

  it('says where it listens, and hands out connections with the address they come from', async () => {
    await listen()
    expect(listener!.address.host).to.equal('127.0.0.1')
    expect(listener!.address.port).to.be.above(0)
    dial()
    await until(() => secured.length === 1)
    expect(admitted).to.deep.equal(['127.0.0.1'])
    expect(secured[0]?.address).to.equal('127.0.0.1')
    expect(secured[0]?.socket.getProtocol()).to.equal('TLSv1.3')
  })

  it('resumes nothing: a connection that shows what an earlier one was given starts anew', async () => {
    await listen()
    const first = dial()
    let session: Buffer | undefined
    first.on('session', (given: Buffer) => (session = given))
    await until(() => secured.length === 1)
    secured[0]!.socket.end('done')
    first.resume()
    await once(first, 'close')
    const second = dial(session ? { session } : {})
    await once(second, 'secureConnect')
    expect(second.isSessionReused()).to.equal(false)
  })

  it('closes what is not admitted before TLS, and does not count it as closed', async () => {
    await listen({ admit: () => false })
    const refused = keep(connectTcp(listener!.address.port, '127.0.0.1'))
    await once(refused, 'close')
    expect(refused.bytesRead).to.equal(0)
    expect([secured, over]).to.deep.equal([[], []])
  })

  it('tells the end of what was admitted, whether or not it spoke TLS', async () => {
    await listen()
    const mute = keep(connectTcp(listener!.address.port, '127.0.0.1'))
    await once(mute, 'connect')
    mute.destroy()
    await until(() => over.length === 1)
    const speaking = dial()
    await until(() => secured.length === 1)
    speaking.destroy()
    await until(() => over.length === 2)
    expect(admitted).to.have.lengthOf(2)
  })

  it('cuts off what speaks something else', async () => {
    await listen()
    const http = keep(connectTcp(listener!.address.port, '127.0.0.1'))
    http.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    http.resume()
    await once(http, 'close')
    await until(() => over.length === 1)
    expect(secured).to.deep.equal([])
  })

  it('cuts off a handshake that does not end', async () => {
    await listen({ handshakeMs: 20 })
    const slow = keep(connectTcp(listener!.address.port, '127.0.0.1'))
    slow.resume()
    await once(slow, 'close')
    await until(() => over.length === 1)
  })

  it('refuses TLS 1.2', async () => {
    await listen()
    const old = dial({ maxVersion: 'TLSv1.2' })
    const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).to.match(/SSL|ECONNRESET/)
    expect(secured).to.deep.equal([])
  })

  it('accepts nothing after it was stopped, and leaves what is open', async () => {
    await listen()
    const client = dial()
    await until(() => secured.length === 1)
    listener!.stop()
    const late = keep(connectTcp(listener!.address.port, '127.0.0.1'))
    await once(late, 'error').catch((error: unknown) => error)
    secured[0]!.socket.write('still here')
    const [bytes] = (await once(client, 'data')) as [Buffer]
    expect(bytes.toString()).to.equal('still here')
  })

  it('drains at once when nothing is open', async () => {
    await listen()
    listener!.stop()
    await listener!.drain(600_000)
  })

  it('drains when the last connection goes by itself', async () => {
    await listen()
    const clients = [dial(), dial()]
    await until(() => secured.length === 2)
    listener!.stop()
    const drained = listener!.drain(600_000)
    for (const client of clients) client.destroy()
    await drained
    expect(over).to.have.lengthOf(2)
  })

  it('cuts what is still open when its grace is over', async () => {
    await listen()
    const [client, half] = [dial(), keep(connectTcp(listener!.address.port, '127.0.0.1'))]
    client.resume()
    half.resume()
    await until(() => secured.length === 1 && admitted.length === 2)
    listener!.stop()
    await Promise.all([listener!.drain(5), once(client, 'close'), once(half, 'close')])
    expect(over).to.have.lengthOf(2)
  })

  it('says when its certificate cannot be used', async () => {
    const error = await expectRejects(listen({ cert: 'no certificate' }), 'MSG_ERR_CONFIG_INVALID')
    expect(error.detail).to.contain('the certificate cannot be used')
  })

  it('says when its port is taken', async () => {
    const first = await listen()
    const { port } = first.address
    await expectRejects(listen({ port }), 'MSG_ERR_PORT_IN_USE')
    listener = first
  })
})
