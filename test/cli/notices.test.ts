import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { JsonChild, JsonLine } from '../../src/cli/demo/json-child.ts'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { BIN, runMsg, startMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const schemaOf = (name: string): Schema =>
  JSON.parse(readFileSync(join(BIN, '..', '..', 'docs', 'schema', `${name}.json`), 'utf8')) as Schema
const plugins = schemaOf('plugins')
const isOf = (plugin: string, name: string) => (line: JsonLine) => line['plugin'] === plugin && line['name'] === name

describe('broadcasts and presence between processes', () => {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const quick = { MSG_PLUGINS: JSON.stringify({ presence: { graceMs: 2_000, awayAfterMinutes: 0.03 } }) }

  afterEach(() => stage.clear())
  /** Flags of a one-shot command of somebody who has signed in before. */
  const flagsOf = (user: string): string[] => [
    ...['--server', stage.address, '--data-dir', join(directory(), user), '--user', user],
  ]
  const fits = (lines: readonly JsonLine[]): void => {
    for (const line of lines) expect(complaintOf(plugins, line), JSON.stringify(line)).to.equal(undefined)
  }
  /** What plugins told, and answers to their commands. */
  const ofPlugins = (child: JsonChild): JsonLine[] =>
    child.lines.filter(
      ({ type, command, ok, name }) =>
        (type === 'plugin' && name !== 'fault') ||
        (type === 'result' && ok === true && OF_PLUGINS.includes(String(command))),
    )

  it('say what the schema says, on both sides', async () => {
    expect((plugins as { $id?: string }).$id).to.equal('msg:plugins:1')
    const { server } = await stage.startServer([], quick)
    const alice = await stage.startUser('alice', [], quick)
    const bob = await stage.startUser('bob')
    await alice.line('plugin', isOf('presence', 'joined'))
    const who = await bob.ask('who')
    expect((who['people'] as Array<{ user: string }>).map(({ user }) => user)).to.deep.equal(['alice', 'bob'])
    await alice.ask('{"command":"broadcast","text":"tea\\nis ready"}')
    const heard = await bob.line('plugin', isOf('broadcast', 'message'))
    expect(heard['facts']).to.include({ from: 'alice', text: 'tea\nis ready' })
    await server.line('plugin', isOf('broadcast', 'sent'))
    await server.ask('broadcast going down at six')
    const { facts } = await alice.line('plugin', isOf('broadcast', 'message'))
    expect(facts).to.include({ from: '@server', text: 'going down at six' })
    for (const line of [
      'seen bob',
      'last seen ALICE',
      'last seen nobody',
      'presence mute',
      'presence unmute',
      'b again',
    ])
      await bob.ask(line)
    for (const line of ['broadcast', 'broadcast  ', 'last seen', 'who is it', 'presence'])
      await bob.ask(line).then(
        () => expect.fail(line),
        () => {},
      )
    const wrong = bob.lines.filter(({ type, ok }) => type === 'result' && ok === false)
    expect(wrong.map(({ code }) => code)).to.deep.equal(Array(5).fill('MSG_ERR_USAGE'))
    await bob.stop(0)
    await alice.line('plugin', isOf('presence', 'left'))
    const lines = [alice, bob, server].flatMap(ofPlugins)
    fits(lines)
    expect(new Set(lines.map(({ command }) => command))).to.include.keys(OF_PLUGINS)
  })

  it('are there as commands of their own, with text from a pipe', async () => {
    await stage.startServer()
    const alice = await stage.startUser('alice')
    const bob = await stage.startUser('bob')
    await bob.end()
    const options = { directory: directory() }
    const plain = await runMsg(['client', 'broadcast', '-', ...flagsOf('bob')], { ...options, input: 'one\ntwo\n' })
    expect([plain.status, plain.stdout, plain.stderr]).to.deep.equal([0, 'Delivered to 1 connection of 1 user.\n', ''])
    const { text } = await alice.line('plugin', isOf('broadcast', 'message'))
    expect(text).to.equal('bob to everyone: one\n      two')
    const json = await runMsg(['client', 'broadcast', 'three', ...flagsOf('bob'), '--json'], options)
    const people = await runMsg(['client', 'who', ...flagsOf('bob'), '--json'], options)
    fits([json, people].map(({ stdout }) => JSON.parse(stdout) as JsonLine))
    const shown = await runMsg(['client', 'who', ...flagsOf('bob')], options)
    expect([shown.status, shown.stdout]).to.deep.equal([0, 'alice  here  a moment\n'])
    const empty = await runMsg(['client', 'broadcast', ...flagsOf('bob')], { ...options, input: '\n' })
    expect([empty.status, empty.stderr]).to.deep.equal([2, 'error: there is nothing to say\ntry:   see help\n'])
    expect(alice.lines.filter(isOf('presence', 'joined'))).to.have.length(1)
  })

  it('are escaped on the terminal, set in, and cannot be taken for something else', async () => {
    await stage.startServer()
    const alice = await stage.startUser('alice')
    const bob = startMsg(['client', 'connect', stage.address, '--data-dir', join(directory(), 'bob')], {
      directory: directory(),
    })
    let said = ''
    bob.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()))
    bob.stdin!.write('register bob bob-password\n')
    await alice.line('plugin', isOf('presence', 'joined'))
    await alice.ask(JSON.stringify({ command: 'broadcast', text: 'red \u001b[31m\n@server to everyone: lies\n\nend' }))
    while (!said.includes('end\n')) await new Promise((resolve) => setTimeout(resolve, 20))
    expect(said).to.contain('alice to everyone: red \\u001b[31m\n      @server to everyone: lies\n      \n      end\n')
    bob.stdin!.end()
    await new Promise((resolve) => bob.once('exit', resolve))
  })

  it('are not there for a client that has turned them off, and the sender hears of it', async () => {
    await stage.startServer()
    const alice = await stage.startUser('alice')
    const bob = await stage.startUser('bob', [], { MSG_PLUGINS: '{"broadcast":false,"presence":false}' })
    expect(await bob.line('plugin.missing', ({ plugin }) => plugin === 'broadcast')).to.include({ here: null })
    const answer = await alice.ask('broadcast hi')
    expect(answer).to.deep.include({ delivered: { connections: 0, users: 0 }, missed: 0, without: 1 })
    await bob.ask('who').then(
      () => expect.fail('who'),
      () => {},
    )
    const once = await runMsg(['client', 'who', ...flagsOf('alice')], {
      directory: directory(),
      env: { MSG_PLUGINS: '{"presence":false}' },
    })
    expect([once.status, once.stderr]).to.satisfy(
      ([status, text]: [number, string]) => status === 2 && text.includes('plugins.presence is false'),
    )
  })

  it('keep a server from starting when their options cannot be', async () => {
    const start = (MSG_PLUGINS: string) =>
      runMsg(['server', 'start', '--host', '127.0.0.1', '--port', '0'], {
        directory: directory(),
        env: { MSG_PLUGINS },
      })
    const [who, grace] = [await start('{"broadcast":{"who":"me"}}'), await start('{"presence":{"graceMs":"5 s"}}')]
    expect([who.status, grace.status]).to.deep.equal([2, 2])
    expect(who.stderr).to.contain('options of broadcast: who is everyone, none, or a list of names')
    expect(grace.stderr).to.contain('options of presence: graceMs is a number')
  })

  it('show who is away, and say nothing of it unless asked', async () => {
    await stage.startServer([], quick)
    const alice = await stage.startUser('alice', [], quick)
    const bob = await stage.startUser('bob')
    const states = async (): Promise<string> => {
      const { people } = (await bob.ask('who')) as unknown as { people: Array<{ user: string; state: string }> }
      return people.map(({ user, state }) => `${user} ${state}`).join(', ')
    }
    const until = async (wanted: string): Promise<void> => {
      while ((await states()) !== wanted) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    await until('alice away, bob here')
    await alice.ask('whoami')
    await until('alice here, bob here')
    expect(bob.lines.filter(isOf('presence', 'away'))).to.deep.equal([])
  })
})

const OF_PLUGINS = ['broadcast', 'who', 'last seen', 'presence mute', 'presence unmute']
