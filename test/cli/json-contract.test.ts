import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { CLIENT_COMMANDS } from '../../src/cli/client-commands/table.ts'
import { SERVER_COMMANDS } from '../../src/cli/server-console/table.ts'
import type { ClientEvent } from '../../src/core/client/api.ts'
import type { ServerEvent } from '../../src/core/server/api.ts'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { BIN, runMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const schemaOf = (name: string): Schema =>
  JSON.parse(readFileSync(join(BIN, '..', '..', 'docs', 'schema', `${name}.json`), 'utf8')) as Schema
const client = schemaOf('client')
const server = schemaOf('server')
const commands = schemaOf('commands')

const constantsOf = (schema: Schema, member: string): unknown[] =>
  (schema.oneOf ?? []).map(({ properties }) => properties?.[member]?.const).filter((value) => value !== undefined)

// The compiler checks that these name every event, and none that does not exist.
const CLIENT_EVENTS: Record<ClientEvent['type'], true> = {
  plugin: true,
  'plugin.missing': true,
  connected: true,
  reconnecting: true,
  disconnected: true,
  'signed-in': true,
  message: true,
  'message.sent': true,
  'message.delivered': true,
  'session.request': true,
  'session.withdrawn': true,
  'session.opened': true,
  'session.closed': true,
  'room.entered': true,
  'room.joined': true,
  'room.left': true,
  'room.away': true,
  'room.back': true,
  'room.owner': true,
  'room.closed': true,
  path: true,
  'peer.device': true,
  'transfer.offered': true,
  'transfer.declined': true,
  'transfer.withdrawn': true,
  'transfer.started': true,
  'transfer.progress': true,
  'transfer.checkpoint': true,
  'transfer.blocked': true,
  'transfer.paused': true,
  'transfer.continued': true,
  'transfer.stopped': true,
  'transfer.done': true,
  'transfer.failed': true,
  warning: true,
}
const SERVER_EVENTS: Record<ServerEvent['type'], true> = {
  registered: true,
  'signed-in': true,
  'signed-out': true,
  'sign-in.failed': true,
  'session.opened': true,
  'session.closed': true,
  'room.created': true,
  'room.joined': true,
  'room.left': true,
  'room.closed': true,
  refused: true,
  'storage.failed': true,
  'storage.recovered': true,
  plugin: true,
  stopped: true,
}

describe('the JSON contract', () => {
  const directory = useTempDir()
  const stage = new TestStage(directory)

  afterEach(() => stage.clear())

  it('documents every event of the client and every command', () => {
    const types = constantsOf(client, 'type').filter((type) => type !== 'result' && type !== 'error')
    expect(types).to.have.members(Object.keys(CLIENT_EVENTS))
    expect(constantsOf(client, 'command')).to.have.members(CLIENT_COMMANDS.commands.map(({ name }) => name))
  })

  it('documents every event of the server and every console command', () => {
    const types = constantsOf(server, 'type').filter((type) => type !== 'result' && type !== 'error')
    expect(types).to.have.members([...Object.keys(SERVER_EVENTS), 'listening'])
    expect(constantsOf(server, 'command')).to.have.members(SERVER_COMMANDS.commands.map(({ name }) => name))
  })

  it('is version 1 in every schema', () => {
    for (const name of ['client', 'server', 'commands']) {
      expect((schemaOf(name) as { $id?: string }).$id).to.equal(`msg:${name}:1`)
    }
  })

  it('is kept by every line of a long conversation', async () => {
    const { server: host } = await stage.startServer()
    const alice = await stage.startUser('alice')
    const bob = await stage.startUser('bob')
    const opened = alice.ask('open bob')
    await bob.line('session.request')
    for (const line of ['accept alice --always', 'status', 'peers', 'whoami']) await bob.ask(line)
    await opened
    for (const line of ['send hi', 'verify bob --mark', 'peers', 'links', 'l', 'lu', 'lcu', 'help', 'help send'])
      await alice.ask(line)
    await bob.line('message')
    await alice.line('message.delivered')
    for (const line of [
      'file list',
      'file offers',
      'file accept',
      'file stop abc',
      'file show',
      'file limit 1GB/s',
      'file limit off',
      'file limit fast',
      `file send ${BIN} as run me.js`,
      'file list',
    ])
      await alice.ask(line).catch(() => {})
    await bob.line('transfer.offered')
    for (const line of ['file offers', 'file show', `file accept --to ${directory()}`]) await bob.ask(line)
    await bob.line('transfer.done')
    await alice.line('transfer.done')
    for (const line of ['history', 'history bob', 'history bob hi', 'history hi --limit 1']) await alice.ask(line)
    await alice.ask('cnr lobby')
    for (const line of ['or lobby', 'lr', 'lru lobby', 'send all', 'inactive', 'active', 'leave']) await bob.ask(line)
    for (const line of ['leave', 'cnr other', 'cr', 'd', 'status']) await alice.ask(line)
    for (const line of ['open', 'open nobody', 'send x', 'nonsense', '{"command":1}'])
      await bob.ask(line).catch(() => {})
    for (const line of ['lu', 'lcu', 'ls', 'lr', 'relays', 'status', 'help', 'lru nowhere'])
      await host.ask(line).catch(() => {})
    await Promise.all([alice.end(), bob.end()])
    await host.ask('stop')
    await host.end()
    for (const [who, schema] of [
      [alice, client],
      [bob, client],
      [host, server],
    ] as const) {
      for (const line of who.lines) expect(complaintOf(schema, line), JSON.stringify(line)).to.equal(undefined)
    }
    const seen = new Set([...alice.lines, ...bob.lines].map(({ type }) => type))
    expect(seen).to.include.keys(
      'connected',
      'signed-in',
      'session.opened',
      'message',
      'message.delivered',
      'room.joined',
      'path',
    )
  })

  it('is kept by the one-shot commands', async () => {
    const data = join(directory(), 'server')
    await stage.startServer(['--data-dir', data])
    const bob = await stage.startUser('bob', ['--accept', 'everyone'])
    await bob.ask('cnr lobby')
    const mine = ['--server', stage.address, '--data-dir', join(directory(), 'alice'), '--user', 'alice', '--json']
    const lines: Array<[string[], string?]> = [
      [['client', 'register', ...mine, '--password-stdin'], 'secret'],
      [['client', 'login', ...mine]],
      [['client', 'users', ...mine]],
      [['client', 'rooms', ...mine]],
      [['client', 'whoami', ...mine]],
      [['client', 'send', 'bob', 'hi', ...mine]],
      [['client', 'send', 'nobody', 'hi', ...mine]],
      [['client', 'send-file', 'bob', BIN, ...mine]],
      [['client', 'send-file', 'bob', '/nowhere', ...mine]],
      [['config', 'show', '--json']],
      ...['users', 'sessions', 'rooms', 'relays', 'status', 'members lobby', 'stop', 'status'].map(
        (words): [string[]] => [['server', ...words.split(' '), '--data-dir', data, '--json']],
      ),
    ]
    for (const [args, input = ''] of lines) {
      const { stdout } = await runMsg(args, { directory: directory(), input })
      for (const line of stdout.split('\n').filter((text) => text !== '')) {
        expect(complaintOf(commands, JSON.parse(line)), `${args.join(' ')}: ${line}`).to.equal(undefined)
      }
    }
  })
})

describe('the validator of these tests', () => {
  it('refuses what does not fit', () => {
    const wrong = [
      { type: 'session.request' },
      { type: 'session.request', from: 7 },
      { type: 'session.request', from: 'bob', more: 1 },
      { type: 'nonsense' },
      { type: 'result', command: 'send', ok: true, id: 'x', state: 'sent', conversation: { kind: 'room', room: 'r' } },
    ]
    for (const line of wrong) expect(complaintOf(client, line), JSON.stringify(line)).to.be.a('string')
  })
})
