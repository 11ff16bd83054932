import { setTimeout as wait } from 'node:timers/promises'
import { expect } from 'chai'
import { createServer } from '../../../src/core/index.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { ControlClient } from '../../helpers/control-client.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('server: sign-in', () => {
  let server: Server
  const connect = (given?: Parameters<typeof ControlClient.connect>[1]): Promise<ControlClient> =>
    ControlClient.connect(server.address.port, given)

  beforeEach(async () => {
    server = await createServer({ dataDir: tempDir(), host: '127.0.0.1', port: 0, passwordCost: 'minimal' })
  })
  afterEach(async () => {
    await server.close()
    removeTempDirs()
  })

  it('registers, signs in with the password, then with the device key', async () => {
    const first = await connect()
    const made = await first.register('Alice')
    expect(made).to.deep.include({ user: 'Alice', virtualAddress: '100.64.0.1', status: 'active' })
    expect(made.udp.port).to.equal(server.address.udpPort)
    expect(made.udp.token).to.match(/^[0-9a-f]{32}$/)
    first.destroy()

    const second = await connect()
    expect((await second.login('ALICE')).user).to.equal('Alice')
    const third = await connect({ key: second.key })
    expect((await third.loginDevice('alice')).virtualAddress).to.equal('100.64.0.1')
    second.destroy()
    third.destroy()
  })

  it('refuses a name that is taken in any spelling, or is no name', async () => {
    const client = await connect()
    await client.register('alice')
    const other = await connect()
    await expectRejects(other.register('ALICE'), 'MSG_ERR_NAME_TAKEN')
    await expectRejects(other.register('a b'), 'MSG_ERR_NAME_INVALID')
    await expectRejects(other.register('100.64.0.9'), 'MSG_ERR_NAME_INVALID')
    expect((await other.register('bob')).virtualAddress).to.equal('100.64.0.2')
  })

  it('says the same of a wrong password and of an unknown user', async () => {
    const client = await connect()
    await client.register('alice')
    const guesser = await connect()
    const wrong = await expectRejects(guesser.login('alice', 'guess'), 'MSG_ERR_SIGN_IN_FAILED')
    const unknown = await expectRejects(guesser.login('nobody', 'guess'), 'MSG_ERR_SIGN_IN_FAILED')
    const nonsense = await expectRejects(guesser.login('no body', 'guess'), 'MSG_ERR_SIGN_IN_FAILED')
    expect(unknown.message).to.equal(wrong.message)
    expect(nonsense.message).to.equal(wrong.message)
  })

  it('makes guessing wait, for known and unknown users alike, and lets devices in meanwhile', async () => {
    const owner = await connect()
    await owner.register('alice')
    const guesser = await connect()
    for (const user of ['alice', 'nobody']) {
      for (let i = 0; i < 5; i++) await expectRejects(guesser.login(user, `guess ${i}`), 'MSG_ERR_SIGN_IN_FAILED')
      const error = await expectRejects(guesser.login(user, 'secret'), 'MSG_ERR_SIGN_IN_DELAYED')
      expect(error.detail).to.match(/^try again in 1 second$/)
    }
    const device = await connect({ key: owner.key })
    expect((await device.loginDevice('alice')).user).to.equal('alice')
  })

  it('counts guesses on many connections at once as many', async () => {
    const owner = await connect()
    await owner.register('alice')
    const guessers = await Promise.all(Array.from({ length: 12 }, () => connect()))
    const answers = await Promise.all(
      guessers.map((guesser) => guesser.login('alice', 'guess').catch((error: { code: string }) => error.code)),
    )
    expect(answers.filter((code) => code === 'MSG_ERR_SIGN_IN_FAILED')).to.have.lengthOf(5)
    expect(answers.filter((code) => code === 'MSG_ERR_SIGN_IN_DELAYED')).to.have.lengthOf(7)
  })

  it('lets many terminals of one user sign in with the password at once', async () => {
    const owner = await connect()
    await owner.register('alice')
    const terminals = await Promise.all(Array.from({ length: 12 }, () => connect()))
    const answers = await Promise.all(terminals.map((terminal) => terminal.login('alice')))
    expect(answers).to.have.lengthOf(12)
  })

  it('takes a device signature only for this TLS connection, this instance and a key that it knows', async () => {
    const owner = await connect()
    await owner.register('alice')
    const elsewhere = await connect({ key: owner.key })
    const here = await connect({ key: owner.key })
    await expectRejects(here.loginDevice('alice', elsewhere.exporter()), 'MSG_ERR_DEVICE_UNKNOWN')
    await expectRejects(here.loginDevice('nobody'), 'MSG_ERR_DEVICE_UNKNOWN')
    const stranger = await connect()
    await expectRejects(stranger.loginDevice('alice'), 'MSG_ERR_DEVICE_UNKNOWN')
    expect((await here.loginDevice('alice')).user).to.equal('alice')
  })

  it('does not take a signature that another connection made with the same instance', async () => {
    const owner = await connect()
    await owner.register('alice')
    const other = await connect({ key: owner.key })
    const replayed = await connect({ key: owner.key, instance: other.instance })
    await expectRejects(replayed.loginDevice('alice', other.exporter()), 'MSG_ERR_DEVICE_UNKNOWN')
  })

  it('signs in once a connection, and again after signing out', async () => {
    const client = await connect()
    await expectRejects(client.ask('users.list', {}), 'MSG_ERR_SIGN_IN_REQUIRED')
    await client.register('alice')
    await expectRejects(client.login('alice'), 'MSG_ERR_SIGNED_IN')
    await client.ask('signout', { leave: true })
    await expectRejects(client.ask('users.list', {}), 'MSG_ERR_SIGN_IN_REQUIRED')
    await expectRejects(client.ask('signout', { leave: true }), 'MSG_ERR_SIGN_IN_REQUIRED')
    expect((await client.login('alice')).user).to.equal('alice')
    expect((await client.ask('users.list', {})).users).to.deep.equal([
      { user: 'alice', status: 'active', virtualAddress: '100.64.0.1' },
    ])
  })

  it('gives an instance to no other device, also once its owner has vanished: links are named after it', async () => {
    const owner = await connect()
    await owner.register('alice')
    const thief = await connect({ instance: owner.instance })
    await expectRejects(thief.register('mallory'), 'MSG_ERR_PROTOCOL')
    owner.destroy()
    while ((await server.users({ connected: true })).length > 0) await wait(5)
    const again = await connect({ instance: owner.instance })
    await expectRejects(again.register('mallory'), 'MSG_ERR_PROTOCOL')
    const back = await connect({ key: owner.key, instance: owner.instance })
    expect((await back.loginDevice('alice')).user).to.equal('alice')
  })

  it('replaces a connection by one of the same instance, and refuses the instance to others', async () => {
    const first = await connect()
    await first.register('alice')
    const second = await connect({ key: first.key, instance: first.instance })
    await second.loginDevice('alice')
    await first.closed
    const guest = await connect({ key: first.key, instance: first.instance })
    await expectRejects(guest.register('bob'), 'MSG_ERR_SIGNED_IN')
    expect((await server.users({ connected: true })).map(({ user, connections }) => [user, connections])).to.deep.equal(
      [['alice', 1]],
    )
  })

  it('answers requests in their order, also those sent while the password is checked', async () => {
    const client = await connect()
    const order: string[] = []
    await Promise.all([
      client.register('alice').then(() => order.push('register')),
      client.ask('users.list', {}).then(() => order.push('users')),
      client.ask('room.create', { room: 'lab' }).then(() => order.push('room')),
    ])
    expect(order).to.deep.equal(['register', 'users', 'room'])
  })

  it('tells its console who came and who failed', async () => {
    const events = server.events()
    const client = await connect()
    await client.register('alice')
    const guesser = await connect()
    await expectRejects(guesser.login('alice', 'guess'), 'MSG_ERR_SIGN_IN_FAILED')
    client.destroy()
    const seen: unknown[] = []
    while (seen.length < 4) seen.push((await events.next()).value)
    expect(seen).to.deep.equal([
      { type: 'registered', user: 'alice' },
      { type: 'signed-in', user: 'alice', address: '127.0.0.1' },
      { type: 'sign-in.failed', user: 'alice', address: '127.0.0.1' },
      { type: 'signed-out', user: 'alice', reason: 'vanished' },
    ])
  })
})
