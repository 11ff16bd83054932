import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { runMsg, startMsg } from '../helpers/run-msg.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('msg', () => {
  const directory = useTempDir()
  const run = (args: string[], options: { env?: Record<string, string>; input?: string } = {}) =>
    runMsg(args, { directory: directory(), ...options })

  it('prints the same version with --version as with version', async () => {
    const short = await run(['--version'])
    const long = await run(['version'])
    expect(short.stdout).to.match(/^msg-cli\/\d+\.\d+\.\d+ \S+ node-v\d+\.\d+\.\d+\n$/u)
    expect(short.stdout).to.equal(long.stdout)
    expect(short.status).to.equal(0)
  })

  it('shows help without arguments, with help, --help and -h', async () => {
    for (const args of [[], ['help'], ['--help'], ['-h']]) {
      const { status, stdout } = await run(args)
      expect(status, args.join()).to.equal(0)
      expect(stdout).to.contain('run a server').and.to.contain('demo')
    }
  })

  it('shows the commands of a topic', async () => {
    const { stdout } = await run(['server', '--help'])
    for (const name of ['start', 'users', 'sessions', 'rooms', 'members', 'status', 'stop'])
      expect(stdout).to.contain(`server ${name}`)
  })

  it('accepts colons between topic and command', async () => {
    expect((await run(['config:show'])).stdout).to.contain('dataDir')
  })

  it('ends with 2 for unknown commands, flags, missing words and wrong values', async () => {
    const mistakes = [
      ['clinet'],
      ['server', 'strat'],
      ['server', 'start', '--prot', '1'],
      ['server', 'start', '--port', 'many'],
      ['server', 'start', '--port', '65536'],
      ['server', 'members'],
      ['client', 'connect', 'a', 'b'],
      ['client', 'connect', '--accept', 'nobody'],
      ['client', 'users'],
    ]
    for (const args of mistakes) {
      const { status, stdout, stderr } = await run(args)
      expect(status, args.join(' ')).to.equal(2)
      expect(stdout, args.join(' ')).to.equal('')
      expect(stderr).not.to.contain('    at ')
    }
  })

  it('suggests the command that was meant', async () => {
    expect((await run(['server', 'strat'])).stderr).to.contain('not a msg command')
  })

  it('says what is wrong and what to do next', async () => {
    const { stderr } = await run(['client', 'users'])
    expect(stderr).to.equal('error: server is needed: give --server or set MSG_SERVER\ntry:   see help\n')
  })

  it('shows a stack with --debug only', async () => {
    expect((await run(['client', 'users', '--debug'])).stderr).to.contain('    at ')
  })

  it('prints errors as one JSON object with --json, keeps the exit status and never shows the configuration', async () => {
    for (const args of [
      ['client', 'users', '--json'],
      ['server', 'start', '--prot', '1', '--json'],
      ['server', 'members', '--json'],
      ['server', 'strat', '--json'],
    ]) {
      const { status, stdout } = await run(args)
      expect(status, args.join(' ')).to.equal(2)
      const lines = stdout.trimEnd().split('\n')
      expect(lines, args.join(' ')).to.have.length(1)
      const error = JSON.parse(lines[0] ?? '') as Record<string, unknown>
      expect(Object.keys(error)).to.have.members(['type', 'code', 'message', 'hint', 'exit'])
      expect(error).to.include({ type: 'error', code: 'MSG_ERR_USAGE', exit: 2 })
    }
  })

  it('does not take --json behind -- for its own', async () => {
    const { stdout, status } = await run(['client', 'users', '--', '--json'])
    expect(status).to.equal(2)
    expect(stdout).to.equal('')
  })

  it('uses colour only when forced, since this is no terminal', async () => {
    expect((await run(['config', 'show'])).stdout).not.to.contain('\u001b')
    expect((await run(['config', 'show'], { env: { FORCE_COLOR: '1' } })).stdout).to.contain('\u001b[')
    expect((await run(['config', 'show', '--no-color'], { env: { FORCE_COLOR: '1' } })).stdout).not.to.contain('\u001b')
    expect((await run(['config', 'show'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.to.contain(
      '\u001b',
    )
  })

  it('leaves without a word when the reader goes away', async () => {
    for (const args of [['config', 'show', '--json'], ['help']]) {
      const child = startMsg(args, { directory: directory() })
      child.stdout?.destroy()
      let stderr = ''
      child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
      const status = await new Promise((resolve) => child.once('close', resolve))
      expect(stderr, args.join(' ')).to.equal('')
      expect(status).to.equal(0)
    }
  })

  it('has completion for shells', async () => {
    const { status, stdout } = await run(['autocomplete', 'bash'])
    expect(status).to.equal(0)
    expect(stdout).to.contain('msg')
  })

  describe('config show', () => {
    it('tells the origin of each value', async () => {
      writeFileSync(join(directory(), '.msgrc.json'), '{"port":1234}')
      const { stdout } = await run(['config', 'show', '--json'], { env: { MSG_USER: 'alice' } })
      const rows = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { key: string })
      const row = (key: string) => rows.find((candidate) => candidate.key === key)
      expect(row('port')).to.include({ type: 'setting', value: 1234, origin: 'project' })
      expect(row('user')).to.include({ value: 'alice', origin: 'env', source: 'MSG_USER' })
      expect(row('linger')).to.include({ value: 10, origin: 'default', source: null })
    })

    it('fails with the file and the key of a mistake', async () => {
      writeFileSync(join(directory(), '.msgrc.json'), '{"prot":1234}')
      const { status, stderr } = await run(['config', 'show'])
      expect(status).to.equal(2)
      expect(stderr).to.contain('.msgrc.json: unknown key prot; did you mean port?')
    })

    it('does not run what a downloaded folder brings along', async () => {
      writeFileSync(join(directory(), '.msgrc.js'), 'process.stdout.write("owned")')
      expect((await run(['config', 'show'])).stdout).not.to.contain('owned')
    })
  })
})
