import { expect } from 'chai'
import { createServer, type AddressInfo } from 'node:net'
import { dialControl, type ControlChannel, type ServerNotification } from '../../../src/core/io/control-channel.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { Deferred } from '../../helpers/deferred.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { LineServer } from '../../helpers/line-server.ts'

const idOf = (line: string): number => (JSON.parse(line) as { id: number }).id
const result = (line: string, value: unknown): string =>
  `${JSON.stringify({ jsonrpc: '2.0', id: idOf(line), result: value })}\n`
const tell = (method: string, params: unknown): string => `${JSON.stringify({ jsonrpc: '2.0', method, params })}\n`

describe('the control channel', () => {
  let server: LineServer
  let answer: (line: string) => string | undefined
  const opened: ControlChannel[] = []
  before(async () => {
    server = await LineServer.start((line) => answer(line))
  })
  after(() => server.stop())
  beforeEach(() => {
    answer = () => undefined
    server.lines.length = 0
  })
  afterEach(() => {
    for (const channel of opened.splice(0)) channel.destroy()
  })

  const dial = async (over: Partial<Parameters<typeof dialControl>[0]> = {}) => {
    const told: ServerNotification[] = []
    const closed = new Deferred<MsgError>()
    const channel = await dialControl({
      address: { host: '127.0.0.1', port: server.port },
      verify: () => {},
      onNotification: (notification) => void told.push(notification),
      onClosed: (reason) => closed.resolve(reason),
      ...over,
    })
    opened.push(channel)
    return { channel, told, closed: closed.promise }
  }

  it('shows the fingerprint before one byte is written, and writes none when it is refused', async () => {
    let seen = ''
    const refused = dial({
      verify: (fingerprint) => {
        seen = fingerprint
        throw new MsgError('MSG_ERR_FINGERPRINT_CHANGED')
      },
    })
    await expectRejects(refused, 'MSG_ERR_FINGERPRINT_CHANGED')
    expect(seen).to.equal(server.fingerprint)
    const { channel } = await dial()
    answer = (line) => result(line, {})
    await channel.request('udp.hosts', { addresses: [] })
    expect(server.lines, 'only the second connection wrote').to.have.length(1)
    expect(channel.exporter()).to.have.length(32)
    expect(channel.remoteHost).to.equal('127.0.0.1')
  })

  it('takes a CA instead, and refuses what it has not signed', async () => {
    await dial({ address: { host: 'localhost', port: server.port }, ca: server.cert })
    const stranger = await LineServer.start(() => undefined)
    try {
      const error = await expectRejects(
        dial({ address: { host: 'localhost', port: server.port }, ca: stranger.cert }),
        'MSG_ERR_SERVER_UNREACHABLE',
      )
      expect(error.message).to.match(/certificate|self.signed/i)
    } finally {
      await stranger.stop()
    }
  })

  it('matches answers to requests, and validates them', async () => {
    answer = (line) =>
      result(line, line.includes('rooms.list') ? { rooms: 'no' } : { user: 'bob', state: 'open', extra: 1 })
    const { channel } = await dial()
    expect(await channel.request('session.open', { user: 'bob' })).to.deep.equal({ user: 'bob', state: 'open' })
    await expectRejects(channel.request('rooms.list', {}), 'MSG_ERR_PROTOCOL')
  })

  it('rebuilds the errors that the server answers', async () => {
    answer = (line) =>
      `${JSON.stringify({ jsonrpc: '2.0', id: idOf(line), error: { code: -32_032, message: 'x', data: { code: 'MSG_ERR_USER_UNKNOWN', detail: 'zoe' } } })}\n`
    const { channel } = await dial()
    const error = await expectRejects(channel.request('session.open', { user: 'zoe' }), 'MSG_ERR_USER_UNKNOWN')
    expect(error.message).to.equal('there is no user zoe')
  })

  it('lets who waits for an answer go on before what follows it is told', async () => {
    answer = (line) =>
      tell('user.active', { user: 'a' }) +
      result(line, {}) +
      tell('user.active', { user: 'b' }) +
      tell('unknown.thing', {})
    const { channel, told } = await dial()
    await channel.request('udp.hosts', { addresses: [] })
    expect(told).to.deep.equal([{ method: 'user.active', params: { user: 'a' } }])
    await channel.request('udp.hosts', { addresses: [] })
    expect(told.map(({ params }) => (params as { user: string }).user)).to.deep.equal(['a', 'b', 'a'])
  })

  it('ends with the reason when the server breaks the protocol', async () => {
    for (const line of [
      'nonsense\n',
      '[1]\n',
      tell('user.active', { user: 7 }),
      `${'x'.repeat(70_000)}\n`,
      '\xff\xfe\n',
    ]) {
      answer = () => line
      const { channel, closed } = await dial()
      const lost = await channel.request('udp.hosts', { addresses: [] }).catch((error: unknown) => error)
      expect(
        MsgError.is(lost) && ['MSG_ERR_PROTOCOL', 'MSG_ERR_LIMIT'].includes(lost.code),
        line.slice(0, 20),
      ).to.equal(true)
      await closed
      await channel.request('udp.hosts', { addresses: [] }).then(
        () => expect.fail('answered'),
        (error: unknown) => expect(error).to.equal(lost),
      )
    }
  })

  it('gives up on answers that do not come, and on too many at once', async () => {
    const { channel } = await dial({ requestTimeoutMs: 20 })
    await expectRejects(channel.request('rooms.list', {}), 'MSG_ERR_TIMEOUT')
    const many = Array.from({ length: 257 }, () => channel.request('rooms.list', {}))
    const codes = await Promise.all(many.map((request) => request.catch((error: MsgError) => error.code)))
    expect(codes.filter((code) => code === 'MSG_ERR_LIMIT')).to.have.length(1)
    expect(codes.filter((code) => code === 'MSG_ERR_TIMEOUT')).to.have.length(256)
  })

  it('tells when the connection is lost, and what was waiting with it', async () => {
    const { channel, closed } = await dial()
    const waiting = channel.request('rooms.list', {})
    waiting.catch(() => {})
    answer = () => {
      server.sockets.at(-1)!.destroy()
      return undefined
    }
    expect((await closed).code).to.equal('MSG_ERR_CONNECTION_CLOSED')
    await expectRejects(waiting, 'MSG_ERR_CONNECTION_CLOSED')
  })

  it('says why a server cannot be reached', async () => {
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as AddressInfo
    const host = '127.0.0.1'
    const timedOut = await expectRejects(
      dial({ address: { host, port }, connectTimeoutMs: 30 }),
      'MSG_ERR_SERVER_UNREACHABLE',
    )
    expect(timedOut.message).to.contain('timed out')
    const abort = new AbortController()
    const cancelled = dial({ address: { host, port }, signal: abort.signal })
    abort.abort()
    await expectRejects(cancelled, 'MSG_ERR_CANCELLED')
    await expectRejects(dial({ signal: AbortSignal.abort() }), 'MSG_ERR_CANCELLED')
    await new Promise((resolve) => silent.close(resolve))
    const refused = await expectRejects(dial({ address: { host, port } }), 'MSG_ERR_SERVER_UNREACHABLE')
    expect(refused.message).to.equal(`cannot reach the server at 127.0.0.1:${port} (nothing listens there)`)
  })
})
