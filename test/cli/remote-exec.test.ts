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
  const directory = useTempDir()
  const stage = new TestStage(directory)
  afterEach(() => stage.clear())

  const home = (): string => realpathSync(directory())
  const configure = (own: object | false | undefined): void => {
    mkdirSync(join(directory(), 'config', 'msg'), { recursive: true })
    const plugins = own === undefined ? {} : { 'remote-exec': own }
    writeFileSync(join(directory(), 'config', 'msg', 'config.json'), JSON.stringify({ plugins }))
  }
  const allow = (rules: object[], more: object = {}): void =>
    configure({ enabled: true, allowRoot: true, cwd: home(), allow: rules, limits: { seconds: 20 }, ...more })
  const unasked = (command: string, ...args: string[]): object => ({ command, args, ask: false })

  /** alice has an account, bob's client runs; bob has verified alice unless told otherwise. */
  async function meet({ verified = true } = {}): Promise<{ bob: JsonChild; flags: string[] }> {
    await stage.startServer()
    const alice = await stage.startUser('alice')
    const bob = await stage.startUser('bob', ['--accept', 'everyone', '--keep-open'])
    await alice.ask('open bob')
    await bob.line('peer.device')
    await alice.stop()
    if (verified) await verify(bob)
    const flags = ['--server', stage.address, '--user', 'alice', '--data-dir', join(directory(), 'alice')]
    return { bob, flags }
  }
  /** bob says that the numbers are the same. */
  async function verify(bob: JsonChild): Promise<void> {
    const alice = stage.start('alice', ['client', 'connect', stage.address, '--data-dir', join(directory(), 'alice')])
    await alice.line('connected')
    await alice.ask('login alice')
    await alice.ask('open bob')
    await alice.line('path', ({ with: user }) => user === 'bob')
    await bob.ask('verify alice --mark')
    await alice.ask('leave')
    await alice.stop()
  }
  const argsOf = (flags: string[], argv: string[]): string[] => ['client', 'exec', 'bob', ...flags, '--', ...argv]
  const exec = (flags: string[], argv: string[], input?: string): Promise<MsgResult> =>
    runMsg(argsOf(flags, argv), { directory: directory(), ...(input === undefined ? {} : { input }) })
  /** Started, and what it has printed so far. */
  function begin(flags: string[], argv: string[]) {
    const child = startMsg(argsOf(flags, argv), { directory: directory() })
    const told = { out: '', err: '' }
    child.stdout?.on('data', (chunk: Buffer) => (told.out += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (told.err += chunk.toString()))
    const closed = new Promise<number | null>((resolve) => child.once('close', (status) => resolve(status)))
    const until = async (fits: () => boolean): Promise<void> => {
      for (let i = 0; i < 1_000 && !fits(); i++) await delay(20)
      expect(fits(), JSON.stringify(told)).to.equal(true)
    }
    return { child, told, closed, until }
  }
  const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}/stat`)

  it('runs what a rule allows: words as they are, both streams, stdin, and the exit status', async () => {
    allow([unasked('printf', '**'), unasked('cat'), unasked('sh', '-c', '**')])
    const { bob, flags } = await meet()
    const words = await exec(flags, ['printf', '[%s]', '$HOME', 'a b', '; rm -rf x', '`id`', ''])
    expect(words).to.include({ status: 0, stdout: '[$HOME][a b][; rm -rf x][`id`][]', stderr: '' })
    expect((await exec(flags, ['--', 'printf', 'x'])).stderr).to.contain('there is no such command')
    expect(await exec(flags, ['cat'], 'from here\n')).to.include({ status: 0, stdout: 'from here\n' })
    const failed = await exec(flags, ['sh', '-c', 'echo out; echo err >&2; exit 42'])
    expect(failed).to.include({ status: 42, stdout: 'out\n', stderr: 'err\n' })
    const started = await bob.line('plugin', ({ name }) => name === 'started')
    expect(started['facts']).to.include({ user: 'alice', command: 'printf' })
    const logs = readdirSync(join(directory(), 'data', 'msg', 'remote-exec'))
    expect(logs.map((name) => name.split('-')[0]).sort()).to.deep.equal(['alice', 'bob'])
  })

  it('refuses what is not turned on, not verified, not allowed, or asked where nobody is, and says which', async () => {
    configure(undefined)
    const { flags, bob } = await meet({ verified: false })
    expect((await exec(flags, ['echo'])).stderr).to.contain(
      'error: the command was not run: bob has not turned on commands',
    )
    await bob.stop()
    allow([unasked('echo'), { command: 'id' }])
    const again = stage.start('bob', [
      'client',
      'connect',
      stage.address,
      '--data-dir',
      join(directory(), 'bob'),
      '--accept',
      'everyone',
    ])
    await again.line('connected')
    await again.ask('login bob')
    const unverified = await exec(flags, ['echo'])
    expect([unverified.status, unverified.stderr]).to.satisfy(
      ([status, text]: [number, string]) => status === 4 && text.includes('(unverified)'),
    )
    await verify(again)
    expect((await exec(flags, ['uname'])).stderr).to.contain('(not-allowed)')
    expect((await exec(flags, ['echo', 'x'])).stderr).to.contain('(arguments)')
    expect((await exec(flags, ['id'])).stderr).to.contain('(nobody)')
    expect(await exec(flags, ['echo'])).to.include({ status: 0, stdout: '\n' })
  })

  it('says so where the other side has no such plugin', async () => {
    configure(false)
    const { flags } = await meet({ verified: false })
    const { status, stderr } = await runMsg(argsOf(flags, ['echo']), {
      directory: directory(),
      env: { MSG_PLUGINS: '{"file-download":{}}' },
    })
    expect([status, stderr.split('\n')[0]]).to.deep.equal([10, 'error: the other side does not offer remote-exec'])
  })

  it('prints output while the command runs, and gives it Ctrl-C once', async () => {
    allow([unasked('sh', '-c', '**')])
    const { flags } = await meet()
    const script = 'trap "echo stopping; exit 7" INT; echo ready; while :; do sleep 0.05; done'
    const { child, told, closed, until } = begin(flags, ['sh', '-c', script])
    await until(() => told.out.includes('ready\n'))
    child.kill('SIGINT')
    expect(await closed).to.equal(7)
    expect(told.out).to.equal('ready\nstopping\n')
  })

  it('gives up at the second Ctrl-C, and the command is killed', async () => {
    allow([unasked('sh', '-c', '**')])
    const { flags } = await meet()
    const { child, told, closed, until } = begin(flags, [
      'sh',
      '-c',
      'trap "echo no" INT; echo $$; while :; do sleep 0.05; done',
    ])
    await until(() => /^\d+\n/.test(told.out))
    child.kill('SIGINT')
    await until(() => told.out.includes('no\n'))
    child.kill('SIGINT')
    expect(await closed).to.equal(130)
    const pid = Number.parseInt(told.out, 10)
    await until(() => !isAlive(pid))
  })

  for (const who of ['sender', 'target'] as const)
    it(`ends with the ${who}, killed with kill -9`, async () => {
      allow([unasked('sh', '-c', '**')], { limits: { seconds: 600 } })
      const { flags, bob } = await meet()
      const { child, told, closed, until } = begin(flags, ['sh', '-c', 'sleep 600 & echo $$ $!; sleep 600'])
      await until(() => /^\d+ \d+\n/.test(told.out))
      const pids = told.out.split(/\s/u).slice(0, 2).map(Number)
      expect(pids.map(isAlive)).to.deep.equal([true, true])
      // The guardian of the target has to be there first.
      await delay(500)
      if (who === 'sender') child.kill('SIGKILL')
      else await bob.stop(0)
      await until(() => !pids.some(isAlive))
      const status = await closed
      if (who === 'target')
        expect([status, told.err]).to.satisfy(([code, text]: [number, string]) => code === 5 && text.includes('link'))
    })

  it('tells all of it in lines of the contract', async () => {
    allow([unasked('sh', '-c', '**'), unasked('sleep', '30')])
    const { flags, bob } = await meet()
    const ran = await exec([...flags, '--json'], ['sh', '-c', 'printf "ä"; printf "\\377" >&2; exit 3'])
    const lines = linesOf(ran.stdout)
    expect(ran.status).to.equal(3)
    expect(lines.map(({ type }) => type)).to.deep.equal(['exec.started', 'exec.output', 'exec.output', 'exec.exit'])
    const outputs = lines.slice(1, 3).sort((a, b) => (String(a['stream']) < String(b['stream']) ? 1 : -1))
    expect(outputs.map(({ stream, text, base64 }) => [stream, text ?? base64])).to.deep.equal([
      ['stdout', 'ä'],
      ['stderr', '/w=='],
    ])
    expect(lines[3]).to.include({ user: 'bob', exit: 3, signal: null, cause: 'none', status: 3, outputBytes: 3 })
    const refused = await exec([...flags, '--json'], ['id'])
    expect(linesOf(refused.stdout)[0]).to.include({ type: 'error', code: 'MSG_ERR_EXEC_REFUSED', exit: 4 })
    for (const line of [...lines, ...linesOf(refused.stdout)])
      expect(
        complaintOf(schemaOf(line.type === 'error' ? 'commands' : 'plugins'), line),
        JSON.stringify(line),
      ).to.equal(undefined)
    // The prompt, from both sides.
    const alice = stage.start('alice', ['client', 'connect', stage.address, ...flags.slice(2)])
    await alice.line('signed-in')
    await alice.ask('open bob')
    const answer = await alice.ask(`exec bob -- sh -c 'echo "one two"'`)
    expect(answer['exec']).to.include({ exit: 0, status: 0 })
    const output = await alice.line('plugin', ({ name }) => name === 'output')
    expect(output['facts']).to.include({ stream: 'stdout', text: 'one two\n' })
    expect((await bob.ask('exec grants'))['running']).to.deep.equal([])
    expect((await bob.ask('exec grant alice 3'))['grant']).to.include({ user: 'alice', minutes: 3 })
    expect(await bob.ask('exec revoke')).to.include({ user: null, grants: 1, ended: 0 })
    const revoked = await alice.ask('exec bob -- sleep 30').catch((error: Error) => error.message)
    expect(revoked).to.contain('(revoked)')
    expect((await bob.ask('exec log'))['broken']).to.equal(null)
    const isOwn = ({ type, command, ok, plugin }: JsonLine): boolean =>
      plugin === 'remote-exec' || (type === 'result' && ok === true && String(command).startsWith('exec'))
    for (const line of [...alice.lines, ...bob.lines])
      expect(complaintOf(schemaOf(isOwn(line) ? 'plugins' : 'client'), line), JSON.stringify(line)).to.equal(undefined)
  })

  it('loses nothing at the prompt, however many lines there are', async () => {
    allow([unasked('seq', '**')])
    const { flags } = await meet()
    const alice = stage.start('alice', ['client', 'connect', stage.address, ...flags.slice(2)])
    await alice.line('signed-in')
    await alice.ask('open bob')
    await alice.ask('exec bob -- seq 1 20000')
    // What is told and what is answered may overtake each other.
    await alice.line('plugin', ({ name, text }) => name === 'line' && String(text).endsWith('bob: 20000'))
    const events = alice.lines.filter(({ plugin }) => plugin === 'remote-exec')
    const wanted = Array.from({ length: 20_000 }, (_, i) => i + 1)
    const output = events.filter(({ name }) => name === 'output').map(({ facts }) => (facts as { text: string }).text)
    expect(output.join('') === `${wanted.join('\n')}\n`, 'the bytes').to.equal(true)
    const lines = events.filter(({ name }) => name === 'line').map(({ text }) => String(text))
    expect(lines.join('\n') === wanted.map((i) => `bob: ${i}`).join('\n'), 'the lines').to.equal(true)
  })
})
