import { expect } from 'chai'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import type { MsgError } from '../../../src/core/errors.ts'
import { ClientPlugins, type ClientPluginsDeps } from '../../../src/core/plugins/client-plugins.ts'
import type { ClientScope } from '../../../src/core/plugins/client-scope.ts'
import { defineClientPlugin } from '../../../src/core/plugins/define.ts'
import { defineProtocol } from '../../../src/core/plugins/protocol.ts'
import { protocol } from '../../helpers/echo-protocol.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { HostWorld, settled } from '../../helpers/plugin-host.ts'

type Scope = ClientScope<typeof protocol>

describe('plugins/client-plugins', () => {
  let world: HostWorld
  let asked: unknown[]
  let answered: unknown[]
  let answer: { payload?: unknown }
  let client: ClientPlugins
  let self: ReturnType<ClientPluginsDeps['identity']>

  beforeEach(() => {
    world = new HostWorld()
    asked = []
    answered = []
    answer = { payload: { heard: 'hi' } }
    self = undefined
    client = new ClientPlugins(
      Object.assign(world, {
        request: async (sent: unknown) => {
          asked.push(sent)
          return answer
        },
        answer: (sent: unknown) => void answered.push(sent),
        transfers: { download: () => Promise.reject(new Error('none')) },
        identity: () => self,
        confirm: async () => undefined,
      }),
    )
  })
  const begin = async (setup: (scope: Scope) => void = () => {}): Promise<Scope> => {
    let scope!: Scope
    await client.start([{ plugin: defineClientPlugin({ protocol, setup: (given) => setup((scope = given)) }) }])
    client.handleHello({ echo: 2 }, {})
    return scope
  }

  it('ask their other half, checked in both directions', async () => {
    const scope = await begin()
    expect(await scope.request('say', { text: 'hi' })).to.deep.equal({ heard: 'hi' })
    expect(asked).to.deep.equal([{ plugin: 'echo', message: 'say', payload: { text: 'hi' } }])
    answer = { payload: { heard: 7 } }
    await expectRejects(scope.request('say', { text: 'hi' }), 'MSG_ERR_PROTOCOL')
    await expectRejects(scope.request('say', { text: 'x'.repeat(200) }), 'MSG_ERR_LIMIT')
    expect(asked).to.have.length(2)
  })

  it('say so when the server lacks them, or has another version', async () => {
    const scope = await begin()
    for (const there of [{}, { echo: 1 }]) {
      client.handleHello(there, {})
      await expectRejects(scope.request('say', { text: '' }), 'MSG_ERR_PLUGIN_MISSING')
    }
    expect(asked).to.deep.equal([])
  })

  it('hear what the server says, and nothing that does not fit', async () => {
    const heard: string[] = []
    await begin((scope) => scope.handle('told', ({ text }) => void heard.push(text)))
    for (const payload of [{ text: 'one' }, { text: 7 }, { text: 'x'.repeat(200) }, { text: 'two' }])
      client.handleMessage({ plugin: 'echo', message: 'told', payload })
    client.handleMessage({ plugin: 'echo', message: 'say', payload: { text: 'three' } })
    client.handleMessage({ plugin: 'nobody', message: 'told', payload: { text: 'four' } })
    await settled()
    expect(heard).to.deep.equal(['one', 'two'])
    expect(world.codes).to.deep.equal(['echo MSG_ERR_PROTOCOL', 'echo MSG_ERR_LIMIT'])
  })

  it('bring commands; one that does not start is told and the rest goes on', async () => {
    const command = { name: 'echo', summary: 'says it again', run: async () => ({}), text: () => [] }
    const broken = defineClientPlugin({
      protocol: defineProtocol({ ...protocol, id: 'broken' }),
      setup: (scope) => {
        scope.command({ ...command, name: 'broken' })
        throw new Error('no')
      },
    })
    await client.start([{ plugin: broken }])
    expect(client.versions).to.deep.equal({})
    await begin((scope) => scope.command(command))
    expect(world.codes).to.deep.equal(['broken MSG_ERR_PLUGIN_LOAD'])
    expect(client.commands.map(({ name }) => name)).to.deep.equal(['echo'])
    await client.close()
    expect(client.commands).to.deep.equal([])
  })

  it('answer what the server asks, and say what went wrong', async () => {
    await begin((scope) =>
      scope.handle('guess', ({ text }) => {
        if (text === '') throw new Error('secret')
        return { number: text.length }
      }),
    )
    const ask = (number: number, payload: unknown, plugin = 'echo'): void =>
      client.handleMessage({ plugin, message: 'guess', payload, ask: number })
    ask(1, { text: 'three' })
    ask(2, { text: '' })
    ask(3, { text: 'x' }, 'nobody')
    await settled()
    const all = answered as Array<{ ask: number; payload?: unknown; error?: { code: string } }>
    const [first, ...rest] = all.sort((a, b) => a.ask - b.ask)
    expect(first).to.deep.equal({ plugin: 'echo', ask: 1, payload: { number: 5 } })
    expect(rest.map(({ error }) => error?.code)).to.deep.equal(['MSG_ERR_PLUGIN_FAILED', 'MSG_ERR_PLUGIN_MISSING'])
  })

  it('are told of what the server has and they lack', async () => {
    await begin()
    const missing = client.handleHello({ echo: 3, broadcast: 1 }, { broadcast: 'msg-plugin-broadcast@0.1.0' })
    expect(missing).to.deep.equal([
      { plugin: 'echo', version: 3, here: 2, package: null },
      { plugin: 'broadcast', version: 1, here: null, package: 'msg-plugin-broadcast@0.1.0' },
    ])
  })

  it('hear that somebody types, once a second at most', async () => {
    let inputs = 0
    await begin((scope) => scope.hook('input', () => void inputs++))
    for (let i = 0; i < 5; i++) client.handleInput()
    expect(inputs).to.equal(1)
    await world.clock.advance(1_000)
    client.handleInput()
    expect(inputs).to.equal(2)
  })

  it('sign for themselves alone', async () => {
    const scope = await begin()
    expect(() => scope.sign(Buffer.from('x')))
      .to.throw()
      .with.property('code', 'MSG_ERR_SIGN_IN_REQUIRED')
    self = { user: 'alice', key: deviceKey(Buffer.alloc(32, 1)) }
    const signature = scope.sign(Buffer.from('x'))
    const { deviceKey: key } = scope.self()!
    expect(scope.isSignedBy(key, Buffer.from('x'), signature)).to.equal(true)
    expect(scope.isSignedBy(key, Buffer.from('y'), signature)).to.equal(false)
    let other!: Scope
    const half = defineClientPlugin({
      protocol: defineProtocol({ ...protocol, id: 'other' }),
      setup: (given) => void (other = given),
    })
    await client.start([{ plugin: half }])
    expect(other.isSignedBy(key, Buffer.from('x'), signature)).to.equal(false)
  })

  it('change what is said one after the other, and refuse it by throwing', async () => {
    await begin((scope) => {
      scope.hook('message:outgoing', (text) => `${text}!`)
      scope.hook('message:outgoing', async (text) => {
        if (text === 'no!') throw new Error('not this')
        return text.toUpperCase()
      })
    })
    expect(await client.outgoing('hi', { user: 'bob' })).to.equal('HI!')
    await expectRejects(client.outgoing('no', { user: 'bob' }), 'MSG_ERR_PLUGIN_FAILED')
    expect(world.codes).to.deep.equal(['echo MSG_ERR_PLUGIN_FAILED'])
  })

  it('leave what is said in its order, however long they take over each', async () => {
    const order: string[] = []
    await begin((scope) =>
      scope.hook('message:outgoing', async (text) => {
        await settled()
        if (text === 'slow') await settled()
        return text
      }),
    )
    await Promise.all(
      ['slow', 'quick', 'last'].map(async (text) => order.push(await client.outgoing(text, { user: 'bob' }))),
    )
    expect(order).to.deep.equal(['slow', 'quick', 'last'])
  })

  it('answer for a person who asks to talk, the first that does; failures leave it to the next', async () => {
    await begin((scope) => {
      scope.hook('session:request', () => {
        throw new Error('broken')
      })
      scope.hook('session:request', ({ user }) => (user === 'mallory' ? 'decline' : undefined))
      scope.hook('session:request', ({ user }) => (user === 'bob' ? 'accept' : undefined))
    })
    const answers = await Promise.all(['mallory', 'bob', 'carol'].map((user) => client.answerRequest(user)))
    expect(answers).to.deep.equal(['decline', 'accept', undefined])
  })

  it('answer nothing on a connection on which it was not asked', async () => {
    let answerIt!: () => void
    await begin((scope) =>
      scope.handle('guess', async () => {
        await new Promise<void>((resolve) => (answerIt = resolve))
        return { number: 1 }
      }),
    )
    client.handleMessage({ plugin: 'echo', message: 'guess', payload: { text: 'x' }, ask: 1 })
    await settled()
    client.handleHello({ echo: 2 }, {})
    answerIt()
    await settled()
    expect(answered).to.deep.equal([])
  })

  it('are named once for one event that their hook fails at', async () => {
    const { onFault } = world
    Object.assign(world, {
      onFault(plugin: string, error: MsgError) {
        onFault(plugin, error)
        client.handleEvent({ type: 'warning', code: error.code, message: error.message })
      },
    })
    await begin((scope) => scope.hook('event', () => Promise.reject(new Error('no'))))
    client.handleEvent({ type: 'disconnected', reason: 'x' })
    await settled()
    expect(world.codes).to.deep.equal(['echo MSG_ERR_PLUGIN_FAILED'])
  })
})
