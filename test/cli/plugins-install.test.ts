import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { expect } from 'chai'
import type { JsonLine } from '../../src/cli/demo/json-child.ts'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { PLUGIN_FOLDERS, pack, unpackMsg, usePackedMsg } from '../helpers/packed-msg.ts'
import { pluginFolder, pluginTarball, type PluginPackage } from '../helpers/plugin-package.ts'
import { BIN, runMsg, type MsgResult } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const schema = JSON.parse(readFileSync(join(BIN, '..', '..', 'docs', 'schema', 'commands.json'), 'utf8')) as Schema

describe('plugins that are installed', function () {
  const directory = useTempDir()
  const bin = usePackedMsg()
  const stage = new TestStage(directory, bin)
  afterEach(() => stage.clear())

  /** Without a network: what needs one fails. */
  const run = async (args: string[], env: Record<string, string> = {}): Promise<MsgResult> =>
    await runMsg(args, { directory: directory(), bin: bin(), env: { npm_config_offline: 'true', ...env } })
  const done = async (args: string[], env: Record<string, string> = {}): Promise<JsonLine[]> => {
    const { status, stdout, stderr } = await run([...args, '--json'], env)
    expect([status, stderr], `${args.join(' ')}\n${stdout}`).to.deep.equal([0, ''])
    const lines = linesOf(stdout)
    for (const line of lines) expect(complaintOf(schema, line), JSON.stringify(line)).to.equal(undefined)
    return lines
  }
  const refused = async (args: string[]): Promise<{ code: string; exit: number; message: string }> => {
    const before = tree(directory())
    const { status, stdout } = await run([...args, '--json'])
    const error = linesOf(stdout).at(-1) as unknown as { type: string; code: string; exit: number; message: string }
    expect(error.type, stdout).to.equal('error')
    expect(status).to.equal(error.exit)
    expect(tree(directory()), 'something is left').to.deep.equal(before)
    return error
  }
  const file = (options?: PluginPackage): string =>
    pluginTarball(join(directory(), `${options?.id ?? 'hello'}.tgz`), options)
  const data = (...path: string[]): string => join(directory(), 'data', 'msg', ...path)
  const listed = async (): Promise<unknown[]> => (await done(['plugins'])).map(({ name, version }) => [name, version])

  for (const folder of PLUGIN_FOLDERS)
    it(`${basename(folder)}: packed, installed without a network, used, and gone without a trace`, async () => {
      const tarball = pack(folder, join(directory(), 'packs'))
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>
      const [, installed] = await done(['plugins', 'install', tarball, '--yes'])
      expect(installed).to.include({ type: 'installed', name, version, previous: null, changed: true })
      const [inList] = await done(['plugins'])
      expect(inList).to.include({ name, version, from: 'installed', fault: null, api: 1 })
      const [inspected] = await done(['plugins', 'inspect', name!])
      expect(inspected).to.include({ name, fault: null })
      const help = await run(['client', '--help'])
      for (const command of inList!['commands'] as string[]) expect(help.stdout, command).to.contain(command)

      mkdirSync(join(directory(), 'shelf'))
      const isShelf = installed!['id'] === 'file-download'
      const { server } = await stage.startServer(isShelf ? ['--files', join(directory(), 'shelf')] : [])
      const alice = await stage.startUser('alice')
      const usages = ((await alice.ask('help'))['commands'] as Array<{ usage: string }>).map(({ usage }) => usage)
      const parts = inspected!['parts'] as Array<{ part: string; commands: Array<{ name: string }> }>
      const own = parts.filter(({ part }) => part === 'client').flatMap(({ commands }) => commands)
      const hasWord = (name: string): boolean => usages.some((usage) => `${usage} `.startsWith(`${name} `))
      if (installed!['optIn'] !== true) for (const { name: word } of own) expect(hasWord(word), word).to.equal(true)
      if (isShelf) expect((await alice.ask('files'))['files']).to.deep.equal([])
      const fares = (await server.ask('status'))['plugins'] as Array<{ id: string; state: string; package: string }>
      const half = fares.find(({ id }) => id === installed!['id'])
      if (inList!['server'] === true)
        expect(half).to.include({ state: half?.state === 'off' ? 'off' : 'running', package: `${name}@${version}` })
      if (installed!['optIn'] !== true || isShelf) expect(half?.state).not.to.equal('off')
      await Promise.all([alice.end(), server.stop()])

      const id = String(installed!['id'])
      const [gone] = await done(['plugins', 'uninstall', id])
      expect(gone).to.include({ type: 'uninstalled', name, version, id })
      expect(tree(data()).filter((path) => /plugin|package/u.test(path))).to.deep.equal([])
      expect(await done(['plugins'])).to.deep.equal([])
      expect((await run(['client', '--help'])).stderr).to.equal('')
    })

  it('are listed, known to help, and talk to each other', async () => {
    await done(['plugins', 'install', file({ command: 'client:hello' }), '--yes'])
    expect((await run(['client', '--help'])).stdout).to.contain('client hello')
    expect((await run(['client', 'hello'])).stdout).to.equal('hello from 1.0.0\n')
    await stage.startServer()
    const alice = await stage.startUser('alice')
    expect(await alice.ask('hello')).to.include({ said: 'hello from 1.0.0' })
    const { stdout } = await run(['plugins'])
    expect(stdout).to.match(/msg-plugin-hello +1\.0\.0 +hello +server, client, 1 command +1 +installed/u)
  })

  it('are not trusted unless somebody says so: without a terminal that is --yes', async () => {
    const tarball = file({ pjson: { description: 'a \u001b[2Jtrick', scripts: { postinstall: 'true' } } })
    expect(await refused(['plugins', 'install', tarball])).to.include({ code: 'MSG_ERR_PLUGIN_UNTRUSTED', exit: 2 })
    const { stderr, stdout, status } = await run(['plugins', 'install', tarball])
    expect([status, stdout]).to.deep.equal([2, ''])
    for (const text of [
      'msg-plugin-hello 1.0.0',
      'a \\u001b[2Jtrick',
      'server, client',
      'api 1',
      'postinstall: not run',
    ])
      expect(stderr).to.contain(text)
    expect(stderr).to.contain('then give --yes').and.not.to.contain('\u001b')
    expect(existsSync(data())).to.equal(false)
  })

  it('install relative and absolute paths, folders and addresses of files', async () => {
    file()
    pluginFolder(join(directory(), 'folder'))
    for (const word of ['hello.tgz', './hello.tgz', join(directory(), 'hello.tgz'), 'file:hello.tgz', './folder'])
      expect((await done(['plugins', 'install', word, '--yes'])).at(-1), word).to.include({ type: 'installed' })
    expect(await listed()).to.deep.equal([['msg-plugin-hello', '1.0.0']])
  })

  it('are refused with what to do next, and nothing of them is left', async () => {
    const cases: Array<[string, PluginPackage, string, string]> = [
      ['another api', { pjson: { msg: { api: 2, client: './client.js' } } }, 'MSG_ERR_PLUGIN_API', 'api 2'],
      ['a missing half', { files: { 'server.js': undefined } }, 'MSG_ERR_PLUGIN_PACKAGE', 'build it'],
      ['nothing to add', { pjson: { msg: undefined } }, 'MSG_ERR_PLUGIN_PACKAGE', 'no plugin of msg'],
      ['a command of msg', { command: 'client:send' }, 'MSG_ERR_PLUGIN_TAKEN', 'msg client send'],
      ['a word of the client', { word: 'send' }, 'MSG_ERR_PLUGIN_TAKEN', 'send'],
      ['a short word of the client', { word: 'o' }, 'MSG_ERR_PLUGIN_TAKEN', '“o”'],
      ['throwing at import', { files: { 'client.js': 'throw new Error("boom")' } }, 'MSG_ERR_PLUGIN_PACKAGE', 'boom'],
      ['no default export', { files: { 'client.js': 'export const a = 1' } }, 'MSG_ERR_PLUGIN_PACKAGE', 'no default'],
      [
        'an id that cannot be',
        {
          pjson: { msg: { api: 1, client: './client.js' } },
          files: { 'client.js': 'export default { protocol: { id: "No Id", version: 1, messages: {} }, setup() {} }' },
        },
        'MSG_ERR_PLUGIN_PACKAGE',
        'no id of a plugin',
      ],
      ['no half', { files: { 'client.js': 'export default 1' } }, 'MSG_ERR_PLUGIN_PACKAGE', 'no half'],
      [
        'ending the process',
        { files: { 'client.js': 'process.exit(3)' } },
        'MSG_ERR_PLUGIN_PACKAGE',
        'ends the process',
      ],
      ['a copy of msg', { pjson: { dependencies: { 'msg-cli': '1' } } }, 'MSG_ERR_PLUGIN_PACKAGE', 'copy'],
      ['needing the network', { pjson: { dependencies: { nothing: '1' } } }, 'MSG_ERR_PLUGIN_FETCH', 'ENOTCACHED'],
      [
        'another id',
        { pjson: { msg: { api: 1, id: 'b', client: './client.js' } } },
        'MSG_ERR_PLUGIN_PACKAGE',
        'its id is b',
      ],
    ]
    for (const [what, options, code, detail] of cases) {
      const error = await refused(['plugins', 'install', file(options), '--yes'])
      expect(error.code, what).to.equal(code)
      expect(error.message, what).to.contain(detail)
    }
  })

  it('are refused when what is given is no package', async () => {
    mkdirSync(join(directory(), 'empty'))
    writeFileSync(join(directory(), 'text.tgz'), 'hello')
    const cases: Array<[string, string, number]> = [
      ['./nowhere.tgz', 'MSG_ERR_FILE_UNKNOWN', 3],
      ['me/repository', 'MSG_ERR_USAGE', 2],
      ['./empty', 'MSG_ERR_PLUGIN_PACKAGE', 10],
      ['./text.tgz', 'MSG_ERR_PLUGIN_PACKAGE', 10],
    ]
    for (const [word, code, exit] of cases)
      expect(await refused(['plugins', 'install', word, '--yes']), word).to.include({ code, exit })
  })

  it('may not take what another one has: its id, its command, its word', async () => {
    await done(['plugins', 'install', file({ command: 'client:hello' }), '--yes'])
    for (const options of [
      { name: 'msg-plugin-other', word: 'other' },
      { id: 'other', command: 'client:hello' },
      { id: 'other', word: 'hello' },
    ])
      expect(await refused(['plugins', 'install', file(options), '--yes'])).to.include({
        code: 'MSG_ERR_PLUGIN_TAKEN',
        exit: 9,
      })
    await done(['plugins', 'install', file({ id: 'other' }), '--yes'])
    expect(await listed()).to.have.length(2)
  })

  it('run no scripts unless that is said', async () => {
    const tarball = file({
      pjson: { scripts: { postinstall: "node -e \"fs.writeFileSync(process.env.HOME+'/ran','')\"" } },
    })
    await done(['plugins', 'install', tarball, '--yes'])
    expect(existsSync(join(directory(), 'ran'))).to.equal(false)
    await done(['plugins', 'uninstall', 'hello'])
    await done(['plugins', 'install', tarball, '--yes', '--allow-scripts'])
    expect(existsSync(join(directory(), 'ran'))).to.equal(true)
  })

  it('bring what they need in their package', async () => {
    const files = {
      'node_modules/left/package.json': '{"name":"left","version":"1.0.0","main":"index.js"}',
      'node_modules/left/index.js': 'module.exports = "left"',
      'client.js': `import left from 'left'
import { defineClientPlugin } from 'msg-cli/plugin'
import { protocol } from './protocol.js'
export default defineClientPlugin({ protocol, setup(client) { client.command({ name: left, summary: left, run: async () => ({}), text: () => [] }) } })`,
    }
    const pjson = { dependencies: { left: '1.0.0' }, bundleDependencies: ['left'] }
    await done(['plugins', 'install', file({ pjson, files }), '--yes'])
    const [{ parts }] = (await done(['plugins', 'inspect', 'hello'])) as [{ parts?: unknown } & JsonLine]
    expect(JSON.stringify(parts)).to.contain('"name":"left"')
  })

  it('are asked about again only when something else is installed, and a bad version leaves the good one', async () => {
    await done(['plugins', 'install', file({ command: 'hi' }), '--yes'])
    expect((await done(['plugins', 'install', file({ command: 'hi' })])).at(-1)).to.include({ changed: false })
    const next = { command: 'hi', version: '1.1.0' }
    expect((await refused(['plugins', 'install', file(next)])).code).to.equal('MSG_ERR_PLUGIN_UNTRUSTED')
    await refused(['plugins', 'install', file({ ...next, files: { 'client.js': 'throw 1' } }), '--yes'])
    expect((await run(['hi'])).stdout).to.equal('hello from 1.0.0\n')
    expect((await done(['plugins', 'install', file(next), '--yes'])).at(-1)).to.include({
      previous: '1.0.0',
      version: '1.1.0',
    })
    expect((await run(['hi'])).stdout).to.equal('hello from 1.1.0\n')
    expect(await listed()).to.deep.equal([['msg-plugin-hello', '1.1.0']])
  })

  it('come from a registry by name, and are updated from it', async () => {
    const registry = await startRegistry()
    try {
      const env = {
        npm_config_offline: 'false',
        npm_config_registry: registry.url,
        npm_config_cache: join(directory(), 'npm'),
      }
      registry.publish('msg-plugin-hello', '1.0.0', readFileSync(file({ command: 'hi' })))
      await done(['plugins', 'install', 'msg-plugin-hello', '--yes'], env)
      expect((await done(['plugins', 'update'], env)).at(-1)).to.include({ changed: false, version: '1.0.0' })
      registry.publish('msg-plugin-hello', '1.1.0', readFileSync(file({ command: 'hi', version: '1.1.0' })))
      expect((await run(['plugins', 'update', 'hello'], env)).status).to.equal(2)
      expect((await done(['plugins', 'update', 'hello', '--yes'], env)).at(-1)).to.include({
        version: '1.1.0',
        previous: '1.0.0',
      })
      expect((await run(['hi'])).stdout).to.equal('hello from 1.1.0\n')
      const missing = await run(['plugins', 'install', 'msg-plugin-nobody-has', '--yes'], env)
      expect(missing.status).to.equal(5)
      expect(missing.stderr).to.contain('no such package').and.to.contain('./<name>.tgz')
    } finally {
      registry.server.close()
    }
  })

  it('find msg wherever it and their data have moved', async () => {
    const [first, second] = [join(directory(), 'first'), join(directory(), 'second')]
    mkdirSync(first)
    const options = { directory: directory(), bin: unpackMsg(first) }
    expect((await runMsg(['plugins', 'install', file({ command: 'hi' }), '--yes'], options)).status).to.equal(0)
    renameSync(first, second)
    const moved = await runMsg(['hi'], { directory: directory(), bin: join(second, 'package', 'bin', 'run.js') })
    expect([moved.stdout, moved.stderr]).to.deep.equal(['hello from 1.0.0\n', ''])
    renameSync(join(directory(), 'data'), join(directory(), 'moved'))
    const env = { XDG_DATA_HOME: join(directory(), 'moved') }
    const { stdout, stderr } = await run(['hi'], env)
    expect([stdout, stderr]).to.deep.equal(['hello from 1.0.0\n', ''])
  })

  it('that break later are named, and the rest goes on', async () => {
    await done(['plugins', 'install', file({ command: 'hi' }), '--yes'])
    await done(['plugins', 'install', file({ id: 'good', command: 'good' }), '--yes'])
    const root = data('plugin-packages', 'msg-plugin-hello', 'node_modules', 'msg-plugin-hello')
    for (const name of ['client.js', 'server.js', 'commands/hi.js'])
      writeFileSync(join(root, name), 'throw new Error("boom")')
    const connect = await run(['client', 'connect'])
    expect(connect.status).to.equal(0)
    expect(connect.stderr)
      .to.contain('msg-plugin-hello (boom)')
      .and.to.contain('msg plugins uninstall msg-plugin-hello')
    await stage.startServer()
    const alice = await stage.startUser('alice')
    expect(await alice.ask('good')).to.include({ said: 'hello from 1.0.0' })
    expect((await run(['good'])).stdout).to.equal('hello from 1.0.0\n')
    const command = await run(['hi', '--json'])
    expect([command.status, linesOf(command.stdout)[0]!['code']]).to.deep.equal([10, 'MSG_ERR_PLUGIN_LOAD'])
    const inspected = await run(['plugins', 'inspect', 'hello', '--json'])
    expect([inspected.status, linesOf(inspected.stdout)[0]!['fault']]).to.deep.equal([10, 'boom'])
    rmSync(root, { recursive: true })
    const gone = await run(['good'])
    expect([gone.status, gone.stdout]).to.deep.equal([0, 'hello from 1.0.0\n'])
    expect(gone.stderr).to.match(/^warning: the plugin msg-plugin-hello is gone from .*takes it off the list\n$/u)
    expect((await run(['plugins', 'uninstall', 'msg-plugin-hello'])).status).to.equal(0)
    expect(await listed()).to.deep.equal([['msg-plugin-good', '1.0.0']])
  })

  it('take what they kept with them, unless that is to stay', async () => {
    const profile = data('servers', 'one', '@ann', 'plugins')
    const kept = [
      ...['hello.db', 'hello.db-wal'].map((name) => join(profile, name)),
      data('server', 'plugins', 'hello.db'),
    ]
    const other = join(profile, 'other.db')
    const keep = (): void => {
      for (const path of [...kept, other]) {
        mkdirSync(join(path, '..'), { recursive: true })
        writeFileSync(path, 'kept')
      }
    }
    await done(['plugins', 'install', file(), '--yes'])
    keep()
    expect((await done(['plugins', 'uninstall', 'hello', '--keep-data']))[0]).to.deep.include({ deleted: [] })
    expect([...kept, other].every((path) => existsSync(path))).to.equal(true)
    await done(['plugins', 'install', file(), '--yes'])
    expect((await done(['plugins', 'uninstall', 'msg-plugin-hello']))[0]).to.deep.include({ deleted: kept })
    expect(tree(data()).filter((path) => /plugin|\.db/u.test(path))).to.deep.equal(
      [profile, other].map((path) => path.slice(data().length + 1)),
    )
  })

  it('are told apart from what is not there', async () => {
    for (const args of [
      ['uninstall', 'nobody'],
      ['inspect', 'nobody'],
      ['update', 'nobody'],
    ])
      expect(await refused(['plugins', ...args])).to.include({ code: 'MSG_ERR_PLUGIN_UNKNOWN', exit: 3 })
    await done(['plugins', 'reset'])
  })

  it('can all be removed at once', async () => {
    for (const id of ['a1', 'b1']) await done(['plugins', 'install', file({ id }), '--yes'])
    expect((await refused(['plugins', 'reset'])).code).to.equal('MSG_ERR_USAGE')
    expect((await done(['plugins', 'reset', '--yes'])).map(({ name }) => name)).to.deep.equal([
      'msg-plugin-a1',
      'msg-plugin-b1',
    ])
    expect(existsSync(data())).to.equal(true)
    expect(readdirSync(data())).to.deep.equal([])
  })

  it('leave nothing of an installation that was killed', async () => {
    await done(['plugins', 'install', file(), '--yes'])
    mkdirSync(data('plugin-packages', '.new-999999999-abc', 'fetched'), { recursive: true })
    await done(['plugins', 'install', file({ version: '1.0.1' }), '--yes'])
    expect(readdirSync(data('plugin-packages')).sort()).to.deep.equal(['msg-plugin-hello', 'node_modules'])
  })

  describe('by a link to their folder', () => {
    it('run from there, take the place of the installed one, and leave the folder as it was', async () => {
      const folder = pluginFolder(join(directory(), 'work', 'hello'), { command: 'hi', version: '2.0.0' })
      await done(['plugins', 'install', file({ command: 'hi' }), '--yes'])
      const before = tree(folder)
      expect((await done(['plugins', 'link', 'work/hello']))[0]).to.deep.include({
        name: 'msg-plugin-hello',
        copy: null,
        root: folder,
      })
      expect((await done(['plugins']))[0]).to.include({ from: 'linked', version: '2.0.0', root: folder })
      expect((await run(['hi'])).stdout).to.equal('hello from 2.0.0\n')
      expect(existsSync(data('plugin-packages'))).to.equal(false)
      writeFileSync(join(folder, 'commands', 'hi.js'), pluginCommand('changed'))
      expect((await run(['hi'])).stdout).to.equal('changed\n')
      await done(['plugins', 'link', folder])
      await done(['plugins', 'uninstall', 'hello'])
      expect(tree(folder)).to.deep.equal(before)
      expect((await run(['hi'])).status).to.equal(2)
    })

    it('may have only halves, or only commands without a manifest', async () => {
      const halves = pluginFolder(join(directory(), 'halves'), {
        pjson: { oclif: undefined },
        files: { 'oclif.manifest.json': undefined },
      })
      expect((await done(['plugins', 'link', halves]))[0]).to.include({ id: 'hello' })
      const options = {
        id: 'bare',
        command: 'bare',
        pjson: { msg: undefined },
        files: { 'oclif.manifest.json': undefined },
      }
      expect((await done(['plugins', 'install', file(options), '--yes'])).at(-1)).to.include({ id: null })
      expect((await done(['plugins'])).map(({ commands }) => commands)).to.deep.equal([['bare'], []])
      // Made once, so that no start of msg imports commands to know about them.
      const root = data('plugin-packages', 'msg-plugin-bare', 'node_modules', 'msg-plugin-bare')
      expect(existsSync(join(root, 'oclif.manifest.json'))).to.equal(true)
      const { stdout, stderr } = await run(['bare'])
      expect([stdout, stderr]).to.deep.equal(['hello from 1.0.0\n', ''])
    })

    it('need no manifest of commands', async () => {
      const options = { command: 'hi', files: { 'oclif.manifest.json': undefined } }
      await done(['plugins', 'link', pluginFolder(join(directory(), 'work'), options)])
      const { stdout, stderr } = await run(['hi'])
      expect([stdout, stderr]).to.deep.equal(['hello from 1.0.0\n', ''])
    })

    it('pass the same checks', async () => {
      const folder = pluginFolder(join(directory(), 'work'), { files: { 'client.js': 'throw new Error("boom")' } })
      expect(await refused(['plugins', 'link', folder])).to.include({ code: 'MSG_ERR_PLUGIN_PACKAGE', exit: 10 })
      expect((await refused(['plugins', 'link', './nowhere'])).code).to.equal('MSG_ERR_FILE_UNKNOWN')
      mkdirSync(join(directory(), 'empty'))
      expect((await refused(['plugins', 'link', './empty'])).message).to.contain('no package.json')
    })
  })

  describe('beside those of a checkout', () => {
    const [bundled] = PLUGIN_FOLDERS
    const checkout = async (args: string[]): Promise<MsgResult> => await runMsg(args, { directory: directory() })

    it('take their place, without doubled commands or warnings', async () => {
      const name = `msg-plugin-${basename(bundled!)}`
      const linesOfPlugin = async (): Promise<JsonLine[]> =>
        linesOf((await checkout(['plugins', '--json'])).stdout).filter((line) => line['name'] === name)
      expect((await linesOfPlugin()).map(({ from }) => from)).to.deep.equal(['bundled'])
      const help = (await checkout(['client', '--help'])).stdout
      const tarball = pack(bundled!, join(directory(), 'packs'))
      for (const [args, from] of [
        [['install', tarball, '--yes'], 'installed'],
        [['link', bundled!], 'linked'],
      ] as const) {
        const { status, stderr } = await checkout(['plugins', ...args])
        expect([status, stderr], stderr).to.deep.equal([0, ''])
        expect((await linesOfPlugin()).map((line) => line['from'])).to.deep.equal([from])
        const again = await checkout(['client', '--help'])
        expect([again.stdout, again.stderr]).to.deep.equal([help, ''])
        const connect = await checkout(['client', 'connect'])
        expect([connect.status, connect.stderr]).to.deep.equal([0, ''])
      }
      expect((await checkout(['plugins', 'uninstall', name])).status).to.equal(0)
      expect((await linesOfPlugin()).map(({ from }) => from)).to.deep.equal(['bundled'])
      expect((await checkout(['plugins', 'uninstall', name])).stderr).to.contain('belongs to this checkout')
    })
  })
})

