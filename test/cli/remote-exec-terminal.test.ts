import type { ChildProcess } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { BIN, runMsg, sandbox, startMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'
import { isTmuxAvailable, TmuxScreen } from '../helpers/tmux.ts'

describe('commands of others on a real terminal', function () {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  let bob: TmuxScreen
  const children: ChildProcess[] = []
  const own = (user: string): string[] => ['--server', stage.address, '--data-dir', join(directory(), user)]

  before(function () {
    if (isTmuxAvailable()) return
    console.error('      skipped: tmux is not installed')
    this.skip()
  })

  /** bob sits at a terminal, and has verified alice, who is away. */
  beforeEach(async () => {
    const options = { enabled: true, allowRoot: true, allow: [{ command: 'sh', args: ['-c', '**'] }] }
    mkdirSync(join(directory(), 'config', 'msg'), { recursive: true })
    writeFileSync(
      join(directory(), 'config', 'msg', 'config.json'),
      JSON.stringify({ plugins: { 'remote-exec': options } }),
    )
    await stage.startServer()
    await runMsg(['client', 'register', ...own('bob'), '--user', 'bob', '--password-stdin'], {
      directory: directory(),
      input: 'secret',
    })
    bob = new TmuxScreen(
      [
        process.execPath,
        BIN,
        'client',
        'connect',
        stage.address,
        ...own('bob').slice(2),
        '--user',
        'bob',
        '--accept',
        'everyone',
      ],
      {
        env: sandbox(directory()),
        cwd: directory(),
        columns: 120,
        rows: 30,
      },
    )
    await bob.until((text) => text.endsWith('bob>'))
    const alice = await stage.startUser('alice')
    await alice.ask('open bob')
    await bob.until((text) => text.includes('Linked to alice'))
    bob.type('verify alice --mark')
    bob.press('Enter')
    await bob.until((text) => text.includes('Safety number with alice (verified)'))
    await alice.ask('leave')
    await alice.stop()
  })
  afterEach(async () => {
    bob.close()
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await stage.clear()
  })

  function exec(...argv: string[]) {
    const child = startMsg(['client', 'exec', 'bob', ...own('alice'), '--user', 'alice', '--', ...argv], {
      directory: directory(),
    })
    children.push(child)
    const told = { text: '' }
    child.stdout?.on('data', (chunk: Buffer) => (told.text += chunk.toString()))
    child.stderr?.on('data', (chunk: Buffer) => (told.text += chunk.toString()))
    child.stdin?.end()
    return { told, closed: new Promise<number | null>((resolve) => child.once('close', resolve)) }
  }

  it('are asked about with their exact words, and Enter alone is no', async () => {
    const { told, closed } = exec('sh', '-c', 'echo "\u202e$HOME"\n; id \u001b[2J')
    const lines = await bob.until((text) => text.endsWith('Run it? [y/N]'))
    const text = lines.join('\n')
    expect(text).to.match(/alice \(verified, SHA256:\S+\) wants to run a command here:/)
    expect(text).to.contain(String.raw`  sh -c "echo \"\u{202e}$HOME\"\n; id \u{1b}[2J"`)
    expect(text).to.contain(`  in ${directory()}`)
    bob.press('Enter')
    expect(await closed).to.equal(4)
    expect(told.text).to.contain('bob said no (declined)')
  })

  it('show the sender what they write, escaped, to its last byte', async () => {
    const argv = ['sh', '-c', String.raw`printf '\n\n\302\2332J\033[31m\nlast\303'`]
    const words = ['client', 'exec', 'bob', ...own('alice'), '--user', 'alice', '--', ...argv]
    const alice = new TmuxScreen([process.execPath, BIN, ...words], { env: sandbox(directory()), cwd: directory() })
    try {
      await bob.until((text) => text.endsWith('Run it? [y/N]'))
      bob.type('y')
      bob.press('Enter')
      expect(await alice.exitStatus()).to.equal(0)
      expect(alice.text).to.contain('\\u009b2J\\u001b[31m\nlast\ufffd')
    } finally {
      alice.close()
    }
  })

  it('run after a yes, and end at the press of one key, whatever is being typed', async () => {
    const { told, closed } = exec('sh', '-c', 'while sleep 0.1; do echo still; done')
    await bob.until((text) => text.endsWith('Run it? [y/N]'))
    bob.type('y')
    bob.press('Enter')
    await bob.until((text) => text.includes('alice runs sh') && told.text.includes('still\n'))
    bob.type('half a thought')
    bob.press('C-x')
    await bob.until((text) => text.includes('Took back 0 grants, ended 1 command.'))
    expect(await closed).to.equal(137)
    expect(told.text).to.contain('it was revoked')
    const again = exec('sh', '-c', 'id')
    expect(await again.closed).to.equal(4)
    expect(again.told.text).to.contain('(revoked)')
    await bob.until((text) => text.endsWith('half a thought'))
  })
})
