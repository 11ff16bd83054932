import { expect } from 'chai'
import * as v from 'valibot'
import { MsgError, type ErrorCode } from '../../../src/core/errors.ts'
import { defineServerPlugin } from '../../../src/core/plugins/define.ts'
import { defineProtocol } from '../../../src/core/plugins/protocol.ts'
import type { ServerScope } from '../../../src/core/plugins/server-scope.ts'
import { ServerPlugins, type PluginClient, type PluginNotice } from '../../../src/core/plugins/server-plugins.ts'
import { protocol } from '../../helpers/echo-protocol.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { HostWorld, settled } from '../../helpers/plugin-host.ts'

type Scope = ServerScope<typeof protocol>

describe('plugins/server-plugins', () => {
  let world: HostWorld
  let told: PluginNotice[]
  let server: ServerPlugins
  const alice: PluginClient = {
    instance: 'a1',
    user: 'alice',
    listening: true,
    plugins: { echo: 2 },
    tell: (sent) => void told.push(sent),
  }

  beforeEach(() => {
    world = new HostWorld()
    told = []
    server = new ServerPlugins(
      Object.assign(world, {
        links: () => {
          throw new Error('no links')
        },
      }),
    )
  })
  const start = (setup: (scope: Scope) => void | Promise<void>): Promise<void> =>
    server.start([{ plugin: defineServerPlugin({ protocol, setup }) }])
  const say = (payload: unknown, name = 'say', client = alice): Promise<unknown> =>
    server.handleMessage(client, { plugin: 'echo', message: name, payload })

  it('answer what clients say, checked in both directions', async () => {
    await start((scope) => scope.handle('say', ({ text }, { user }) => ({ heard: `${user}: ${text}`, more: 1 })))
    expect(await say({ text: 'hi', more: 1 })).to.deep.equal({ heard: 'alice: hi' })
    expect(server.versions).to.deep.equal({ echo: 2 })
  })

  const REFUSED: ReadonlyArray<readonly [string, unknown, string, ErrorCode]> = [
    ['what is too large, before it is looked at', { text: 7, more: 'x'.repeat(100) }, 'say', 'MSG_ERR_LIMIT'],
    ['what does not fit', { text: 7 }, 'say', 'MSG_ERR_PROTOCOL'],
    ['nothing', undefined, 'say', 'MSG_ERR_PROTOCOL'],
    ['a message that does not exist', {}, 'shout', 'MSG_ERR_METHOD_UNKNOWN'],
    ['one that every object has', {}, 'constructor', 'MSG_ERR_METHOD_UNKNOWN'],
    ["the server's own message", { text: 'x' }, 'told', 'MSG_ERR_METHOD_UNKNOWN'],
    ['one that nobody handles', {}, 'mute', 'MSG_ERR_METHOD_UNKNOWN'],
  ]
  for (const [what, payload, name, code] of REFUSED)
    it(`refuse ${what}`, async () => {
      await start((scope) => scope.handle('say', () => ({ heard: '' })))
      await expectRejects(say(payload, name), code)
      expect(world.codes).to.deep.equal([])
    })

  it('are not there for clients without them, or with another version', async () => {
    await start((scope) => scope.handle('say', () => ({ heard: '' })))
    for (const plugins of [{}, { echo: 1 }, { other: 2 }])
      await expectRejects(say({ text: '' }, 'say', { ...alice, plugins }), 'MSG_ERR_PLUGIN_MISSING')
    await expectRejects(
      server.handleMessage(alice, { plugin: 'constructor', message: 'say', payload: {} }),
      'MSG_ERR_PLUGIN_MISSING',
    )
  })

  it('answer with the error that a handler throws, and name the plugin for one that is no error of ours', async () => {
    await start((scope) =>
      scope.handle('say', ({ text }) => {
        throw text === '' ? new Error('secret') : new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: text })
      }),
    )
    expect((await expectRejects(say({ text: 'x' }), 'MSG_ERR_FILE_UNKNOWN')).detail).to.equal('x')
    expect((await expectRejects(say({ text: '' }), 'MSG_ERR_PLUGIN_FAILED')).message).not.to.contain('secret')
    expect(world.codes).to.deep.equal(['echo MSG_ERR_PLUGIN_FAILED'])
  })

  it('may not answer more than they said, nor something else', async () => {
    await start((scope) => scope.handle('say', ({ text }) => ({ heard: text === '' ? (7 as never) : text.repeat(9) })))
    await expectRejects(say({ text: '1234567' }), 'MSG_ERR_LIMIT')
    await expectRejects(say({ text: '' }), 'MSG_ERR_PROTOCOL')
  })

  it('hear who comes and goes, whatever another hook does, and can tell everybody', async () => {
    const heard: string[] = []
    await start((scope) => {
      scope.hook('session:open', () => {
        throw new Error('first')
      })
      scope.hook('session:open', ({ user, hasPlugin }) => void heard.push(`open ${user}${hasPlugin ? '' : ' without'}`))
      scope.hook('session:close', ({ user }, hasLeft) => void heard.push(`close ${user}${hasLeft ? ', left' : ''}`))
      scope.handle('say', ({ text }) => {
        for (const session of scope.sessions()) session.send('told', { text })
        return { heard: text }
      })
    })
    const stranger = { ...alice, instance: 'b1', user: 'bob', plugins: {} }
    for (const client of [alice, stranger]) server.handleOpen(client)
    await say({ text: 'all' })
    expect(told).to.deep.equal([{ plugin: 'echo', message: 'told', payload: { text: 'all' } }])
    // The same client on another connection has taken its place: the old one's end is none.
    server.handleOpen({ ...alice })
    for (const client of [alice, stranger]) server.handleClosed(client, true)
    expect(heard).to.deep.equal(['open alice', 'open bob without', 'open alice', 'close bob, left'])
    await settled()
    expect(world.codes).to.deep.equal([
      'echo MSG_ERR_PLUGIN_FAILED',
      'echo MSG_ERR_PLUGIN_FAILED',
      'echo MSG_ERR_PLUGIN_FAILED',
    ])
  })

  it('hear whom others see, and know it of every connection', async () => {
    const heard: string[] = []
    let scope!: Scope
    await start((given) => {
      scope = given
      scope.hook('user:visible', ({ user, isVisible }) => void heard.push(`${isVisible ? '+' : '-'}${user}`))
    })
    server.handleOpen(alice)
    expect([...scope.everybody()][0]).to.include({ isVisible: false })
    server.handleVisible('alice', true)
    expect([...scope.sessions()][0]).to.include({ isVisible: true })
    server.handleVisible('alice', false)
    expect([...scope.everybody()][0]).to.include({ isVisible: false })
    expect(heard).to.deep.equal(['+alice', '-alice'])
  })

  it('say how long a client has for its answer, 30 s at most', async () => {
    let scope!: Scope
    await start((given) => void (scope = given))
    server.handleOpen(alice)
    const [session] = [...scope.sessions()]
    const outcomes: string[] = []
    for (const timeoutMs of [500, 90_000])
      void session!.request('guess', { text: '' }, { timeoutMs }).catch((error: MsgError) => outcomes.push(error.code))
    await world.clock.advance(499)
    expect(outcomes).to.have.length(0)
    await world.clock.advance(1)
    expect(outcomes).to.deep.equal(['MSG_ERR_TIMEOUT'])
    await world.clock.advance(29_500)
    expect(outcomes).to.have.length(2)
  })

  it('are named when they do not start, and the others go on; options are checked first', async () => {
    const broken = defineServerPlugin({
      protocol,
      setup: () => {
        throw new Error('no such table')
      },
    })
    const other = defineProtocol({ ...protocol, id: 'other' })
    await server.start([{ plugin: broken }, { plugin: defineServerPlugin({ protocol: other, setup: () => {} }) }])
    expect(world.faults).to.deep.equal(['echo MSG_ERR_PLUGIN_LOAD: echo (no such table)'])
    expect(server.versions).to.deep.equal({ other: 2 })
    expect(server.status()[0]).to.include({ id: 'echo', state: 'failed', reason: 'no such table' })
    const picky = defineServerPlugin({ protocol: other, options: v.object({ files: v.string() }), setup: () => {} })
    const wrong = await expectRejects(
      server.start([{ plugin: picky, options: { files: 7 } }]),
      'MSG_ERR_CONFIG_INVALID',
    )
    expect(wrong.detail).to.contain('options of other')
  })

  it('refuse to be there twice, and to handle a message twice', async () => {
    const once = defineServerPlugin({ protocol, setup: () => {} })
    const twice = defineServerPlugin({
      protocol: defineProtocol({ ...protocol, id: 'twice' }),
      setup: (scope) => {
        scope.handle('mute', () => undefined)
        scope.handle('mute', () => undefined)
      },
    })
    await server.start([{ plugin: once }, { plugin: once }, { plugin: twice }])
    expect(world.codes).to.deep.equal(['echo MSG_ERR_PLUGIN_LOAD', 'twice MSG_ERR_PLUGIN_LOAD'])
    expect(server.versions).to.deep.equal({ echo: 2 })
  })

  it('are undone at the end, last first, whatever throws', async () => {
    const undone: string[] = []
    let signal: AbortSignal | undefined
    await start((scope) => {
      signal = scope.signal
      scope.onClose(() => void undone.push('first'))
      scope.onClose(() => Promise.reject(new Error('second')))
      scope.onClose(() => void undone.push('third'))
      scope.event('ready', 'is ready', { n: 1 })
    })
    expect(world.events).to.deep.equal([['echo', 'ready', 'is ready', { n: 1 }]])
    await server.close()
    expect([undone, signal?.aborted, world.codes]).to.deep.equal([
      ['third', 'first'],
      true,
      ['echo MSG_ERR_PLUGIN_FAILED'],
    ])
  })

  it('are left out by name when they are nobody to speak of; clients, who check, would not sign in otherwise', async () => {
    const good = defineServerPlugin({ protocol, setup: () => {} })
    const bad = (given: object, more: object = {}): ReturnType<typeof defineServerPlugin> =>
      ({ protocol: { id: 'bad', version: 1, messages: {}, ...given }, setup: () => {}, ...more }) as never
    await server.start([
      ...[{ id: 'No Name' }, { id: 'x'.repeat(33) }, { version: NaN }, { version: '1' }].map((given) => ({
        plugin: bad(given),
      })),
      { plugin: bad({}, { requires: 'echo' }) },
      { plugin: good },
    ])
    expect(server.versions).to.deep.equal({ echo: 2 })
    expect(world.codes.every((code) => code.endsWith(' MSG_ERR_PLUGIN_LOAD'))).to.equal(true)
    expect(world.codes).to.have.length(5)
  })

  it('with a schema that throws are left out; only options that do not fit keep a server from starting', async () => {
    const schema = { '~standard': { version: 1, vendor: 'x', validate: () => JSON.parse('{') as never } } as const
    await server.start([{ plugin: defineServerPlugin({ protocol, options: schema, setup: () => {} }), options: {} }])
    expect(world.codes).to.deep.equal(['echo MSG_ERR_PLUGIN_LOAD'])
  })

  it('say something to a session that has come back on another connection', async () => {
    let say!: () => void
    await start((scope) => {
      scope.hook('session:open', () => {
        const [session] = [...scope.sessions()]
        say ??= () => session!.send('told', { text: 'again' })
      })
    })
    const gone = (): never => {
      throw new MsgError('MSG_ERR_CONNECTION_CLOSED', { detail: 'alice' })
    }
    server.handleOpen({ ...alice, tell: gone })
    server.handleOpen(alice)
    say()
    expect(told).to.have.length(1)
    server.handleClosed(alice, true)
    expect(say).to.throw().with.property('code', 'MSG_ERR_CONNECTION_CLOSED')
  })

  it('are named for a hook that fails with an error of ours, and for calls that there are too many of', async () => {
    await start((scope) => {
      scope.hook('session:open', () => Promise.reject(new MsgError('MSG_ERR_FILE_UNKNOWN', { detail: 'x' })))
      scope.hook('session:close', () => new Promise(() => {}))
    })
    server.handleOpen(alice)
    await settled()
    expect(world.codes).to.deep.equal(['echo MSG_ERR_FILE_UNKNOWN'])
    for (let i = 0; i < 1_025; i++) {
      server.handleOpen(alice)
      server.handleClosed(alice, false)
    }
    await settled()
    expect(world.codes).to.include('echo MSG_ERR_LIMIT')
  })

  it('do not tell clients where they keep what cannot be kept; the server is told', async () => {
    const broken = Object.assign(new MsgError('MSG_ERR_STORAGE_FAILED', { detail: '/srv/secret/echo.db: full' }))
    const fail = (): Promise<never> => Promise.reject(broken)
    Object.assign(world, {
      storage: () => ({ get: fail, put: fail, delete: fail, list: fail, close: () => {} }),
    })
    await start((scope) =>
      scope.handle('say', async ({ text }) => {
        await scope.storage.put('last', text)
        return { heard: text }
      }),
    )
    const { message } = await expectRejects(say({ text: 'x' }), 'MSG_ERR_STORAGE_FAILED')
    expect(message).not.to.contain('/srv')
    expect(world.faults).to.deep.equal(['echo MSG_ERR_STORAGE_FAILED: /srv/secret/echo.db: full'])
  })
})
