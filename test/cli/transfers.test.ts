import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { BIN, runMsg, startMsg, type MsgResult } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

/** A started process and all that it says. */
interface Started {
  readonly child: ChildProcess
  readonly result: Promise<MsgResult>
  /** Waits until it has said this on stdout or stderr. */
  until(text: string): Promise<void>
}

describe('files from one command to another', function () {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const children: ChildProcess[] = []
  const at = (...path: string[]): string => join(directory(), ...path)
  const own = (user: string): string[] => ['--server', stage.address, '--data-dir', at(user)]

  beforeEach(async () => {
    await stage.startServer()
    for (const user of ['alice', 'bob'])
      await runMsg(['client', 'register', ...own(user), '--user', user, '--password-stdin'], {
        directory: directory(),
        input: 'secret',
      })
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await stage.clear()
  })

  function start(user: string, args: string[]): Started {
    const child = startMsg(['client', ...args, ...own(user)], { directory: directory() })
    children.push(child)
    const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
    let wake = (): void => {}
    for (const name of ['stdout', 'stderr'] as const)
      child[name]!.on('data', (chunk: Buffer) => {
        said[name].push(chunk)
        wake()
      })
    child.stdin!.on('error', () => {})
    const text = (): string => Buffer.concat([...said.stdout, ...said.stderr]).toString()
    return {
      child,
      result: once(child, 'close').then(([status, signal]) => ({
        status: status as number | null,
        signal: signal as NodeJS.Signals | null,
        stdout: Buffer.concat(said.stdout).toString('latin1'),
        stderr: Buffer.concat(said.stderr).toString(),
      })),
      async until(wanted) {
        while (!text().includes(wanted)) await new Promise<void>((resolve) => (wake = resolve))
      },
    }
  }

  async function receive(...args: string[]): Promise<Started> {
    const receiver = start('bob', ['receive', '--accept', 'everyone', ...args])
    await receiver.until('receives into')
    return receiver
  }

  it('a file arrives, and both say what it was', async () => {
    const bytes = randomBytes(3_000_000)
    writeFileSync(at('photo.jpg'), bytes)
    const receiver = await receive('--once', '--to', at('in'))
    const sent = await start('alice', ['send-file', 'bob', at('photo.jpg')]).result
    const received = await receiver.result
    expect([sent.status, received.status, sent.stderr, received.stderr]).to.deep.equal([0, 0, '', ''])
    expect(readFileSync(at('in', 'photo.jpg')).equals(bytes)).to.equal(true)
    expect(sent.stdout, sent.stdout).to.match(
      /bob has photo\.jpg: 3\.00 MB in .* MB\/s \(lan\)\.\n {2}root [0-9a-f]{16}\.\.\., last byte \d+, /u,
    )
    expect(received.stdout).to.contain(`It is at ${at('in', 'photo.jpg')}.`)
    const [root] = /root [0-9a-f]{16}/u.exec(sent.stdout) ?? []
    expect(received.stdout).to.contain(root)
  })

  it('several paths arrive as one folder, under the name that was given', async () => {
    mkdirSync(at('docs', 'deep'), { recursive: true })
    for (let i = 0; i < 300; i++) writeFileSync(at('docs', 'deep', `${i}.txt`), `file ${i}`)
    writeFileSync(at('extra'), '')
    const receiver = await receive('--once', '--to', at('in'))
    const { status } = await start('alice', ['send-file', 'bob', at('docs'), at('extra'), '--as', 'all of it']).result
    expect([status, (await receiver.result).status]).to.deep.equal([0, 0])
    expect(readdirSync(at('in'))).to.deep.equal(['all of it'])
    expect(readdirSync(at('in', 'all of it'))).to.have.members(['docs', 'extra'])
    expect(readFileSync(at('in', 'all of it', 'docs', 'deep', '299.txt'), 'utf8')).to.equal('file 299')
  })

  it('stdin comes out of stdout byte for byte, and nothing else does', async () => {
    const bytes = randomBytes(5_000_001)
    const receiver = await receive('--to', '-')
    const sender = start('alice', ['send-file', 'bob', '-', '--as', 'backup.tar'])
    sender.child.stdin!.end(bytes)
    expect((await sender.result).status).to.equal(0)
    const { status, stdout, stderr } = await receiver.result
    expect(status).to.equal(0)
    expect(Buffer.from(stdout, 'latin1').equals(bytes)).to.equal(true)
    expect(stderr).to.contain('backup.tar from alice is here: 5.00 MB')
  })

  it('an empty stdin is an empty file', async () => {
    const receiver = await receive('--once', '--to', at('in'))
    const sender = start('alice', ['send-file', 'bob', '-'])
    sender.child.stdin!.end()
    expect([(await sender.result).status, (await receiver.result).status]).to.deep.equal([0, 0])
    expect(readFileSync(at('in', 'stdin'), 'utf8')).to.equal('')
  })

  it('ends with 8 on both sides when whoever reads stdout goes away', async () => {
    writeFileSync(at('large'), randomBytes(20_000_000))
    const receiver = await receive('--to', '-')
    ;(receiver.child.stdout as Readable).once('data', () => receiver.child.stdout!.destroy())
    const sent = await start('alice', ['send-file', 'bob', at('large')]).result
    const received = await receiver.result
    expect([sent.status, received.status]).to.deep.equal([8, 8])
    expect(received.stderr).to.contain('whoever read the output has gone')
    expect(sent.stderr).to.contain('bob ended it')
  })

  it('waits for whoever reads stdout slowly, without asking for more', async () => {
    const bytes = randomBytes(40_000_000)
    writeFileSync(at('large'), bytes)
    const receiver = await receive('--to', '-')
    receiver.child.stdout!.pause()
    const sender = start('alice', ['send-file', 'bob', at('large'), '--json'])
    await sender.until('transfer.started')
    await delay(1_500)
    expect(sender.child.exitCode).to.equal(null)
    receiver.child.stdout!.resume()
    expect((await sender.result).status).to.equal(0)
    expect(Buffer.from((await receiver.result).stdout, 'latin1').equals(bytes)).to.equal(true)
  })

  it('says no to a folder that would go to stdout', async () => {
    mkdirSync(at('docs'))
    const receiver = await receive('--to', '-')
    const { status, stderr } = await start('alice', ['send-file', 'bob', at('docs')]).result
    expect(status).to.equal(4)
    expect(stderr).to.contain('the other side declined docs')
    await receiver.until('a folder cannot go to stdout')
  })

  it('takes nothing from strangers with --accept contacts, and from people met before', async () => {
    writeFileSync(at('a'), 'content')
    const wary = start('bob', ['receive', '--accept', 'contacts', '--to', at('in')])
    await wary.until('receives into')
    expect((await start('alice', ['send-file', 'bob', at('a')]).result).status).to.equal(4)
    await wary.until('Declined alice.')
    wary.child.kill('SIGINT')
    expect((await wary.result).status).to.equal(130)
    const open = await receive('--once', '--to', at('in'))
    expect((await start('alice', ['send-file', 'bob', at('a')]).result).status).to.equal(0)
    await open.result
    const again = start('bob', ['receive', '--accept', 'contacts', '--once', '--to', at('in')])
    await again.until('receives into')
    expect((await start('alice', ['send-file', 'bob', at('a')]).result).status).to.equal(0)
    expect((await again.result).status).to.equal(0)
  })

  it('tells a wrong path, a wrong user, an absent one and a wrong rate before anything is sent', async () => {
    const cases: Array<[string[], number, string]> = [
      [['bob', at('nowhere')], 3, 'there is no file or folder'],
      [['nobody', BIN], 3, 'there is no user nobody'],
      [['bob', BIN], 5, 'bob is not connected'],
      [['alice', BIN], 2, 'yourself'],
      [['bob', BIN, '--limit', '20MB/h'], 2, '"20MB/h" is not a rate'],
      [['bob', '-', BIN], 2, '- is the only path'],
      [['bob'], 2, 'Missing 1 required arg'],
    ]
    for (const [args, exit, said] of cases) {
      const { status, stderr } = await start('alice', ['send-file', ...args]).result
      expect(status, args.join(' ')).to.equal(exit)
      expect(stderr).to.contain(said)
    }
  })

  it('does not wait for questions that nobody can answer', async () => {
    const { status, stderr } = await start('bob', ['receive']).result
    expect(status).to.equal(2)
    expect(stderr).to.contain('give --accept contacts or --accept everyone')
  })

  it('goes on by itself when the receiver was killed and is started again', async () => {
    const bytes = randomBytes(12_000_000)
    writeFileSync(at('large'), bytes)
    const first = await receive('--once', '--to', at('in'))
    const sender = start('alice', ['send-file', 'bob', at('large'), '--limit', '4MB/s', '--json'])
    await sender.until('"transfer.progress"')
    await delay(1_000)
    first.child.kill('SIGKILL')
    await first.result
    const second = await receive('--once', '--to', at('in'))
    expect((await sender.result).status).to.equal(0)
    expect((await second.result).status).to.equal(0)
    expect(readFileSync(at('in', 'large')).equals(bytes)).to.equal(true)
  })

  it('the first Ctrl-C of the sender ends it well, and the same command again goes on', async () => {
    const bytes = randomBytes(12_000_000)
    writeFileSync(at('large'), bytes)
    const receiver = await receive('--to', at('in'))
    const first = start('alice', ['send-file', 'bob', at('large'), '--limit', '4MB/s'])
    await first.until('Sending large')
    await delay(1_500)
    first.child.kill('SIGINT')
    const stopped = await first.result
    expect(stopped.status).to.equal(130)
    expect(stopped.stdout).to.contain('What has arrived is kept: the same command again goes on from there.')
    await receiver.until('large is stopped by alice.')
    const { status, stdout } = await start('alice', ['send-file', 'bob', at('large'), '--json']).result
    expect(status).to.equal(0)
    const sent = stdout
      .split('\n')
      .flatMap((line) => (line.includes('transfer.progress') ? [JSON.parse(line) as { bytes: number }] : []))
    expect(Math.max(0, ...sent.map((event) => event.bytes)), 'the rest of it').to.be.below(bytes.length - 2_000_000)
    await receiver.until('large from alice is here')
    receiver.child.kill('SIGINT')
    expect((await receiver.result).status).to.equal(130)
    expect(readFileSync(at('in', 'large')).equals(bytes)).to.equal(true)
  })

  it('goes on when the sender was killed and the same command is typed again', async () => {
    const bytes = randomBytes(12_000_000)
    writeFileSync(at('large'), bytes)
    const receiver = await receive('--once', '--to', at('in'))
    const first = start('alice', ['send-file', 'bob', at('large'), '--limit', '4MB/s', '--json'])
    await first.until('"transfer.progress"')
    await delay(1_000)
    first.child.kill('SIGKILL')
    await first.result
    expect((await start('alice', ['send-file', 'bob', at('large')]).result).status).to.equal(0)
    expect((await receiver.result).status).to.equal(0)
    expect(readdirSync(at('in'))).to.deep.equal(['large'])
    expect(readFileSync(at('in', 'large')).equals(bytes)).to.equal(true)
  })

  it('Ctrl-C of the receiver tells the sender', async () => {
    writeFileSync(at('large'), randomBytes(12_000_000))
    const receiver = await receive('--to', at('in'))
    const sender = start('alice', ['send-file', 'bob', at('large'), '--limit', '4MB/s'])
    await sender.until('Sending large')
    await delay(1_000)
    receiver.child.kill('SIGINT')
    const { status, stdout } = await receiver.result
    expect(status).to.equal(130)
    expect(stdout).to.contain('What has arrived of large is kept')
    const sent = await sender.result
    expect(sent.status).to.equal(8)
    expect(sent.stderr).to.contain('bob ended it')
  })

  it('gives up when nobody answers the offer', async () => {
    writeFileSync(at('a'), 'content')
    const bob = stage.start('bob', [
      'client',
      'connect',
      stage.address,
      '--data-dir',
      at('bob'),
      '--accept',
      'everyone',
      '--user',
      'bob',
    ])
    await bob.line('signed-in')
    const { status, stderr } = await start('alice', ['send-file', 'bob', at('a'), '--timeout', '2']).result
    expect(status).to.equal(6)
    expect(stderr).to.contain('--timeout gives it more')
    await bob.line('transfer.offered')
    const { transfers } = (await bob.ask('file offers')) as unknown as { transfers: unknown[] }
    expect(transfers, 'it was taken back').to.deep.equal([])
  })

  it('shows hostile names as they are written, and never acts on them', async () => {
    writeFileSync(at('a'), 'content')
    const hostile = 'a\u001b[2J\u202etxt.exe'
    const receiver = await receive('--once', '--to', at('in'))
    const sent = await start('alice', ['send-file', 'bob', at('a'), '--as', hostile]).result
    const received = await receiver.result
    expect([sent.status, received.status]).to.deep.equal([0, 0])
    for (const text of [sent.stdout, sent.stderr, received.stdout, received.stderr])
      expect(text).not.to.match(/\u001b|\u202e/u)
    expect(received.stdout).to.contain('a\\u001b[2J\\u202etxt.exe')
  })

  it('keeps the JSON contract on both sides, and tells progress at most ten times a second', async () => {
    const schema = JSON.parse(readFileSync(join(BIN, '..', '..', 'docs', 'schema', 'commands.json'), 'utf8')) as Schema
    writeFileSync(at('large'), randomBytes(8_000_000))
    const receiver = start('bob', ['receive', '--accept', 'everyone', '--once', '--json', '--to', at('in')])
    await receiver.until('"receiving"')
    const sent = await start('alice', ['send-file', 'bob', at('large'), '--json', '--limit', '8MB/s']).result
    const received = await receiver.result
    for (const { stdout, stderr } of [sent, received]) {
      expect(stderr).to.equal('')
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { type: string; root?: string; seconds?: number })
      for (const line of lines) expect(complaintOf(schema, line), JSON.stringify(line)).to.equal(undefined)
      const { root, seconds = 0 } = lines.find(({ type }) => type === 'transfer.done')!
      expect(root).to.match(/^[0-9a-f]{64}$/u)
      expect(lines.filter(({ type }) => type === 'transfer.progress').length).to.be.within(2, 10 * seconds + 2)
    }
  })
})
