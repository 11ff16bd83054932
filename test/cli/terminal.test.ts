import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { BIN, sandbox } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'
import { isTmuxAvailable, TmuxScreen } from '../helpers/tmux.ts'

describe('msg on a real terminal', function () {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const screens: TmuxScreen[] = []

  before(function () {
    if (isTmuxAvailable()) return
    console.error('      skipped: tmux is not installed')
    this.skip()
  })

  afterEach(async () => {
    for (const screen of screens.splice(0)) screen.close()
    await stage.clear()
  })

  function open(...args: string[]): TmuxScreen {
    const screen = new TmuxScreen([process.execPath, BIN, ...args], {
      env: sandbox(directory()),
      cwd: directory(),
      columns: 100,
      rows: 30,
    })
    screens.push(screen)
    return screen
  }

  const data = (user: string): string => join(directory(), user)

  async function enter(screen: TmuxScreen, line: string): Promise<void> {
    screen.type(line)
    await screen.until((text) => text.includes(line))
    screen.press('Enter')
  }

  async function openUser(user: string): Promise<TmuxScreen> {
    const screen = open('client', 'connect', stage.address, '--data-dir', data(user))
    await screen.until((text) => text.includes('msg>'))
    await enter(screen, `register ${user} secret`)
    await screen.until((text) => text.endsWith(`${user}>`))
    return screen
  }

  it('two people talk, and what arrives does not garble what is typed', async () => {
    await stage.startServer()
    const alice = await openUser('alice')
    const bob = await openUser('bob')
    await enter(alice, 'open bob')
    await bob.until((text) => text.includes('alice asks to talk: accept alice or decline alice'))
    await enter(bob, 'accept alice')
    await bob.until((text) => text.endsWith('bob@alice>'))
    await alice.until((text) => text.endsWith('alice@bob>'))
    bob.type('send half a thou')
    await bob.until((text) => text.endsWith('half a thou'))
    await enter(alice, 'send one')
    await bob.until((text) => text.includes('alice: one'))
    bob.type('ght')
    const lines = await bob.until((text) => text.endsWith('send half a thought'))
    expect(lines.at(-1)).to.equal('bob@alice> send half a thought')
    bob.press('Enter')
    await alice.until((text) => text.includes('bob: half a thought'))
  })

  it('asks for a password without showing it, and forgets it', async () => {
    await stage.startServer()
    const screen = open('client', 'connect', stage.address, '--data-dir', data('alice'))
    await screen.until((text) => text.endsWith('msg>'))
    await enter(screen, 'register alice')
    await screen.until((text) => text.includes('New password for alice'))
    screen.type('hidden-secret')
    screen.press('Enter')
    await screen.until((text) => text.includes('Once more'))
    screen.type('hidden-secret')
    screen.press('Enter')
    await screen.until((text) => text.endsWith('alice>'))
    expect(screen.text).not.to.contain('hidden-secret')
    await enter(screen, 'login alice typed-secret')
    await screen.until((text) => text.includes('already signed in'))
    await enter(screen, 'users')
    await screen.until((text) => text.includes('100.64.0.1'))
    const history = join(data('alice'), 'history')
    expect(readFileSync(history, 'utf8')).to.equal('register alice\nusers\n')
    expect(statSync(history).mode & 0o777).to.equal(0o600)
  })

  it('asks before leaving closes a room that others are in', async () => {
    await stage.startServer()
    const alice = await openUser('alice')
    const bob = await stage.startUser('bob')
    await enter(alice, 'room create lobby')
    await alice.until((text) => text.endsWith('alice#lobby>'))
    await bob.ask('enter lobby')
    await alice.until((text) => text.includes('bob came in'))
    await enter(alice, 'leave')
    await alice.until((text) => text.includes('[y/N]'))
    await enter(alice, 'n')
    await alice.until((text) => text.endsWith('alice#lobby>'))
    await enter(alice, 'cs')
    await alice.until((text) => text.endsWith('[y/N]'))
    alice.type('y')
    alice.press('Enter')
    await alice.until((text) => text.endsWith('alice>'))
    await bob.line('room.closed')
  })

  it('never sends what was not meant to be sent', async () => {
    await stage.startServer()
    const alice = await openUser('alice')
    const bob = await stage.startUser('bob', ['--accept', 'everyone'])
    await enter(alice, 'open bob')
    await alice.until((text) => text.endsWith('alice@bob>'))
    await enter(alice, 'hello bob')
    await alice.until((text) => text.includes('send <text> (or s <text>) says something here'))
    await enter(alice, 'send really')
    expect(await bob.line('message')).to.include({ text: 'really' })
  })

  it('says whom it asks, and Ctrl-C takes the question back instead of leaving', async () => {
    await stage.startServer()
    const alice = await openUser('alice')
    const bob = await stage.startUser('bob')
    await enter(alice, 'open bob')
    await alice.until((text) => text.includes('Asking bob …'))
    await bob.line('session.request')
    alice.press('C-c')
    await alice.until((text) => text.includes('cancelled: asking bob') && text.endsWith('alice>'))
    await bob.line('session.withdrawn')
    alice.press('C-c')
    expect(await alice.exitStatus()).to.equal(130)
  })

  it('says that a message waits, and that it arrived', async () => {
    await stage.startServer()
    const alice = await openUser('alice')
    const bob = await stage.startUser('bob', ['--accept', 'everyone'])
    await enter(alice, 'open bob')
    await alice.until((text) => text.endsWith('alice@bob>'))
    await bob.stop(0)
    await alice.until((text) => text.includes('bob is away; messages wait.'))
    await enter(alice, 'send later')
    await alice.until((text) => text.includes('Not delivered yet'))
    const again = ['client', 'connect', stage.address, '--user', 'bob', '--data-dir', data('bob')]
    await stage.start('bob', again).line('message')
    await alice.until((text) => /Delivered to bob after \d+ s\./u.test(text))
  })

  it('completes the names of people', async () => {
    await stage.startServer()
    const alice = await openUser('alice')
    await stage.startUser('barnabas')
    alice.type('open ba')
    await alice.until((text) => text.endsWith('open ba'))
    alice.press('Tab')
    await alice.until((text) => text.endsWith('open barnabas'))
  })

  for (const [key, status] of [
    ['C-d', 0],
    ['C-c', 130],
  ] as const) {
    it(`leaves gracefully with ${key}, and ends with ${status}`, async () => {
      await stage.startServer()
      const bob = await stage.startUser('bob', ['--accept', 'everyone'])
      const alice = await openUser('alice')
      await enter(alice, 'open bob')
      await alice.until((text) => text.endsWith('alice@bob>'))
      alice.press(key)
      expect(await alice.exitStatus()).to.equal(status)
      await bob.line('session.closed', (line) => line['with'] === 'alice')
    })
  }

  it('gives the terminal back when it is killed by SIGTERM', async () => {
    await stage.startServer()
    const alice = await openUser('alice')
    process.kill(alice.pid, 'SIGTERM')
    expect(await alice.exitStatus()).to.equal(143)
  })

  it('shows the events of a server above its console', async () => {
    const server = open('server', 'start', '--host', '127.0.0.1', '--port', '0', '--data-dir', data('server'))
    const lines = await server.until((text) => text.endsWith('msg server>'))
    stage.address = `127.0.0.1:${/TCP (\d+)/u.exec(lines.join('\n'))?.[1] ?? ''}`
    server.type('stat')
    await server.until((text) => text.endsWith('stat'))
    await stage.startUser('alice')
    await server.until((text) => text.includes('alice signed in') && text.endsWith('msg server> stat'))
    server.type('us')
    server.press('Enter')
    await server.until((text) => /accounts +1\n/u.test(text))
    await enter(server, 'lu')
    await server.until((text) => /alice +active/u.test(text))
    await enter(server, 'x')
    expect(await server.exitStatus()).to.equal(0)
    expect(existsSync(data('server'))).to.equal(true)
  })
})
