import { existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import type { JsonChild, JsonLine } from '../../src/cli/demo/json-child.ts'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { BIN, runMsg, startMsg, type MsgResult } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const schemaOf = (name: string): Schema =>
  JSON.parse(readFileSync(join(BIN, '..', '..', 'docs', 'schema', `${name}.json`), 'utf8')) as Schema
const linesOf = (text: string): JsonLine[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonLine)

describe('commands on a peer', function () {
  this.timeout(60_000)
  const directory = useTempDir()
  const stage = new TestStage(directory)
  afterEach(() => stage.clear())

  const home = (): string => realpathSync(directory())
  const allow = (rules: object[], more: object = {}): void => {
    const own = { enabled: true, allowRoot: true, cwd: home(), allow: rules, limits: { seconds: 20 }, ...more }
    mkdirSync(join(directory(), 'config', 'msg'), { recursive: true })
    writeFileSync(
      join(directory(), 'config', 'msg', 'config.json'),
      JSON.stringify({ plugins: { 'remote-exec': own } }),
    )
  }
  const unasked = (command: string, ...args: string[]): object => ({ command, args, ask: false })

  /** alice has an account, bob's client runs; each has verified the other unless told otherwise. */
  async function meet({ verified = true } = {}): Promise<{ bob: JsonChild; flags: string[] }> {
    await stage.startServer()
    const alice = await stage.startUser('alice')
    const bob = await stage.startUser('bob', ['--accept', 'everyone', '--keep-open'])
    await alice.ask('open bob')
    await bob.line('peer.device', () => true)
    if (verified) await bob.ask('verify alice --mark')
    await alice.ask('leave')
    await alice.stop()
    const flags = ['--server', stage.address, '--user', 'alice', '--data-dir', join(directory(), 'alice')]
    return { bob, flags }
  }
  const exec = (flags: string[], argv: string[], input?: string, more: string[] = []): Promise<MsgResult> =>
    runMsg(['client', 'exec', 'bob', ...flags, ...more, '--', ...argv], {
      directory: directory(),
      ...(input === undefined ? {} : { input }),
    })

  it('runs what a rule allows: words as they are, both streams, stdin, and the exit status', async () => {
    allow([unasked('printf', '**'), unasked('cat'), unasked('sh', '-c', '**')])
    const { bob, flags } = await meet()
    const words = await exec(flags, ['printf', '[%s]', '$HOME', 'a b', '; rm -rf x', '`id`', ''])
    expect(words).to.include({ status: 0, stdout: '[$HOME][a b][; rm -rf x][`id`][]', stderr: '' })
    expect(await exec(flags, ['cat'], 'from here\n')).to.include({ status: 0, stdout: 'from here\n' })
    const failed = await exec(flags, ['sh', '-c', 'echo out; echo err >&2; exit 42'])
    expect(failed).to.include({ status: 42, stdout: 'out\n', stderr: 'err\n' })
    const started = await bob.line('plugin', ({ name }) => name === 'started')
    expect(started['facts']).to.include({ user: 'alice', command: 'printf' })
  })
})
