import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import * as v from 'valibot'
import { MsgError } from '../../../src/core/errors.ts'
import { createClient, createServer, type Client, type Server, type ServerEvent } from '../../../src/core/index.ts'
import { defineClientPlugin, defineServerPlugin } from '../../../src/core/plugins/define.ts'
import { defineProtocol, message } from '../../../src/core/plugins/protocol.ts'
import type { ServerScope } from '../../../src/core/plugins/server-scope.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

const Any = v.object({})
const Text = v.object({ text: v.string() })

/** What answers whatever another plugin does. */
const echo = defineProtocol({
  id: 'echo',
  version: 1,
  messages: { say: message({ from: 'client', maxBytes: 100, schema: Text, answer: { maxBytes: 100, schema: Text } }) },
})
const echoServer = defineServerPlugin({
  protocol: echo,
  setup: (scope) => scope.handle('say', ({ text }) => ({ text })),
})
const echoClient = defineClientPlugin({
  protocol: echo,
  setup: (scope) =>
    scope.command({
      name: 'echo',
      summary: 'says it again',
      run: async () => scope.request('say', { text: 'hi' }),
      text: () => [],
    }),
})

const hostile = defineProtocol({
  id: 'hostile',
  version: 1,
  messages: {
    poke: message({ from: 'client', maxBytes: 100, schema: Any, timeoutMs: 300 }),
    told: message({ from: 'server', maxBytes: 60_000, schema: Text }),
  },
})
type Scope = ServerScope<typeof hostile>

/** Does what a test wants, and asks the other half to. */
const hostileServer = (setup: (scope: Scope) => void | Promise<void>) =>
  defineServerPlugin({ protocol: hostile, setup })
const hostileClient = defineClientPlugin({
  protocol: hostile,
  setup: (scope) =>
    scope.command({
      name: 'poke',
      summary: 'asks for it',
      async run() {
        await scope.send('poke', {})
        return {}
      },
      text: () => [],
    }),
})

const run = (client: Client, name: string): Promise<object> =>
  client.commands
    .find((command) => command.name === name)!
    .run(
      { text: () => '', optional: () => undefined, has: () => false },
      { signal: new AbortController().signal, confirm: undefined },
    )

/** How it is hostile; what the client that pokes it is answered; what of the fault is told. */
interface Row {
  readonly does: string
  readonly setup: (scope: Scope) => void | Promise<void>
  /** @default it is not poked */
  readonly poked?: string
  readonly fault: RegExp
}

const ROWS: readonly Row[] = [
  {
    does: 'throws in setup',
    setup: () => {
      throw new Error('boom')
    },
    fault: /hostile \(boom\)/,
  },
  {
    does: 'rejects in setup',
    setup: async (scope) => {
      scope.handle('poke', () => {})
      await delay(1)
      throw new Error('late boom')
    },
    fault: /hostile \(late boom\)/,
  },
  {
    does: 'throws in a handler',
    setup: (scope) =>
      scope.handle('poke', () => {
        throw new Error('boom')
      }),
    poked: 'MSG_ERR_PLUGIN_FAILED',
    fault: /hostile poke: boom/,
  },
  {
    does: 'throws nothing that is an error',
    setup: (scope) => scope.handle('poke', () => Promise.reject(undefined)),
    poked: 'MSG_ERR_PLUGIN_FAILED',
    fault: /hostile poke: undefined/,
  },
  {
    does: 'says what the one who asked did wrong',
    setup: (scope) =>
      scope.handle('poke', () => {
        throw new MsgError('MSG_ERR_USAGE', { detail: 'not twice' })
      }),
    poked: 'MSG_ERR_USAGE',
    fault: /^$/,
  },
  {
    does: 'throws an error that nobody else can cause',
    setup: (scope) =>
      scope.handle('poke', () => {
        throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail: 'secret' })
      }),
    poked: 'MSG_ERR_PLUGIN_FAILED',
    fault: /configuration is invalid: secret/,
  },
  {
    does: 'never resolves',
    setup: (scope) => scope.handle('poke', () => new Promise(() => {})),
    poked: 'MSG_ERR_PLUGIN_FAILED',
    fault: /hostile poke takes longer than 0.3 s/,
  },
  {
    does: 'holds everybody up',
    setup: (scope) =>
      scope.handle('poke', () => {
        const until = performance.now() + 300
        while (performance.now() < until);
      }),
    fault: /hostile poke held everything up for 3\d\d ms/,
    poked: 'MSG_OK',
  },
  {
    does: 'throws in a hook, a timer and at its end',
    setup(scope) {
      scope.handle('poke', () => {})
      scope.timers.after(1, () => {
        throw new Error('in a timer')
      })
      scope.hook('session:open', () => Promise.reject(new Error('in a hook')))
    },
    poked: 'MSG_OK',
    fault: /in a hook|in a timer/,
  },
  {
    does: 'floods whoever pokes it',
    setup: (scope) =>
      scope.handle('poke', (_nothing, session) => {
        for (;;) session.send('told', { text: 'x'.repeat(50_000) })
      }),
    poked: 'MSG_ERR_LIMIT',
    fault: /^$/,
  },
  {
    does: 'floods the log',
    setup: (scope) =>
      scope.handle('poke', () => {
        for (let i = 0; i < 100_000; i++) scope.event('noise', `noise ${i}`)
      }),
    poked: 'MSG_OK',
    fault: /hostile tells more than 200 events a second/,
  },
  {
    does: 'sends what it did not declare',
    setup: (scope) => scope.handle('poke', (_nothing, session) => session.send('nonsense' as never, {} as never)),
    poked: 'MSG_ERR_METHOD_UNKNOWN',
    fault: /^$/,
  },
  {
    does: 'sends what does not fit',
    setup: (scope) => scope.handle('poke', (_nothing, session) => session.send('told', { text: 7 } as never)),
    poked: 'MSG_ERR_PROTOCOL',
    fault: /^$/,
  },
  {
    does: 'handles what it did not declare',
    setup: (scope) => scope.handle('nonsense' as never, () => {}),
    fault: /unknown method .*hostile nonsense/,
  },
  {
    does: 'handles what the server itself sends',
    setup: (scope) => scope.handle('told' as never, () => {}),
    fault: /unknown method .*hostile told/,
  },
  {
    does: 'takes the name of a command of the console',
    setup: (scope) => scope.command({ name: 'users', summary: '', run: async () => ({}), text: () => [] }),
    fault: /there is a command users already/,
  },
  {
    does: 'registers for a hook that does not exist',
    setup: (scope) => scope.hook('session:steal' as never, (() => {}) as never),
    fault: /there is no hook session:steal/,
  },
  {
    does: 'requires what is not there',
    setup: () => {},
    fault: /it requires nowhere, which is not there/,
  },
]

