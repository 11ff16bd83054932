import { createHash, randomBytes } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import * as v from 'valibot'
import type { ClientScope } from '../../src/core/plugins/client-scope.ts'
import { defineClientPlugin, defineServerPlugin } from '../../src/core/plugins/define.ts'
import { defineProtocol, message } from '../../src/core/plugins/protocol.ts'
import { PluginWorld } from '../../src/core/testing/plugin-world.ts'
import { expectRejects } from '../helpers/errors.ts'

const Text = v.object({ text: v.string() })
const protocol = defineProtocol({
  id: 'echo',
  version: 1,
  messages: {
    shout: message({ from: 'client', maxBytes: 100, schema: Text, answer: { maxBytes: 100, schema: Text } }),
    heard: message({ from: 'server', maxBytes: 100, schema: Text }),
    mood: message({ from: 'server', maxBytes: 10, schema: v.object({}), answer: { maxBytes: 100, schema: Text } }),
  },
})

/** Says what is shouted to everybody; hashes what streams bring. */
const server = defineServerPlugin({
  protocol,
  setup(scope) {
    scope.handle('shout', ({ text }) => {
      for (const session of scope.sessions()) session.send('heard', { text })
      return { text: text.toUpperCase() }
    })
    scope.streams.accept(async (stream) => {
      const hash = createHash('sha256')
      for await (const chunk of stream) hash.update(chunk as Buffer)
      stream.end(hash.digest('hex'))
    })
    scope.command({
      name: 'moods',
      summary: 'asks everybody how they are',
      async run() {
        const moods = await Promise.all([...scope.sessions()].map((session) => session.request('mood', {})))
        return { moods: moods.map(({ text }) => text) }
      },
      text: () => [],
    })
  },
})
const client = defineClientPlugin({
  protocol,
  setup(scope) {
    scope.handle('heard', ({ text }) => scope.event('heard', text, { text }))
    scope.handle('mood', () => ({ text: `${scope.self()?.user} is fine` }))
    scope.command({
      name: 'shout',
      short: 'sh',
      summary: 'says it loudly',
      arguments: [{ name: 'text', rest: true }],
      run: async (values) => scope.request('shout', { text: values.text('text') }),
      text: ({ text }) => [text],
    })
    scope.streams.accept(async (stream) => {
      scope.event('stream', '', { from: stream.peer.user, verified: stream.peer.verified })
      await pipeline(stream, stream)
    })
    scope.command({
      name: 'hoard',
      summary: 'opens streams and keeps them',
      arguments: [{ name: 'streams' }],
      run: async (values) => hoard(scope, Number(values.text('streams'))),
      text: () => [],
    })
    scope.command({
      name: 'bounce',
      summary: 'sends bytes to somebody, who sends them back',
      arguments: [{ name: 'user' }, { name: 'bytes' }],
      async run(values) {
        const bytes = randomBytes(Number(values.text('bytes')))
        const user = values.text('user')
        const stream = user === '@server' ? await scope.streams.openServer() : await scope.streams.open(user)
        stream.end(bytes)
        const back: Buffer[] = []
        for await (const chunk of stream) back.push(chunk as Buffer)
        const sum = createHash('sha256').update(bytes).digest('hex')
        const came = Buffer.concat(back)
        return { isSame: user === '@server' ? came.toString() === sum : came.equals(bytes) }
      },
      text: () => [],
    })
  },
})

/** Opens streams to the server and keeps them. @returns how many the server refused */
const hoard = async (scope: ClientScope<typeof protocol>, streams: number): Promise<{ refused: number }> => {
  const opened = await Promise.all(Array.from({ length: streams }, () => scope.streams.openServer()))
  let refused = 0
  for (const stream of opened)
    stream.once('error', ({ code }: { code?: string }) => (refused += code === 'MSG_ERR_LIMIT' ? 1 : 0))
  await new Promise<void>((resolve) => scope.timers.after(1_000, () => resolve()))
  return { refused }
}

