import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { createServer } from '../../../src/core/index.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { decodeResponse, encodeRequest } from '../../../src/core/wire/rendezvous.ts'
import { ControlClient } from '../../helpers/control-client.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('server: presence, sessions, rooms', () => {
  let server: Server
  const signedUp = async (user: string): Promise<ControlClient> => {
    const client = await ControlClient.connect(server.address.port)
    await client.register(user)
    return client
  }
  const back = async (user: string, before: ControlClient): Promise<ControlClient> => {
    const client = await ControlClient.connect(server.address.port, { key: before.key, instance: before.instance })
    await client.loginDevice(user)
    return client
  }

  beforeEach(async () => {
    server = await createServer({ dataDir: tempDir(), host: '127.0.0.1', port: 0, passwordCost: 'minimal' })
  })
  afterEach(async () => {
    await server.close()
    removeTempDirs()
  })

  it('opens a session by asking and accepting, by name and by virtual address', async () => {
    const [alice, bob] = [await signedUp('alice'), await signedUp('bob')]
    expect(await alice.ask('session.open', { user: '100.64.0.2' })).to.deep.equal({ user: 'bob', state: 'ringing' })
    expect(await bob.next('session.request')).to.deep.equal({ user: 'alice' })
    expect((await server.sessions()).map(({ users, state }) => [...users, state])).to.deep.equal([
      ['alice', 'bob', 'ringing'],
    ])
    await bob.ask('session.accept', { user: 'Alice' })
    expect(await alice.next('session.opened')).to.deep.equal({ user: 'bob', present: true })
    expect(await bob.next('session.opened')).to.deep.equal({ user: 'alice', present: true })
    const [session] = await server.sessions()
    expect(session?.state).to.equal('open')
    expect(new Date(session?.since ?? 0).getTime()).to.be.closeTo(Date.now(), 60_000)
  })

  it('introduces the two with the addresses its UDP port saw', async () => {
    const [alice, bob] = [await signedUp('alice'), await signedUp('bob')]
    const other = await ControlClient.connect(server.address.port, { key: alice.key })
    const { udp } = await other.loginDevice('alice')
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const request = encodeRequest(Buffer.from(udp.token, 'hex'))
    socket.send(request, udp.port, '127.0.0.1')
    const [answer] = (await once(socket, 'message')) as [Buffer]
    const seen = { host: '127.0.0.1', port: socket.address().port }
    expect(decodeResponse(answer)).to.deep.equal({
      token: new Uint8Array(Buffer.from(udp.token, 'hex')),
      address: seen,
    })
    socket.close()
    await other.ask('session.open', { user: 'bob' })
    await bob.next('session.request')
    await bob.ask('session.accept', { user: 'alice' })
    const told = await bob.next('peer.introduced', { instance: other.instance })
    const mutual = await other.next('peer.introduced', { instance: bob.instance })
    expect(told).to.deep.equal({
      instance: other.instance,
      user: 'alice',
      device: alice.device,
      candidates: [{ ...seen, kind: 'observed' }],
      channel: mutual.channel,
    })
    expect(mutual.user).to.equal('bob')
  })

  it('answers nothing at the UDP port to anybody it does not know, and survives what is thrown at it', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const answers: Buffer[] = []
    socket.on('message', (message) => answers.push(message))
    const alice = await signedUp('alice')
    const { udp } = await (await ControlClient.connect(server.address.port, { key: alice.key })).loginDevice('alice')
    const good = encodeRequest(Buffer.from(udp.token, 'hex'))
    const send = (bytes: Uint8Array): Promise<void> =>
      new Promise((resolve) => socket.send(bytes, udp.port, '127.0.0.1', () => resolve()))
    for (let i = 0; i < 300; i++) {
      await send(Buffer.from(Array.from({ length: (i * 7) % 90 }, (_, j) => (i * 31 + j * 17) & 0xff)))
      await send(good.with(i % 17, (good[i % 17] ?? 0) ^ (1 + (i % 255))))
      await send(good.subarray(0, i % 64))
      // The server shares this event loop: let it read before the kernel's buffer is full.
      await new Promise((resolve) => setImmediate(resolve))
    }
    const answered = once(socket, 'message')
    await send(good)
    await answered
    expect(answers).to.have.lengthOf(1)
    expect((await server.status()).connections).to.equal(2)
    socket.close()
  })

  it('tells a broken connection from a goodbye', async () => {
    const [alice, bob, carol] = [await signedUp('alice'), await signedUp('bob'), await signedUp('carol')]
    for (const other of [bob, carol]) {
      await alice.ask('session.open', { user: other === bob ? 'bob' : 'carol' })
      await other.next('session.request')
      await other.ask('session.accept', { user: 'alice' })
      await other.next('session.opened')
    }
    bob.destroy()
    expect(await alice.next('session.opened', { user: 'bob', present: false })).to.exist
    expect((await server.sessions()).map(({ state }) => state).sort()).to.deep.equal(['open', 'waiting'])
    const again = await back('bob', bob)
    expect(await again.next('session.opened')).to.deep.equal({ user: 'alice', present: true })
    expect(await alice.next('session.opened', { user: 'bob', present: true })).to.exist
    await carol.ask('signout', { leave: true })
    expect(await alice.next('session.closed')).to.deep.equal({ user: 'carol', reason: 'left' })
  })

  it('keeps rooms with their members, and closes one when its owner goes for good', async () => {
    const [alice, bob] = [await signedUp('alice'), await signedUp('bob')]
    await alice.ask('room.create', { room: 'Lab' })
    await bob.ask('room.enter', { room: 'lab' })
    expect(await alice.next('room.member')).to.deep.equal({ room: 'Lab', user: 'bob', change: 'entered' })
    expect(await bob.next('room.entered')).to.deep.equal({ room: 'Lab', owner: 'alice' })
    expect(await server.members('LAB')).to.deep.equal({
      room: 'Lab',
      owner: 'alice',
      members: [
        { user: 'alice', present: true },
        { user: 'bob', present: true },
      ],
    })
    await expectRejects(server.members('nowhere'), 'MSG_ERR_ROOM_UNKNOWN')
    await expectRejects(bob.ask('room.close', { room: 'lab' }), 'MSG_ERR_NOT_ROOM_OWNER')
    await alice.ask('signout', { leave: true })
    expect(await bob.next('room.closed')).to.deep.equal({ room: 'Lab', reason: 'owner-left' })
    expect(await server.rooms()).to.deep.equal([])
  })

  it('pages long lists so that every line fits', async () => {
    const clients = []
    for (let i = 0; i < 170; i++) {
      const client = await signedUp(`user-${String(i).padStart(3, '0')}-${'𝔘'.repeat(20)}`)
      clients.push(client)
      if (clients.length > 20) clients.shift()?.destroy()
    }
    const last = clients.at(-1)
    const page = await last?.ask('users.list', {})
    expect(page?.users).to.have.lengthOf(150)
    const rest = await last?.ask('users.list', { after: page?.next ?? '' })
    expect(rest?.users).to.have.lengthOf(20)
    expect(rest?.next).to.equal(null)
    expect(new Set([...(page?.users ?? []), ...(rest?.users ?? [])].map(({ user }) => user)).size).to.equal(170)
  })

  it('gives up a session that rings too long', async () => {
    await server.close()
    server = await createServer({
      dataDir: tempDir(),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      limits: { ringMs: 50 },
    })
    const [alice, bob] = [await signedUp('alice'), await signedUp('bob')]
    await alice.ask('session.open', { user: 'bob' })
    expect(await alice.next('session.declined')).to.deep.equal({ user: 'bob', reason: 'timeout' })
    expect(await bob.next('session.closed')).to.deep.equal({ user: 'alice', reason: 'withdrawn' })
  })
})
