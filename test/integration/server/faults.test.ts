import { connect as connectTcp } from 'node:net'
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { expect } from 'chai'
import { createServer } from '../../../src/core/index.ts'
import { MAX_LINE } from '../../../src/core/control/methods.ts'
import type { Server, ServerOptions } from '../../../src/core/server/api.ts'
import { ControlClient } from '../../helpers/control-client.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('server: bad input and floods', () => {
  let server: Server
  const start = async (options: ServerOptions = {}): Promise<void> => {
    server = await createServer({ dataDir: tempDir(), host: '127.0.0.1', port: 0, passwordCost: 'minimal', ...options })
  }
  const connect = (given?: Parameters<typeof ControlClient.connect>[1]): Promise<ControlClient> =>
    ControlClient.connect(server.address.port, given)
  afterEach(async () => {
    await server.close()
    removeTempDirs()
  })

  it('answers what is not JSON, no object or not UTF-8 with id null, and closes', async () => {
    await start()
    for (const bytes of ['{\n', '[]\n', '"x"\n', Buffer.from([0xff, 0xfe, 0x0a])]) {
      const client = await connect()
      client.raw(bytes)
      await client.closed
      expect(client.strayErrors.map(({ code }) => code)).to.deep.equal(['MSG_ERR_PROTOCOL'])
    }
  })

  it('refuses a line over the limit before it ends, and takes one of exactly the limit', async () => {
    await start()
    const fits = await connect()
    const request = JSON.stringify({ jsonrpc: '2.0', id: 9, method: 'no.such', params: { pad: '' } })
    fits.raw(`${request.replace('""', `"${'x'.repeat(MAX_LINE - 1 - request.length)}"`)}\n`)
    await expectRejects(fits.ask('users.list', {}), 'MSG_ERR_SIGN_IN_REQUIRED')
    const over = await connect()
    over.raw('x'.repeat(MAX_LINE))
    await over.closed
    expect(over.strayErrors.map(({ code }) => code)).to.deep.equal(['MSG_ERR_LIMIT'])
  })

  it('refuses unknown methods, wrong parameters and batches, and goes on', async () => {
    await start()
    const client = await connect()
    await expectRejects(client.ask('no.such' as 'users.list', {}), 'MSG_ERR_METHOD_UNKNOWN')
    await expectRejects(client.ask('toString' as 'users.list', {}), 'MSG_ERR_METHOD_UNKNOWN')
    const wrong = await expectRejects(client.ask('register', { user: 7 } as never), 'MSG_ERR_PROTOCOL')
    expect(wrong.detail).to.contain('user')
    client.raw('{"jsonrpc":"2.0","method":"a.notification"}\n{"jsonrpc":"2.0","id":1,"result":{}}\n\r\n\n')
    expect((await client.register('alice')).user).to.equal('alice')
  })

  it('wants hello first, once, and of its own version', async () => {
    await start()
    const silent = await connect({ hello: false })
    await expectRejects(silent.register('alice'), 'MSG_ERR_PROTOCOL')
    const old = await connect({ hello: false })
    const error = await expectRejects(old.ask('hello', { protocol: 0, agent: 'old' }), 'MSG_ERR_VERSION')
    expect(error.detail).to.contain('0')
    await old.closed
    const client = await connect()
    await expectRejects(client.ask('hello', { protocol: 1, agent: 'x' }), 'MSG_ERR_PROTOCOL')
  })

  it('closes connections that never sign in, and leaves those that did', async () => {
    await start({ limits: { signInTimeoutMs: 200 } })
    const events = server.events()
    const signedIn = await connect()
    await signedIn.register('alice')
    const stranger = await connect()
    const mute = connectTcp(server.address.port, '127.0.0.1')
    mute.on('error', () => {})
    mute.resume()
    await Promise.all([stranger.closed, once(mute, 'close')])
    expect((await signedIn.ask('users.list', {})).users).to.have.lengthOf(1)
    const reasons: string[] = []
    for await (const event of events) {
      if (event.type !== 'refused') continue
      reasons.push(event.reason)
      break
    }
    expect(reasons).to.deep.equal(['did not sign in'])
  })

  it('takes only so many strangers from one address, and more when some have signed in or gone', async () => {
    await start({ limits: { unauthenticatedPerAddress: 3 } })
    const three = [await connect(), await connect(), await connect()]
    await connect().then(
      () => expect.fail('a fourth stranger was let in'),
      () => undefined,
    )
    await three[0]?.register('alice')
    const fourth = await connect()
    fourth.destroy()
    three[1]?.destroy()
    three[2]?.destroy()
    await three[2]?.closed
    let next: ControlClient | undefined
    while (!next) next = await connect().catch(() => undefined)
    expect((await next.register('bob')).user).to.equal('bob')
    await three[0]?.ask('signout', { leave: true })
    expect((await three[0]?.login('alice'))?.user).to.equal('alice')
  })

  it('takes only so many connections in all', async () => {
    await start({ limits: { connections: 2 } })
    const [one, two] = [await connect(), await connect()]
    await one.register('alice')
    await two.register('bob')
    await connect().then(
      () => expect.fail('a third connection was let in'),
      () => undefined,
    )
  })

  it('lets a user have only so many connections', async () => {
    await start({ limits: { connectionsPerUser: 2 } })
    const one = await connect()
    await one.register('alice')
    await (await connect()).login('alice')
    await expectRejects((await connect()).login('alice'), 'MSG_ERR_LIMIT')
  })

  it('lets a client over its request rate wait, not fail, and nobody else', async () => {
    await start({ limits: { requestsPerSecond: 1, requestBurst: 4 } })
    const other = await connect()
    await other.register('bob')
    const client = await connect()
    await client.register('alice')
    let answers = 0
    const all = Promise.all(Array.from({ length: 4 }, () => client.ask('users.list', {}).then(() => answers++)))
    await other.ask('users.list', {})
    await other.ask('users.list', {})
    expect(answers).to.equal(3)
    await all
    expect(answers).to.equal(4)
  })

  it('cuts off a client that does not read', async () => {
    await start({ limits: { requestsPerSecond: 1e6, requestBurst: 1e6 } })
    const reader = await connect()
    await reader.register('reader')
    const deaf = await connect()
    await deaf.register('deaf')
    deaf.socket.pause()
    const line = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x'.repeat(60) })}\n`.repeat(500)
    const isGone = (async (): Promise<void> => {
      while ((await server.users({ connected: true })).length > 1) await new Promise((resolve) => setImmediate(resolve))
    })()
    const push = (): void => {
      while (!deaf.socket.destroyed && deaf.socket.write(line));
      if (!deaf.socket.destroyed) deaf.socket.once('drain', push)
    }
    push()
    await isGone
    deaf.destroy()
    expect((await reader.ask('users.list', { connected: true })).users).to.have.lengthOf(1)
  })

  it('speaks TLS 1.3 only', async () => {
    await start()
    const old = connectTls({
      port: server.address.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    })
    const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).to.match(/SSL|ECONNRESET/)
    const modern = await connect()
    expect(modern.socket.getProtocol()).to.equal('TLSv1.3')
  })
})
