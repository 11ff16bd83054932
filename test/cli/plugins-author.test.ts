import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'chai'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { pack, usePackedMsg } from '../helpers/packed-msg.ts'
import { BIN, runMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const root = join(dirname(BIN), '..')
const schema = JSON.parse(readFileSync(join(root, 'docs', 'schema', 'commands.json'), 'utf8')) as Schema

/** Files of docs/PLUGINS.md, by their paths: fenced code whose first line says `ts <path>`. The last of each path counts. */
const snippets = new Map(
  [...readFileSync(join(root, 'docs', 'PLUGINS.md'), 'utf8').matchAll(/^```ts (\S+)\n([\s\S]*?)^```$/gmu)].map(
    ([, path = '', text = '']) => [path, text],
  ),
)

describe('a plugin that somebody writes', function () {
  this.timeout(120_000)
  const directory = useTempDir()
  const bin = usePackedMsg()
  const stage = new TestStage(directory, bin)
  afterEach(() => stage.clear())

  const run = async (...args: string[]) => {
    const result = await runMsg(args, { directory: directory(), bin: bin(), env: { npm_config_offline: 'true' } })
    expect(result.status, `${args.join(' ')}\n${result.stderr}`).to.equal(0)
    return result
  }
  const as = (user: string): string[] => [
    '--server',
    stage.address,
    '--user',
    user,
    '--data-dir',
    join(directory(), user),
  ]
  /** Begins a package; what npm would fetch for it is the checkout's. */
  const create = async (id: string): Promise<string> => {
    await run('plugins', 'create', id, '--no-install')
    const folder = join(directory(), `msg-plugin-${id}`)
    for (const name of ['typescript', '@types', 'undici-types'])
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction')
    return folder
  }
  const compile = (folder: string): string =>
    execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc')], {
      cwd: folder,
      encoding: 'utf8',
    })
  /** Runs its own tests, as `npm test` does. */
  const test = (folder: string): string => {
    compile(folder)
    const tests = readdirSync(join(folder, 'dist', 'test')).map((name) => join('dist', 'test', name))
    const { NODE_OPTIONS: _options, ...env } = process.env
    return execFileSync(process.execPath, ['--test', ...tests], { cwd: folder, encoding: 'utf8', env })
  }

  it('builds, tests, packs, installs and is used, as it was created', async () => {
    const folder = await create('good-day')
    const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { scripts: object }
    expect(scripts).to.include({ build: 'tsc', test: 'tsc && node --test dist/test/*.test.js' })
    expect(test(folder))
      .to.match(/^# pass 2$/mu)
      .and.to.match(/^# fail 0$/mu)
    const tarball = pack(folder, join(directory(), 'packs'))
    await run('plugins', 'install', tarball, '--yes')
    await stage.startServer()
    const [alice, bob] = [await stage.startUser('alice'), await stage.startUser('bob')]
    expect(await alice.ask('good-day how are you')).to.include({ told: 1 })
    const event = await bob.line('plugin')
    expect(event).to.deep.include({
      plugin: 'good-day',
      name: 'greeted',
      facts: { from: 'alice', text: 'how are you' },
    })
    const { stdout } = await run('client', 'good-day', 'hi', ...as('alice'), '--json')
    expect(JSON.parse(stdout)).to.deep.equal({ type: 'greeted', told: 2 })
    await run('plugins', 'uninstall', 'good-day')
    expect(existsSync(join(directory(), 'data', 'msg', 'plugin-packages'))).to.equal(false)
  })

  it('is what docs/PLUGINS.md says, word for word', async () => {
    const folder = await create('poll')
    expect([...snippets.keys()].sort()).to.deep.equal([
      'src/client.ts',
      'src/commands/client/poll.ts',
      'src/protocol.ts',
      'src/server.ts',
      'test/poll.test.ts',
    ])
    for (const [path, text] of snippets) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    expect(test(folder))
      .to.match(/^# pass 2$/mu)
      .and.to.match(/^# fail 0$/mu)
    await run('plugins', 'link', folder)
    const { server } = await stage.startServer()
    const [alice, bob] = [await stage.startUser('alice'), await stage.startUser('bob')]
    expect(await alice.ask('poll Lunch at noon?')).to.include({ asked: 2 })
    expect(await bob.ask('vote yes')).to.include({ question: 'Lunch at noon?', yes: 1, no: 0 })
    expect(await server.ask('poll close')).to.include({ yes: 1, no: 0 })
    expect((await alice.line('plugin', (line) => line['name'] === 'closed'))['facts']).to.deep.equal({
      question: 'Lunch at noon?',
      yes: 1,
      no: 0,
    })
    const { stdout } = await run('client', 'poll', 'Again?', ...as('bob'))
    expect(stdout).to.equal('2 clients are asked.\n')
  })

  it('has a name that can be one, and a folder of its own', async () => {
    const refused = async (...args: string[]) =>
      await runMsg(['plugins', 'create', ...args, '--no-install', '--json'], { directory: directory(), bin: bin() })
    for (const name of ['A', 'x', '1up', 'with space', '../up']) expect((await refused(name)).status, name).to.equal(2)
    writeFileSync(join(directory(), 'taken'), '')
    mkdirSync(join(directory(), 'full', 'inner'), { recursive: true })
    const { status, stdout } = await refused('hello', '--to', 'full')
    expect([status, (JSON.parse(stdout) as { code: string }).code]).to.deep.equal([9, 'MSG_ERR_TRANSFER_EXISTS'])
    const { stdout: told } = await runMsg(['plugins', 'create', 'hello', '--no-install', '--json', '--to', 'new'], {
      directory: directory(),
      bin: bin(),
    })
    expect(complaintOf(schema, JSON.parse(told))).to.equal(undefined)
    expect(JSON.parse(told)).to.include({ type: 'created', name: 'msg-plugin-hello', installed: false })
  })
})