describe('a server with a hostile plugin', () => {
  const directory = useTempDir()
  let server: Server
  let events: ServerEvent[]
  const clients: Client[] = []

  const open = async (plugin: ReturnType<typeof hostileServer>): Promise<Client> => {
    server = await createServer({
      dataDir: `${directory()}/server`,
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      plugins: [{ plugin }, { plugin: echoServer }],
      consoleCommands: ['users'],
    })
    events = []
    const told = server.events()
    void (async () => {
      for await (const event of told) events.push(event)
    })()
    const client = await createClient({
      server: `127.0.0.1:${server.address.port}`,
      dataDir: `${directory()}/client`,
      plugins: [{ plugin: hostileClient }, { plugin: echoClient }],
      listening: false,
    })
    clients.push(client)
    await client.register('alice', 'secret')
    return client
  }
  const faults = (): string[] =>
    events.flatMap((event) => (event.type === 'plugin' && event.name === 'fault' ? [event.text] : []))
  const isServing = async (client: Client): Promise<void> => {
    const began = performance.now()
    for (let i = 0; i < 20; i++) expect(await run(client, 'echo')).to.deep.equal({ text: 'hi' })
    if (process.env['PLUGIN_FIGURES'])
      process.stdout.write(`      20 answers of another plugin: ${(performance.now() - began).toFixed(1)} ms\n`)
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close()
    await server.close()
  })

  for (const { does, setup, poked, fault } of ROWS)
    it(`goes on when it ${does}, and names it`, async () => {
      const plugin = hostileServer(setup)
      const client = await open(does.startsWith('requires') ? { ...plugin, requires: ['nowhere'] } : plugin)
      if (poked === 'MSG_OK') await run(client, 'poke')
      else if (poked !== undefined) await expectRejects(run(client, 'poke'), poked as never)
      else await expectRejects(run(client, 'poke'), 'MSG_ERR_PLUGIN_MISSING')
      await isServing(client)
      await delay(5)
      expect(faults()[0] ?? '').to.match(fault)
      for (const event of events) if (event.type === 'plugin') expect(event.plugin).to.equal('hostile')
    })

  it('is not filled with calls that never end', async () => {
    const client = await open(hostileServer((scope) => scope.handle('poke', () => new Promise(() => {}))))
    for (let round = 0; round < 4; round++)
      await Promise.allSettled(Array.from({ length: 32 }, () => run(client, 'poke')))
    await isServing(client)
    const { plugins } = await server.status()
    expect(plugins.find(({ id }) => id === 'hostile')?.faults).to.equal(128)
    // Each is counted, and not each is told.
    expect(faults().length).to.be.below(20)
  })

  it('ends the timers that it left, names it, and stops', async () => {
    let beats = 0
    const client = await open(
      hostileServer(async (scope) => {
        setInterval(() => beats++, 1)
        await delay(1)
        setInterval(() => beats++, 1)
        scope.onClose(() => {
          throw new Error('no end')
        })
        scope.onClose(() => new Promise(() => {}))
      }),
    )
    await isServing(client)
    await server.close()
    const before = beats
    await delay(20)
    expect(beats).to.equal(before)
    await delay(1)
    expect(faults().join('\n')).to.match(/left running: 2 timers/)
  })
})