describe('plugins in a world of their own', () => {
  let world: PluginWorld
  const open = async (loss: number): Promise<void> => {
    world = await PluginWorld.start({ server: [{ plugin: server }], client: [{ plugin: client }], delayMs: 20, loss })
  }
  afterEach(async () => {
    await world.close()
    expect(world.faults).to.deep.equal([])
  })

  it('speak with their other half, both ways, and are answered', async () => {
    await open(0)
    const [alice, bob] = [await world.connect('alice'), await world.connect('bob')]
    expect(await alice.run('sh', { text: 'hi' })).to.deep.equal({ text: 'HI' })
    expect((await bob.heard('heard')).facts).to.deep.equal({ text: 'hi' })
    expect(await world.run('moods')).to.deep.equal({ moods: ['alice is fine', 'bob is fine'] })
  })

  for (const loss of [0, 0.1])
    it(`send 300 kB over a link that loses ${loss * 100} %, there and back, to each other and to the server`, async () => {
      await open(loss)
      const alice = await world.connect('alice')
      const bob = await world.connect('bob', { verified: ['alice'] })
      await world.talk(alice, bob)
      expect(await alice.run('bounce', { user: 'bob', bytes: '300000' })).to.deep.equal({ isSame: true })
      expect(bob.events).to.deep.include({
        plugin: 'echo',
        name: 'stream',
        text: '',
        facts: { from: 'alice', verified: true },
      })
      expect(await alice.run('bounce', { user: '@server', bytes: '300000' })).to.deep.equal({ isSame: true })
    })

  it('are refused by somebody who has no such plugin, and by strangers', async () => {
    await open(0)
    const alice = await world.connect('alice')
    const bob = await world.connect('bob', { plugins: [] })
    await expectRejects(alice.run('bounce', { user: 'bob', bytes: '10' }), 'MSG_ERR_SESSION_UNKNOWN')
    await world.talk(alice, bob)
    await expectRejects(alice.run('bounce', { user: 'bob', bytes: '10' }), 'MSG_ERR_PLUGIN_MISSING')
    expect(bob.missing).to.deep.equal([{ plugin: 'echo', version: 1, here: null, package: null }])
  })

  it('hear of a client that goes while it is asked', async () => {
    await open(0)
    const alice = await world.connect('alice')
    const moods = world.run('moods')
    alice.drop()
    await expectRejects(moods, 'MSG_ERR_CONNECTION_CLOSED')
    await expectRejects(alice.run('sh', { text: 'hi' }), 'MSG_ERR_SERVER_UNREACHABLE')
    await alice.back()
    expect(await alice.run('sh', { text: 'hi' })).to.deep.equal({ text: 'HI' })
  })

  it('keep room for the streams of others, however many one client opens', async () => {
    await open(0)
    const [alice, bob] = [await world.connect('alice'), await world.connect('bob')]
    expect(await alice.run('hoard', { streams: '200' })).to.deep.equal({ refused: 136 })
    expect(await bob.run('bounce', { user: '@server', bytes: '10' })).to.deep.equal({ isSame: true })
  })

  it('lose their streams when they stop, those too that they opened without accepting any', async () => {
    let isOver: boolean | undefined
    const opener = defineClientPlugin({
      protocol,
      setup(scope) {
        let stream: Duplex | undefined
        // Runs last, while the link is still open.
        scope.onClose(() => void (isOver = stream?.destroyed))
        scope.command({
          name: 'dial',
          summary: 'opens a stream',
          async run() {
            stream = await scope.streams.openServer()
            return {}
          },
          text: () => [],
        })
      },
    })
    await open(0)
    const alice = await world.connect('alice', { plugins: [{ plugin: opener }] })
    await alice.run('dial')
    await world.until(alice.close())
    expect(isOver).to.equal(true)
  })
})
