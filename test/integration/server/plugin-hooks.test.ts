import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as v from 'valibot'
import { createClient, createServer, type Client, type ClientOptions, type Server } from '../../../src/core/index.ts'
import type { ClientScope } from '../../../src/core/plugins/client-scope.ts'
import { defineClientPlugin, defineServerPlugin } from '../../../src/core/plugins/define.ts'
import { defineProtocol, message } from '../../../src/core/plugins/protocol.ts'
import type { ServerScope } from '../../../src/core/plugins/server-scope.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'
import { Person } from '../../helpers/world.ts'

const protocol = defineProtocol({
  id: 'probe',
  version: 1,
  messages: {
    note: message({ from: 'server', maxBytes: 100, schema: v.object({}) }),
    number: message({
      from: 'server',
      maxBytes: 100,
      schema: v.object({ n: v.number() }),
      answer: { maxBytes: 100, schema: v.object({ n: v.number() }) },
    }),
  },
})

describe('hooks and scopes of plugins, over real connections', () => {
  const directory = useTempDir()
  let server: Server
  const people: Person[] = []

  const serve = async (setup: (scope: ServerScope<typeof protocol>) => void): Promise<void> => {
    server = await createServer({
      dataDir: join(directory(), 'server'),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      plugins: [
        { plugin: defineServerPlugin({ protocol, setup }), package: { name: 'msg-plugin-probe', version: '1.2.3' } },
      ],
    })
  }
  const connect = async (
    name: string,
    setup?: (scope: ClientScope<typeof protocol>) => void,
    options: Partial<ClientOptions> = {},
  ): Promise<Client> => {
    const client = await createClient({
      server: `127.0.0.1:${server.address.port}`,
      dataDir: join(directory(), name),
      plugins: setup ? [{ plugin: defineClientPlugin({ protocol, setup }) }] : [],
      ...options,
    })
    people.push(new Person(client))
    return client
  }
  const person = (client: Client): Person => people.find((one) => one.client === client)!

  afterEach(async () => {
    for (const { client } of people.splice(0)) await client.close()
    await server.close()
  })

  it('say who may sign in; whoever may not leaves no account behind, and a plugin that throws lets nobody in', async () => {
    await serve((scope) =>
      scope.hook('session:authorize', ({ user, isNew }) => {
        if (user === 'eve') throw new Error('broken')
        return isNew && user === 'mallory' ? 'deny' : undefined
      }),
    )
    const client = await connect('one')
    await expectRejects(client.register('mallory', 'secret'), 'MSG_ERR_SIGN_IN_DENIED')
    await expectRejects(client.register('eve', 'secret'), 'MSG_ERR_SIGN_IN_DENIED')
    expect((await server.status()).accounts).to.equal(0)
    await client.register('alice', 'secret')
  })

  it('hear who comes and goes, and what the log tells', async () => {
    const heard: string[] = []
    await serve((scope) => {
      scope.hook('session:open', ({ user, hasPlugin, listening }) => {
        heard.push(`open ${user} ${hasPlugin} ${listening}`)
      })
      scope.hook('session:close', ({ user }, hasLeft) => void heard.push(`close ${user} ${hasLeft}`))
      scope.hook('event', (event) => void heard.push(event.type))
    })
    const alice = await connect('alice', () => {})
    await alice.register('alice', 'secret')
    const bob = await connect('bob', undefined, { listening: false })
    await bob.register('bob', 'secret')
    await bob.close()
    await alice.destroy()
    const deadline = Date.now() + 5_000
    while (!heard.includes('close alice false') && Date.now() < deadline) await new Promise((r) => setTimeout(r, 5))
    expect(heard).to.include.members(['registered', 'open alice true true', 'open bob false false', 'signed-in'])
    expect(heard.filter((line) => line.startsWith('close'))).to.have.length(2)
  })

  it('are asked by the server, and answer', async () => {
    let ask!: () => Promise<number[]>
    await serve((scope) => {
      ask = () => Promise.all([...scope.sessions()].map(async (one) => (await one.request('number', { n: 20 })).n))
    })
    const alice = await connect('alice', (scope) => scope.handle('number', ({ n }) => ({ n: n + 1 })))
    await alice.register('alice', 'secret')
    const bob = await connect('bob', (scope) => scope.handle('number', async ({ n }) => ({ n: n + 2 })))
    await bob.register('bob', 'secret')
    expect((await ask()).sort()).to.deep.equal([21, 22])
    const carol = await connect('carol', () => {})
    await carol.register('carol', 'secret')
    expect((await expectRejects(ask(), 'MSG_ERR_METHOD_UNKNOWN')).detail).to.equal('"probe number"')
  })

  it('bring all that was written to the server before its stream ended, though nobody needs the link any more', async () => {
    let arrived!: (bytes: number) => void
    const came = new Promise<number>((resolve) => (arrived = resolve))
    await serve((scope) =>
      scope.streams.accept(async (stream) => {
        stream.end()
        let bytes = 0
        stream.on('close', () => arrived(bytes))
        for await (const chunk of stream) bytes += (chunk as Buffer).byteLength
      }),
    )
    let scope!: ClientScope<typeof protocol>
    const alice = await connect('alice', (given) => void (scope = given), { listening: false, downloading: true })
    await alice.register('alice', 'secret')
    const stream = await scope.streams.openServer()
    await once(stream.resume(), 'end')
    stream.end(Buffer.alloc(300_000))
    expect(await came).to.equal(300_000)
  })

  it('open no stream once they are told not to, and say that it was that', async () => {
    await serve((scope) => scope.streams.accept(() => {}))
    let scope!: ClientScope<typeof protocol>
    const alice = await connect('alice', (given) => void (scope = given), { listening: false, downloading: true })
    await alice.register('alice', 'secret')
    await expectRejects(scope.streams.openServer({ signal: AbortSignal.abort() }), 'MSG_ERR_CANCELLED')
  })

  it('tell a client without the plugin which command installs it', async () => {
    await serve(() => {})
    const client = await connect('alice')
    expect(await person(client).heard('plugin.missing')).to.deep.equal({
      type: 'plugin.missing',
      plugin: 'probe',
      version: 1,
      here: null,
      package: 'msg-plugin-probe@1.2.3',
      install: 'msg plugins install msg-plugin-probe',
    })
  })

  it('change what is said, and answer who asks to talk', async () => {
    await serve(() => {})
    const alice = await connect('alice', (scope) =>
      scope.hook('message:outgoing', (text, to) => {
        if (text === 'secret') throw new Error('never')
        return `${text} (to ${'user' in to ? to.user : to.room})`
      }),
    )
    await alice.register('alice', 'secret')
    const bob = await connect('bob', (scope) =>
      scope.hook('session:request', ({ user }) => (user === 'alice' ? 'accept' : 'decline')),
    )
    await bob.register('bob', 'secret')
    await alice.open('bob')
    await alice.send('hi')
    await expectRejects(alice.send('secret'), 'MSG_ERR_PLUGIN_FAILED')
    expect(await person(bob).messages(1)).to.deep.equal(['hi (to bob)'])
    const carol = await connect('carol')
    await carol.register('carol', 'secret')
    await expectRejects(carol.open('bob'), 'MSG_ERR_SESSION_DECLINED')
    expect(person(bob).events.filter(({ type }) => type === 'session.request')).to.deep.equal([])
  })

  it('stream to each other directly, and know who is there', async () => {
    await serve(() => {})
    let scope!: ClientScope<typeof protocol>
    const alice = await connect('alice', (given) => void (scope = given))
    await alice.register('alice', 'secret')
    const bob = await connect(
      'bob',
      (given) =>
        given.streams.accept(async (stream) => {
          const { user, verified, isOwn } = stream.peer
          stream.end(`${user} ${verified} ${isOwn} ${(await stream.toArray()).join('')}`)
        }),
      { accept: 'everyone' },
    )
    await bob.register('bob', 'secret')
    await expectRejects(scope.streams.open('bob'), 'MSG_ERR_SESSION_UNKNOWN')
    await alice.open('bob')
    const stream = await scope.streams.open('bob')
    stream.end('hello')
    expect((await stream.toArray()).join('')).to.equal('alice false false hello')
    expect(stream.peer).to.include({ user: 'bob', verified: false })
    await expectRejects(scope.streams.openServer(), 'MSG_ERR_PLUGIN_MISSING')
  })

  it('keep what they store with the server, and with the profile of who is signed in', async () => {
    let there!: ServerScope<typeof protocol>
    let here!: ClientScope<typeof protocol>
    await serve((scope) => void (there = scope))
    const alice = await connect('alice', (scope) => void (here = scope))
    await expectRejects(here.storage.get('a'), 'MSG_ERR_SIGN_IN_REQUIRED')
    await alice.register('alice', 'secret')
    await here.storage.put('a', 1)
    await there.storage.put('a', 2)
    expect([await here.storage.get('a'), await there.storage.get('a')]).to.deep.equal([1, 2])
    expect(existsSync(join(directory(), 'server', 'plugins', 'probe.db'))).to.equal(true)
  })

  it('ask whoever is there, and take the question back', async () => {
    await serve(() => {})
    let scope!: ClientScope<typeof protocol>
    const asked: unknown[] = []
    await connect('alice', (given) => void (scope = given), {
      confirm: async (question, { plugin, details }) => {
        asked.push([plugin, question, details])
        return question === 'now?' || new Promise<boolean>(() => {})
      },
    })
    expect(await scope.confirm('now?', { details: ['what'] })).to.equal(true)
    expect(await scope.confirm('ever?', { timeoutMs: 5 })).to.equal(false)
    expect(asked).to.deep.equal([
      ['probe', 'now?', ['what']],
      ['probe', 'ever?', []],
    ])
    await connect('bob', (given) => void (scope = given))
    expect(await scope.confirm('anybody?')).to.equal(undefined)
  })
})