/** Every path under a folder but what npm keeps for itself. */
function tree(folder: string): string[] {
  if (!existsSync(folder)) return []
  return (readdirSync(folder, { recursive: true }) as string[]).filter((path) => !/^\.npm|_logs/u.test(path)).sort()
}

function linesOf(text: string): JsonLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JsonLine)
}

function pluginCommand(text: string): string {
  return `import { PluginOneShot } from 'msg-cli/command'
export default class extends PluginOneShot { async run() { process.stdout.write('${text}\\n') } }`
}

/** A registry on this machine, with what was published there. */
async function startRegistry(): Promise<{
  url: string
  server: Server
  publish(name: string, version: string, bytes: Buffer): void
}> {
  const versions = new Map<string, Record<string, object>>()
  const tarballs = new Map<string, Buffer>()
  const server = createServer(({ url = '' }, response) => {
    const name = url.slice(1).split('/')[0]!
    const tarball = tarballs.get(url)
    const found = versions.get(name)
    if (tarball) response.end(tarball)
    else if (found)
      response.end(JSON.stringify({ name, 'dist-tags': { latest: Object.keys(found).at(-1) }, versions: found }))
    else response.writeHead(404).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url,
    server,
    publish(name, version, bytes) {
      const path = `/${name}/-/${name}-${version}.tgz`
      tarballs.set(path, bytes)
      const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
      const dist = { tarball: new URL(path, url).href, integrity }
      versions.set(name, { ...versions.get(name), [version]: { name, version, dist } })
    },
  }
}
