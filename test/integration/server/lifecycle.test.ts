import { X509Certificate } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { connectAdmin, createServer } from '../../../src/core/index.ts'
import type { Server, ServerOptions } from '../../../src/core/server/api.ts'
import { ControlClient } from '../../helpers/control-client.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { startServerProcess } from '../../helpers/server-process.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('server: lifecycle', () => {
  const started: Server[] = []
  const start = async (options: ServerOptions): Promise<Server> => {
    const server = await createServer({ host: '127.0.0.1', port: 0, passwordCost: 'minimal', ...options })
    started.push(server)
    return server
  }
  afterEach(async () => {
    for (const server of started.splice(0)) await server.close()
    removeTempDirs()
  })

  it('loses no account, session or room when it is killed', async () => {
    const dataDir = tempDir()
    const first = await startServerProcess({ dataDir })
    const alice = await ControlClient.connect(first.said.port)
    const bob = await ControlClient.connect(first.said.port)
    await alice.register('alice')
    await bob.register('bob')
    await alice.ask('session.open', { user: 'bob' })
    await bob.ask('session.accept', { user: 'alice' })
    await alice.ask('room.create', { room: 'Lab' })
    await bob.ask('room.enter', { room: 'lab' })
    await first.end('SIGKILL')

    const second = await startServerProcess({ dataDir })
    expect(second.said.code).to.equal(undefined)
    expect(second.said.fingerprint).to.equal(first.said.fingerprint)
    const again = await ControlClient.connect(second.said.port, { key: alice.key, instance: alice.instance })
    expect((await again.loginDevice('alice')).virtualAddress).to.equal('100.64.0.1')
    expect(await again.next('session.opened')).to.deep.equal({ user: 'bob', present: false })
    expect(await again.next('room.entered')).to.deep.equal({ room: 'Lab', owner: 'alice' })
    const bob2 = await ControlClient.connect(second.said.port)
    await bob2.login('bob')
    expect(await again.next('session.opened')).to.deep.equal({ user: 'bob', present: true })
    expect(await again.next('room.member')).to.deep.equal({ room: 'Lab', user: 'bob', change: 'back' })
    await second.end('SIGTERM')
  })

  it('refuses a data directory that another server holds, and says who', async () => {
    const dataDir = tempDir()
    const holder = await startServerProcess({ dataDir })
    const error = await expectRejects(start({ dataDir }), 'MSG_ERR_DATA_DIR_BUSY')
    expect(error.detail).to.contain(`process ${holder.child.pid}`)
    expect(error.detail).to.contain(`port ${holder.said.port}`)
    await holder.end('SIGKILL')
    const server = await start({ dataDir })
    await expectRejects(start({ dataDir }), 'MSG_ERR_DATA_DIR_BUSY')
    expect((await server.status()).pid).to.equal(process.pid)
  })

  it('tells its clients that it stops, frees everything, and starts again', async () => {
    const dataDir = tempDir()
    const server = await start({ dataDir })
    const events = server.events()
    const [client, stranger] = [
      await ControlClient.connect(server.address.port),
      await ControlClient.connect(server.address.port),
    ]
    await client.register('alice')
    let isStopped = false
    void server.stopped.then(() => (isStopped = true))
    await Promise.all([server.close(), server.stop()])
    expect(isStopped).to.equal(true)
    expect(await client.next('server.closing')).to.deep.equal({ reason: 'stopping' })
    expect(await stranger.next('server.closing')).to.deep.equal({ reason: 'stopping' })
    await client.closed
    const types: string[] = []
    for await (const { type } of events) types.push(type)
    expect(types).to.deep.equal(['registered', 'signed-in', 'signed-out', 'stopped'])
    expect(existsSync(join(dataDir, 'server.json'))).to.equal(false)
    expect(existsSync(join(dataDir, 'admin.sock'))).to.equal(false)
    const again = await start({ dataDir, port: server.address.port })
    expect((await again.status()).accounts).to.equal(1)
  })

  it('keeps its certificate, with a key that only its owner may read', async () => {
    const dataDir = tempDir()
    const server = await start({ dataDir })
    expect(server.address.fingerprint).to.match(/^SHA256:[A-Za-z0-9+/]{43}$/)
    expect(statSync(join(dataDir, 'server-key.pem')).mode & 0o777).to.equal(0o600)
    expect(
      new X509Certificate(readFileSync(join(dataDir, 'server-cert.pem'))).publicKey.asymmetricKeyDetails?.namedCurve,
    ).to.equal('prime256v1')
    await server.close()
    expect((await start({ dataDir })).address.fingerprint).to.equal(server.address.fingerprint)
  })

  it('takes a certificate that it is given, and refuses one that is unusable', async () => {
    const other = await start({ dataDir: tempDir() })
    const { dataDir } = await other.status()
    const cert = join(dataDir, 'server-cert.pem')
    const key = join(dataDir, 'server-key.pem')
    expect((await start({ dataDir: tempDir(), cert, key })).address.fingerprint).to.equal(other.address.fingerprint)
    await expectRejects(start({ dataDir: tempDir(), cert }), 'MSG_ERR_CONFIG_INVALID')
    await expectRejects(start({ dataDir: tempDir(), cert, key: cert }), 'MSG_ERR_CONFIG_INVALID')
    await expectRejects(start({ dataDir: tempDir(), cert: '/no/such/file', key }), 'MSG_ERR_CONFIG_INVALID')
  })

  it('says when a port is in use, TCP or UDP, and leaves nothing open', async () => {
    const tcp = createTcpServer().listen(0, '127.0.0.1')
    await once(tcp, 'listening')
    const dataDir = tempDir()
    const { port } = tcp.address() as AddressInfo
    const error = await expectRejects(start({ dataDir, port }), 'MSG_ERR_PORT_IN_USE')
    expect(error.detail).to.equal(`127.0.0.1:${port}`)
    tcp.close()
    const udp = createSocket('udp4').bind(0, '127.0.0.1')
    await once(udp, 'listening')
    await expectRejects(start({ dataDir, udpPort: udp.address().port }), 'MSG_ERR_PORT_IN_USE')
    udp.close()
    await start({ dataDir })
  })

  it('says when its directory cannot be used or its database is damaged', async () => {
    const file = join(tempDir(), 'file')
    writeFileSync(file, '')
    await expectRejects(start({ dataDir: join(file, 'data') }), 'MSG_ERR_DIRECTORY_ACCESS')
    const damaged = tempDir()
    writeFileSync(join(damaged, 'server.db'), 'this is not a database. '.repeat(400))
    const error = await expectRejects(start({ dataDir: damaged }), 'MSG_ERR_STORE_CORRUPT')
    expect(error.detail).to.contain(join(damaged, 'server.db'))
  })

  it('refuses options that make no sense', async () => {
    for (const options of [
      { port: -1 },
      { port: 1.5 },
      { udpPort: 70_000 },
      { limits: { connections: 0 } },
      { limits: { ringMs: Number.NaN } },
      { host: 'no.such.host.invalid' },
    ]) {
      await expectRejects(start({ dataDir: tempDir(), ...options }), 'MSG_ERR_CONFIG_INVALID')
    }
  })

  it('listens on every address unless told otherwise, and tells IPv4 clients from one another', async () => {
    const server = await createServer({ dataDir: tempDir(), port: 0, passwordCost: 'minimal' })
    started.push(server)
    expect(server.address.host).to.be.oneOf(['::', '0.0.0.0'])
    const client = await ControlClient.connect(server.address.port)
    await client.register('alice')
    expect((await server.users())[0]?.addresses).to.deep.equal(['127.0.0.1'])
  })

  it('answers the same through its admin socket', async () => {
    const dataDir = tempDir()
    const server = await start({ dataDir, name: 'the lab' })
    expect(statSync(join(dataDir, 'admin.sock')).mode & 0o777).to.equal(0o600)
    const client = await ControlClient.connect(server.address.port)
    await client.register('Alice')
    await client.ask('room.create', { room: 'Lab' })
    const admin = await connectAdmin({ dataDir })
    expect(await admin.users()).to.deep.equal([
      { user: 'Alice', status: 'active', virtualAddress: '100.64.0.1', connections: 1, addresses: ['127.0.0.1'] },
    ])
    expect(await admin.sessions()).to.deep.equal([])
    expect(await admin.rooms()).to.deep.equal([{ room: 'Lab', owner: 'Alice', members: 1 }])
    expect(await admin.members('lab')).to.deep.equal({
      room: 'Lab',
      owner: 'Alice',
      members: [{ user: 'Alice', present: true }],
    })
    await expectRejects(admin.members('nowhere'), 'MSG_ERR_ROOM_UNKNOWN')
    const status = await admin.status()
    expect(status).to.deep.include({
      name: 'the lab',
      pid: process.pid,
      ...server.address,
      dataDir,
      accounts: 1,
      connections: 1,
      rooms: 1,
    })
    expect(status.rss).to.be.above(10_000_000)
    client.destroy()
    while ((await admin.users({ connected: true })).length > 0);
    expect((await admin.users())[0]?.status).to.equal('offline')
    await admin.stop()
    await server.stopped
    await expectRejects(admin.status(), 'MSG_ERR_CONNECTION_CLOSED')
    await expectRejects(connectAdmin({ dataDir }), 'MSG_ERR_SERVER_NOT_RUNNING')
  })

  it('has its admin socket elsewhere when the directory’s path is too long for one', async () => {
    const dataDir = join(tempDir(), 'd'.repeat(90), 'e'.repeat(90))
    mkdirSync(dataDir, { recursive: true })
    const server = await start({ dataDir })
    const admin = await connectAdmin({ dataDir })
    expect((await admin.status()).dataDir).to.equal(dataDir)
    admin.close()
    const { admin: path } = JSON.parse(readFileSync(join(dataDir, 'server.json'), 'utf8')) as { admin: string }
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    await server.close()
    expect(existsSync(path)).to.equal(false)
  })

  it('has no admin to connect to where no server runs, even if one was killed there', async () => {
    await expectRejects(connectAdmin({ dataDir: tempDir() }), 'MSG_ERR_SERVER_NOT_RUNNING')
    const dataDir = tempDir()
    const killed = await startServerProcess({ dataDir })
    await killed.end('SIGKILL')
    expect(existsSync(join(dataDir, 'server.json'))).to.equal(true)
    await expectRejects(connectAdmin({ dataDir }), 'MSG_ERR_SERVER_NOT_RUNNING')
  })
})
