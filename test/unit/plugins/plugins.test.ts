import { expect } from 'chai'
import * as v from 'valibot'
import { MsgError, type ErrorCode } from '../../../src/core/errors.ts'
import { ClientPlugins } from '../../../src/core/plugins/client-plugins.ts'
import {
  defineClientPlugin,
  defineProtocol,
  defineServerPlugin,
  message,
  type ClientScope,
  type ServerScope,
} from '../../../src/core/plugins/define.ts'
import { ServerPlugins, type PluginClient } from '../../../src/core/plugins/server-plugins.ts'
import { expectRejects } from '../../helpers/errors.ts'

const Text = v.object({ text: v.string() })
const protocol = defineProtocol({
  id: 'echo',
  version: 2,
  messages: {
    say: message({
      from: 'client',
      maxBytes: 100,
      schema: Text,
      answer: { schema: v.object({ heard: v.string() }), maxBytes: 60 },
    }),
    mute: message({ from: 'client', maxBytes: 10, schema: v.object({}) }),
    told: message({ from: 'server', maxBytes: 100, schema: Text }),
  },
})
type Server = ServerScope<typeof protocol>
type Client = ClientScope<typeof protocol>

describe('plugins', () => {
  let faults: string[]
  let events: unknown[]
  let told: unknown[]
  let server: ServerPlugins
  const alice: PluginClient = {
    instance: 'a1',
    user: 'alice',
    plugins: { echo: 2 },
    tell: (sent) => void told.push(sent),
  }

  beforeEach(() => {
    faults = []
    events = []
    told = []
    server = new ServerPlugins({
      transfers: () => ({ offer: () => Promise.reject(new Error('none')), onEvent: () => {} }),
      event: (...event) => void events.push(event),
      onFault: (plugin, { code }) => void faults.push(`${plugin} ${code}`),
    })
  })
  const start = (setup: (scope: Server) => void | Promise<void>): Promise<void> =>
    server.start([{ plugin: defineServerPlugin({ protocol, setup }) }])
  const say = (payload: unknown, name = 'say', client = alice): Promise<unknown> =>
    server.handleMessage(client, { plugin: 'echo', message: name, payload })

  describe('of the server', () => {
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
        expect(faults).to.deep.equal([])
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
      expect(faults).to.deep.equal(['echo MSG_ERR_PLUGIN_FAILED'])
    })

    it('may not answer more than they said, nor something else', async () => {
      await start((scope) =>
        scope.handle('say', ({ text }) => ({ heard: text === '' ? (7 as never) : text.repeat(9) })),
      )
      await expectRejects(say({ text: '1234567' }), 'MSG_ERR_LIMIT')
      await expectRejects(say({ text: '' }), 'MSG_ERR_PROTOCOL')
    })

    it('hear who comes and goes, whatever another hook does, and can tell everybody', async () => {
      const heard: string[] = []
      await start((scope) => {
        scope.hook('session:open', () => {
          throw new Error('first')
        })
        scope.hook('session:open', ({ user }) => heard.push(`open ${user}`))
        scope.hook('session:close', ({ user }) => heard.push(`close ${user}`))
        scope.handle('say', ({ text }) => {
          for (const session of scope.sessions()) session.send('told', { text })
          return { heard: text }
        })
      })
      const stranger = { ...alice, instance: 'b1', plugins: {} }
      for (const client of [alice, stranger]) server.handleOpen(client)
      await say({ text: 'all' })
      expect(told).to.deep.equal([{ plugin: 'echo', message: 'told', payload: { text: 'all' } }])
      // The same client on another connection has taken its place: the old one's end is none.
      server.handleOpen({ ...alice })
      for (const client of [alice, stranger]) server.handleClosed(client)
      expect(heard).to.deep.equal(['open alice', 'open alice'])
      expect(faults).to.deep.equal(['echo MSG_ERR_INTERNAL', 'echo MSG_ERR_INTERNAL'])
    })

    it('are named when they do not start; options are checked first', async () => {
      const broken = defineServerPlugin({
        protocol,
        setup: () => {
          throw new Error('no such table')
        },
      })
      expect((await expectRejects(server.start([{ plugin: broken }]), 'MSG_ERR_PLUGIN_LOAD')).detail).to.equal(
        'echo (no such table)',
      )
      const other = defineProtocol({ ...protocol, id: 'other' })
      const picky = defineServerPlugin({ protocol: other, options: v.object({ files: v.string() }), setup: () => {} })
      const wrong = await expectRejects(
        server.start([{ plugin: picky, options: { files: 7 } }]),
        'MSG_ERR_CONFIG_INVALID',
      )
      expect(wrong.detail).to.contain('options of other')
    })

    it('refuse to be there twice, and to handle a message twice', async () => {
      await start(() => {})
      await expectRejects(
        start(() => {}),
        'MSG_ERR_PLUGIN_LOAD',
      )
      const twice = defineServerPlugin({
        protocol: defineProtocol({ ...protocol, id: 'twice' }),
        setup: (scope) => {
          scope.handle('mute', () => undefined)
          scope.handle('mute', () => undefined)
        },
      })
      await expectRejects(server.start([{ plugin: twice }]), 'MSG_ERR_PLUGIN_LOAD')
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
      expect(events).to.deep.equal([['echo', 'ready', 'is ready', { n: 1 }]])
      await server.close()
      expect([undone, signal?.aborted, faults]).to.deep.equal([['third', 'first'], true, ['echo MSG_ERR_INTERNAL']])
    })
  })

  describe('of a client', () => {
    let asked: unknown[]
    let answer: { payload?: unknown }
    let client: ClientPlugins

    beforeEach(() => {
      asked = []
      answer = { payload: { heard: 'hi' } }
      client = new ClientPlugins({
        request: async (sent) => {
          asked.push(sent)
          return answer
        },
        transfers: { download: () => Promise.reject(new Error('none')) },
        onFault: (plugin, { code }) => void faults.push(`${plugin} ${code}`),
      })
    })
    const begin = async (setup: (scope: Client) => void = () => {}): Promise<Client> => {
      let scope!: Client
      await client.start([{ plugin: defineClientPlugin({ protocol, setup: (given) => setup((scope = given)) }) }])
      client.handleHello({ echo: 2 })
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
        client.handleHello(there)
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
      await new Promise((resolve) => setImmediate(resolve))
      expect(heard).to.deep.equal(['one', 'two'])
      expect(faults).to.deep.equal(['echo MSG_ERR_PROTOCOL', 'echo MSG_ERR_LIMIT'])
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
      expect(faults).to.deep.equal(['broken MSG_ERR_PLUGIN_LOAD'])
      expect(client.commands.map(({ name }) => name)).to.deep.equal(['echo'])
      await client.close()
      expect(client.commands).to.deep.equal([])
    })
  })
})
