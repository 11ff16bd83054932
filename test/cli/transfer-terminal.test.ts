import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import { expect } from 'chai'
import { widthOf } from '../../src/cli/render/table.ts'
import { BIN, runMsg, sandbox, startMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'
import { isTmuxAvailable, TmuxScreen } from '../helpers/tmux.ts'

const BAR = /^↓ large\s.*━*─*\s+\d+ %/u

describe('transfers on a real terminal', function () {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const screens: TmuxScreen[] = []
  const children: ChildProcess[] = []
  const at = (...path: string[]): string => join(directory(), ...path)
  const own = (user: string): string[] => ['--server', stage.address, '--data-dir', at(user)]

  before(function () {
    if (isTmuxAvailable()) return
    console.error('      skipped: tmux is not installed')
    this.skip()
  })

  beforeEach(async () => {
    await stage.startServer()
    for (const user of ['alice', 'bob'])
      await runMsg(['client', 'register', ...own(user), '--user', user, '--password-stdin'], {
        directory: directory(),
        input: 'secret',
      })
  })
  afterEach(async () => {
    for (const screen of screens.splice(0)) screen.close()
    for (const child of children.splice(0)) child.kill('SIGKILL')
    await stage.clear()
  })

  function open(args: string[], columns = 100, env: Record<string, string> = {}): TmuxScreen {
    const screen = new TmuxScreen([process.execPath, BIN, 'client', ...args], {
      env: { ...sandbox(directory()), ...env },
      cwd: directory(),
      columns,
      rows: 20,
    })
    screens.push(screen)
    return screen
  }

  function send(...args: string[]): void {
    children.push(startMsg(['client', 'send-file', 'bob', ...args, ...own('alice')], { directory: directory() }))
  }

  it('moves above what is typed in the client, and asks at a checkpoint', async () => {
    const bytes = randomBytes(16_000_000)
    writeFileSync(at('large'), bytes)
    const bob = open(['connect', stage.address, '--data-dir', at('bob'), '--user', 'bob', '--accept', 'everyone'])
    await bob.until((text) => text.endsWith('bob>'))
    send(at('large'), '--limit', '4MB/s')
    await bob.until((text) => text.includes('alice offers large (16.0 MB)'))
    bob.type(`file accept --to ${at('in')} --checkpoint 60%`)
    bob.press('Enter')
    await bob.until((_, lines) => BAR.test(lines.at(-2) ?? '') && lines.at(-1) === 'bob@alice>')
    const seen = new Set<string>()
    for (const letter of 'send half a thought') {
      bob.type(letter)
      const lines = bob.lines().filter((line) => BAR.test(line))
      expect(lines.length, bob.text).to.be.below(2)
      for (const line of lines) seen.add(line)
    }
    await bob.until((_, lines) => BAR.test(lines.at(-2) ?? '') && lines.at(-1) === 'bob@alice> send half a thought')
    expect([...seen].join('\n')).to.match(/ MB of 16\.0 MB .* MB\/s {2,}\d:\d\d {2}lan$/mu)
    const asked = await bob.until(
      (text, lines) => text.endsWith('Go on? [Y/n]') && (lines.at(-2) ?? '').includes('paused'),
    )
    expect(asked.at(-1)).to.match(/^60 % of large is here \(\d+(?:\.\d+)? MB of 16\.0 MB\)\. Go on\? \[Y\/n\]$/u)
    bob.type('y')
    bob.press('Enter')
    await bob.until(
      (text) => text.includes('large from alice is here') && /^bob(@alice)?> send half a thought$/mu.test(text),
    )
    expect(bob.lines().some((line) => BAR.test(line))).to.equal(false)
    expect(readFileSync(at('in', 'large')).equals(bytes)).to.equal(true)
  })

  it('receive shows what is offered, asks, and draws the bar', async () => {
    mkdirSync(at('docs', 'sub'), { recursive: true })
    for (let i = 0; i < 25; i++) writeFileSync(at('docs', `${String(i).padStart(2, '0')}.txt`), 'x'.repeat(i))
    writeFileSync(at('docs', 'sub', 'large'), randomBytes(8_000_000))
    const bob = open(['receive', ...own('bob'), '--to', at('in')])
    await bob.until((text) => text.includes('you are asked each time'))
    send(at('docs'), '--limit', '4MB/s')
    await bob.until((text) => text.endsWith('alice, whom you have not met, asks to connect. Let them? [y/N]'))
    bob.type('y')
    bob.press('Enter')
    const lines = await bob.until((text) => text.endsWith('Receive docs? [y/N]'))
    expect(lines.join('\n')).to.contain('... and 7 others')
    bob.type('y')
    bob.press('Enter')
    await bob.until((text) => /↓ docs {2}.*\d+ %.*lan/u.test(text))
    await bob.until((text) => text.includes('docs from alice is here') && !text.includes('↓ docs'))
    bob.press('C-c')
    expect(await bob.exitStatus()).to.equal(130)
  })

  it('a question is taken back when the offer is', async () => {
    const bob = open(['receive', ...own('bob'), '--to', at('in')])
    await bob.until((text) => text.includes('you are asked each time'))
    send(BIN)
    await bob.until((text) => text.endsWith('Let them? [y/N]'))
    bob.type('y')
    bob.press('Enter')
    await bob.until((text) => text.endsWith('Receive run.js? [y/N]'))
    children[0]!.kill('SIGINT')
    await bob.until((text) => text.includes('run.js is no longer offered.') && !text.endsWith('[y/N]'))
  })

  it('send-file fits 40 columns, without colour and in ASCII where the locale is no better', async () => {
    writeFileSync(at('large'), randomBytes(6_000_000))
    const receiver = startMsg(
      ['client', 'receive', '--accept', 'everyone', '--once', '--to', at('in'), ...own('bob')],
      {
        directory: directory(),
      },
    )
    children.push(receiver)
    await new Promise((resolve) => receiver.stdout!.once('data', resolve))
    const alice = open(['send-file', 'bob', at('large'), '--limit', '2MB/s', ...own('alice')], 40, {
      NO_COLOR: '1',
      LC_ALL: 'C',
    })
    const isBar = (line: string): boolean => /^> large \[#+-+\] \d+ % \S+ MB\/s \d:\d\d$/u.test(line)
    const lines = await alice.until((_, shown) => shown.some(isBar))
    const bar = lines.find(isBar) ?? ''
    expect(widthOf(bar)).to.be.below(40)
    await alice.until((text) => text.includes('bob has large'))
    expect(alice.lines().some(isBar)).to.equal(false)
    expect(await alice.exitStatus()).to.equal(0)
  })
})
