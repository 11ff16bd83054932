import { expect } from 'chai'
import { join } from 'node:path'
import { JsonProcess } from '../helpers/json-client.ts'
import { canMakeNamespaces, Lan, type LanHost } from '../helpers/lan.ts'
import { BIN, sandbox } from '../helpers/run-msg.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('people on machines of their own', () => {
  const directory = useTempDir()
  const running: JsonProcess[] = []
  let lan: Lan
  let address: string

  const start = (host: LanHost, ...args: string[]): JsonProcess => {
    const child = new JsonProcess(Lan.on(host, [process.execPath, BIN, ...args, '--json']), sandbox(directory()))
    running.push(child)
    return child
  }
  const signUp = async (host: LanHost, user: string, server = address): Promise<JsonProcess> => {
    const client = start(host, 'client', 'connect', server, '--data-dir', join(directory(), user))
    client.say(`register ${user} secret-${user}`)
    await client.until({ type: 'result', command: 'register', ok: true })
    return client
  }

  before(function () {
    if (canMakeNamespaces()) return
    if (process.env['CI']) throw new Error('network namespaces are required here')
    console.log('      skipped: making network namespaces is not permitted')
    this.skip()
  })
  beforeEach(async () => {
    lan = new Lan(3)
    const [host] = lan.hosts
    const server = start(
      host!,
      'server',
      'start',
      '--port',
      '0',
      '--udp-port',
      '0',
      '--data-dir',
      join(directory(), 'server'),
    )
    const { port } = await server.until({ type: 'listening' })
    address = `${host!.address}:${String(port)}`
  })
  afterEach(async () => {
    await Promise.all(running.splice(0).map((child) => child.kill('SIGKILL')))
    lan.close()
  })

  it('talk over a link between their machines, not through the server', async () => {
    const [, first, second] = lan.hosts
    const alice = await signUp(first!, 'alice')
    const bob = await signUp(second!, 'bob')
    alice.say('open bob')
    await bob.until({ type: 'session.request', from: 'alice' })
    bob.say('accept alice')
    const path = await alice.until({ type: 'path', with: 'bob', state: 'open' })
    expect(path['path']).to.equal('lan')
    expect(String(path['address']).split(':')[0]).to.equal(second!.address)
    alice.say('send hello across the wire')
    expect(await bob.until({ type: 'message', from: 'alice' })).to.include({ text: 'hello across the wire' })
    bob.say('send and back')
    expect(await alice.until({ type: 'message', from: 'bob' })).to.include({ text: 'and back' })
    await Promise.all([alice.leave(), bob.leave()])
  })

  it('reach somebody who sits at the server itself and signed in over loopback', async () => {
    const [host, first] = lan.hosts
    const alice = await signUp(host!, 'alice', address.replace(/^[^:]*/, '127.0.0.1'))
    const bob = await signUp(first!, 'bob')
    bob.say('open alice')
    await alice.until({ type: 'session.request', from: 'bob' })
    alice.say('accept bob')
    bob.say('send are you there')
    expect(await alice.until({ type: 'message', from: 'bob' })).to.include({ text: 'are you there' })
  })

  it('go on talking when the server is killed, and are signed in again when it is back', async () => {
    const [host, first, second] = lan.hosts
    const alice = await signUp(first!, 'alice')
    const bob = await signUp(second!, 'bob')
    alice.say('open bob')
    await bob.until({ type: 'session.request' })
    bob.say('accept alice')
    await alice.until({ type: 'path', state: 'open' })
    await running[0]!.kill('SIGKILL')
    await alice.until({ type: 'reconnecting' })
    alice.say('send without a server')
    expect(await bob.until({ type: 'message' })).to.include({ text: 'without a server' })

    const port = address.split(':')[1]!
    start(host!, 'server', 'start', '--port', port, '--data-dir', join(directory(), 'server'))
    await Promise.all([alice, bob].map((client) => client.until({ type: 'signed-in', restored: true })))
    alice.say('connected')
    const { users } = await alice.until({ type: 'result', command: 'connected', ok: true })
    expect((users as Array<{ user: string }>).map(({ user }) => user)).to.have.members(['alice', 'bob'])
  })
})
