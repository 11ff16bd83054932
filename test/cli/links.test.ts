import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { runMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

interface Line {
  readonly [member: string]: unknown
}

describe('what owners of links can choose and see', () => {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const run = (args: string[], env = {}) => runMsg(['client', ...args], { directory: directory(), env })
  const traceOf = (path: string): Line[] =>
    readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)

  afterEach(() => stage.clear())

  it('refuses a congestion control that there is none, by flag, variable and file, with the choices', async () => {
    const said: string[] = []
    for (const [args, env, file] of [
      [['--congestion', 'reno'], {}, '{}'],
      [[], { MSG_CONGESTION: 'reno' }, '{}'],
      [[], {}, '{"congestion":"reno"}'],
    ] as const) {
      writeFileSync(join(directory(), '.msgrc.json'), file)
      const { status, stderr } = await run(['connect', '127.0.0.1:1', ...args], env)
      expect(status, stderr).to.equal(2)
      said.push(stderr)
    }
    for (const text of said) expect(text).to.match(/bbr, cubic, fast/u)
    const { status } = await run(['send', 'bob', 'hi', '--congestion', 'reno', '--server', '127.0.0.1:1'])
    expect(status).to.equal(2)
  })

  it('says where the choice comes from', async () => {
    const { stdout } = await runMsg(['config', 'show', '--json'], {
      directory: directory(),
      env: { MSG_CONGESTION: 'cubic' },
    })
    const settings = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)
    expect(settings.find(({ key }) => key === 'congestion')).to.include({ value: 'cubic', origin: 'env' })
    expect(settings.find(({ key }) => key === 'traceLinks')).to.include({ value: null, env: 'MSG_TRACE_LINKS' })
  })

  it('uses the chosen control, shows every number of a link, and traces it', async () => {
    await stage.startServer()
    const trace = join(directory(), 'links.jsonl')
    const bob = await stage.startUser('bob', ['--accept', 'everyone', '--congestion', 'fast'])
    const alice = await stage.startUser('alice', ['--congestion', 'cubic', '--trace-links', trace])
    await alice.ask('open bob')
    await alice.ask('send hi')
    await alice.line('message.delivered')
    const { links, socket } = await alice.ask('links')
    const [link] = links as Line[]
    expect(link).to.include({ user: 'bob', path: 'lan', congestion: 'cubic', keyUpdates: 0 })
    for (const key of ['bytesSent', 'bytesReceived', 'packetsSent', 'packetsReceived', 'cwnd', 'rttMs', 'minRttMs'])
      expect(link![key], key).to.be.above(0)
    expect(link!['datagramSize']).to.be.at.least(1_200)
    expect(socket).to.include({ wanted: 4_194_304 })
    expect(((await bob.ask('links'))['links'] as Line[])[0]).to.include({ user: 'alice', congestion: 'fast' })
    expect(await alice.end()).to.equal(0)

    expect(statSync(trace).mode & 0o777).to.equal(0o600)
    const events = traceOf(trace)
    expect(events.slice(0, 2).map(({ name }) => name)).to.include('connection_started')
    expect(new Set(events.map(({ name }) => name))).to.include.keys(
      'connection_started',
      'packet_sent',
      'packet_received',
      'packets_acked',
      'metrics_updated',
      'connection_closed',
    )
    const metrics = events.find(({ name }) => name === 'metrics_updated')
    expect((metrics!['controller'] as Line)['id']).to.equal('cubic')
  })

  it('traces a one-shot message, and nothing of commands that open no links', async () => {
    await stage.startServer()
    await stage.startUser('bob', ['--accept', 'everyone'])
    const mine = ['--server', stage.address, '--data-dir', join(directory(), 'carol'), '--user', 'carol']
    const password = join(directory(), 'password')
    writeFileSync(password, 'carol-password\n')
    const trace = join(directory(), 'one.jsonl')
    const env = { MSG_TRACE_LINKS: trace }
    await run(['register', ...mine, '--password-file', password], env)
    expect((await run(['users', ...mine], env)).status).to.equal(0)
    expect(existsSync(trace)).to.equal(false)
    expect((await run(['send', 'bob', 'hi', ...mine, '--trace-links', trace])).status).to.equal(0)
    expect(traceOf(trace).map(({ name }) => name)).to.include('connection_closed')
  })

  it('says before it connects that a trace cannot be written', async () => {
    const { status, stdout } = await run(['connect', '127.0.0.1:1', '--trace-links', 'no/such/file', '--json'])
    expect(status).to.equal(2)
    const lines = stdout.trimEnd().split('\n')
    expect(lines).to.have.length(1)
    expect(JSON.parse(lines[0]!)).to.include({ type: 'error', code: 'MSG_ERR_USAGE' })
    expect(lines[0]).to.contain('no/such/file cannot be written (ENOENT)')
  })

  it('goes on without its trace when the disk is full, and says so once', async function () {
    if (!existsSync('/dev/full')) this.skip()
    await stage.startServer()
    await stage.startUser('bob', ['--accept', 'everyone'])
    const alice = await stage.startUser('alice', ['--trace-links', '/dev/full'])
    await alice.ask('open bob')
    for (let i = 0; i < 3; i++) await alice.ask(`send ${i}`)
    await alice.line('message.delivered')
    expect(await alice.end()).to.equal(0)
    const warnings = alice.lines.filter(({ type }) => type === 'warning')
    expect(warnings.map(({ code }) => code)).to.deep.equal(['MSG_ERR_STORAGE_FAILED'])
    expect(warnings[0]!['message']).to.contain('/dev/full cannot be written any more (ENOSPC)')
  })
})
