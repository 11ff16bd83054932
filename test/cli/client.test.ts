import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { runMsg, startMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('msg client connect with pipes', () => {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const data = (user: string): string => join(directory(), user)
  const run = (args: string[], input = '') => runMsg(['client', ...args], { directory: directory(), input })
  const objects = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)

  beforeEach(() => stage.startServer())
  afterEach(() => stage.clear())

  it('answers piped commands in order without being waited for, and ends with 0', async () => {
    const input = 'register alice secret\nlu\nopen nobody\nfly\nwhoami\n'
    const { status, stdout, stderr } = await run(
      ['connect', stage.address, '--json', '--data-dir', data('alice')],
      input,
    )
    const answers = objects(stdout).filter(({ type }) => type === 'result')
    expect(answers.map(({ command, ok }) => [command, ok])).to.deep.equal([
      ['register', true],
      ['users', true],
      ['open', false],
      ['fly', false],
      ['whoami', true],
    ])
    expect(answers[2]).to.include({ code: 'MSG_ERR_USER_UNKNOWN' })
    expect(stderr).to.equal('')
    expect(status).to.equal(0)
  })

  it('starts with the connected event, once', async () => {
    const { stdout } = await run(['connect', stage.address, '--json', '--data-dir', data('alice')])
    const [first, ...others] = objects(stdout)
    expect(first).to.include({ type: 'connected', address: stage.address, firstUse: true })
    expect(others.some(({ type }) => type === 'connected')).to.equal(false)
  })

  it('connects by command, as the classic programs do', async () => {
    const input = `lu\nc ${stage.address}\nregister alice secret\nx\nlu\n`
    const { status, stdout } = await run(['connect', '--json', '--data-dir', data('alice')], input)
    const answers = objects(stdout).filter(({ type }) => type === 'result')
    expect(answers.map(({ command, code }) => [command, code])).to.deep.equal([
      ['users', 'MSG_ERR_NOT_CONNECTED'],
      ['connect', undefined],
      ['register', undefined],
      ['exit', undefined],
    ])
    expect(status).to.equal(0)
  })

  it('delivers what was sent before it leaves at the end of input', async () => {
    const bob = await stage.startUser('bob', ['--accept', 'everyone'])
    const messages = Array.from({ length: 200 }, (_, number) => `send message ${number}`)
    const input = ['register alice secret', 'open bob', ...messages].join('\n')
    const { status, stdout } = await run(['connect', stage.address, '--json', '--data-dir', data('alice')], input)
    expect(status).to.equal(0)
    const delivered = objects(stdout).filter(({ type }) => type === 'message.delivered')
    expect(delivered).to.have.length(200)
    await bob.line('message', (line) => line['text'] === 'message 199')
  })

  it('ends with 8 when somebody did not get a message in time', async () => {
    const bob = await stage.startUser('bob', ['--accept', 'everyone'])
    const alice = stage.start('alice', [
      'client',
      'connect',
      stage.address,
      '--data-dir',
      data('alice'),
      '--linger',
      '0',
    ])
    await alice.line('connected')
    await alice.ask('register alice secret')
    await alice.ask('open bob')
    await bob.stop(0)
    await alice.ask('send are you there')
    expect(await alice.end()).to.equal(8)
  })

  it('prints text for people without --json, and failures on stderr', async () => {
    const { stdout, stderr, status } = await run(
      ['connect', stage.address, '--data-dir', data('alice')],
      'register alice secret\nwhoami\nsend hi\n',
    )
    expect(stdout).to.contain('Welcome, alice.').and.to.contain('You are alice')
    expect(stderr).to.equal('! no conversation is open\n  open <user> or enter <room> first\n')
    expect(status).to.equal(0)
  })

  it('ends with 5 when nobody listens there, and says it as JSON too', async () => {
    const { stdout, status } = await run(['connect', '127.0.0.1:1', '--json', '--data-dir', data('alice')], 'lu\n')
    expect(status).to.equal(5)
    expect(objects(stdout)).to.have.length(1)
    expect(objects(stdout)[0]).to.include({ type: 'error', code: 'MSG_ERR_SERVER_UNREACHABLE', exit: 5 })
    const byCommand = await run(['connect', '--json', '--data-dir', data('alice')], 'c 127.0.0.1:1\n')
    expect(byCommand.status).to.equal(5)
  })

  it('ends with 7 when the fingerprint is another', async () => {
    const fingerprint = `SHA256:${'A'.repeat(43)}`
    const { status, stderr } = await run([
      'connect',
      stage.address,
      '--fingerprint',
      fingerprint,
      '--data-dir',
      data('alice'),
    ])
    expect(status).to.equal(7)
    expect(stderr).to.contain('not the one you gave')
  })

  it('signs in with --user on a known device, and ends with 3 on an unknown one', async () => {
    await run(['connect', stage.address, '--data-dir', data('alice')], 'register alice secret\n')
    const known = await run(
      ['connect', stage.address, '--user', 'alice', '--json', '--data-dir', data('alice')],
      'whoami\n',
    )
    expect(objects(known.stdout).find(({ command }) => command === 'whoami')).to.include({ ok: true, user: 'alice' })
    const unknown = await run(
      ['connect', stage.address, '--user', 'alice', '--json', '--data-dir', data('other')],
      'whoami\n',
    )
    expect(objects(unknown.stdout).at(-1)).to.include({ type: 'error', code: 'MSG_ERR_PROFILE_UNKNOWN' })
    expect(unknown.status).to.equal(3)
  })

  it('takes JSON lines, and text with line breaks in them', async () => {
    const bob = await stage.startUser('bob', ['--accept', 'everyone'])
    const alice = await stage.startUser('alice')
    await alice.ask('{"command":"open","user":"bob"}')
    await alice.ask('{"command":"send","text":"one\\ntwo"}')
    expect(await bob.line('message')).to.include({ from: 'alice', text: 'one\ntwo', room: null })
  })

  it('refuses a message that is too long and goes on', async () => {
    await stage.startUser('bob', ['--accept', 'everyone'])
    const input = [
      'register alice secret',
      'open bob',
      `send ${'x'.repeat(65_537)}`,
      `send ${'x'.repeat(1_000_000)}`,
      'send ok',
    ].join('\n')
    const { stdout, status } = await run(['connect', stage.address, '--json', '--data-dir', data('alice')], input)
    const answers = objects(stdout).filter(({ type }) => type === 'result')
    expect(answers.map(({ code }) => code)).to.deep.equal([
      undefined,
      undefined,
      'MSG_ERR_MESSAGE_TOO_LONG',
      'MSG_ERR_MESSAGE_TOO_LONG',
      undefined,
    ])
    expect(status).to.equal(0)
  })

  it('waits in a script for the request it accepts', async () => {
    const bob = await stage.startUser('bob')
    const alice = await stage.startUser('alice')
    const accepted = bob.ask('accept alice')
    await alice.ask('open bob')
    expect(await accepted).to.include({ ok: true, user: 'alice' })
  })

  it('warns a script that its room closes, then closes it for all', async () => {
    const alice = await stage.startUser('alice')
    const bob = await stage.startUser('bob')
    await alice.ask('cnr lobby')
    await bob.ask('or lobby')
    await alice.line('room.joined')
    expect(await alice.ask('leave')).to.include({ closed: true })
    expect(await alice.line('warning')).to.include({ code: 'MSG_ERR_OWNER_LEAVING' })
    await bob.line('room.closed', (line) => line['room'] === 'lobby')
  })

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`leaves gracefully on ${signal} and ends with ${status}`, async () => {
      const bob = await stage.startUser('bob', ['--accept', 'everyone'])
      const child = startMsg(['client', 'connect', stage.address, '--json', '--data-dir', data('alice')], {
        directory: directory(),
      })
      child.stdin?.write('register alice secret\nopen bob\n')
      await bob.line('session.opened')
      child.kill(signal)
      expect(await once(child, 'exit')).to.deep.equal([status, null])
      await bob.line('session.closed', (line) => line['with'] === 'alice')
    })
  }

  it('leaves without a word when its reader goes away', async () => {
    const child = startMsg(['client', 'connect', stage.address, '--json', '--data-dir', data('alice')], {
      directory: directory(),
    })
    let stderr = ''
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    await once(child.stdout as NodeJS.ReadableStream, 'data')
    child.stdout?.destroy()
    child.stdin?.write('help\nhelp\nhelp\n')
    expect((await once(child, 'exit'))[0]).to.equal(0)
    expect(stderr).to.equal('')
  })

  describe('and the one-shot commands', () => {
    const server = (): string[] => ['--server', stage.address, '--data-dir', data('alice')]

    beforeEach(async () => {
      writeFileSync(join(directory(), 'password'), 'secret\n')
      const { status } = await run([
        'register',
        ...server(),
        '--user',
        'alice',
        '--password-file',
        join(directory(), 'password'),
      ])
      expect(status).to.equal(0)
    })

    it('need no password after the first, and remember who it was', async () => {
      const { status, stdout } = await run(['whoami', ...server(), '--json'])
      expect(status).to.equal(0)
      expect(objects(stdout)[0]).to.include({ type: 'whoami', user: 'alice' })
    })

    it('keep the sign-in where others cannot read it', () => {
      expect(statSync(data('alice')).mode & 0o077).to.equal(0)
    })

    it('read a password from stdin', async () => {
      const login = [
        'login',
        '--server',
        stage.address,
        '--data-dir',
        data('second'),
        '--user',
        'alice',
        '--password-stdin',
      ]
      expect((await run(login, 'secret\n')).status).to.equal(0)
      expect((await run(login, 'wrong\n')).status).to.equal(4)
      expect((await run(login, '')).status).to.equal(2)
    })

    it('say what is missing instead of asking without a terminal', async () => {
      const { status, stderr } = await run([
        'login',
        '--server',
        stage.address,
        '--data-dir',
        data('third'),
        '--user',
        'alice',
      ])
      expect(status).to.equal(2)
      expect(stderr).to.contain('--password-file or --password-stdin')
    })

    it('refuse a taken name with 9 and a bad one with 2', async () => {
      const register = (user: string) =>
        run(['register', '--server', stage.address, '--data-dir', data('x'), '--user', user, '--password-stdin'], 'p\n')
      expect((await register('alice')).status).to.equal(9)
      expect((await register('not a name')).status).to.equal(2)
    })

    it('list users and rooms', async () => {
      const users = await run(['users', ...server(), '--json'])
      expect(objects(users.stdout)).to.have.length(1)
      expect(objects(users.stdout)[0]).to.include({ type: 'user', user: 'alice' })
      const rooms = await run(['rooms', ...server()])
      expect(rooms.stdout).to.contain('There are no rooms')
    })

    it('are not seen by others', async () => {
      const { stdout } = await run(['users', ...server(), '--connected', '--json'])
      expect(stdout).to.equal('')
    })

    it('send a message and wait until it is delivered', async () => {
      const bob = await stage.startUser('bob', ['--accept', 'everyone'])
      const { status, stdout } = await run(['send', 'bob', 'the build is green', ...server()])
      expect(stdout).to.equal('Delivered to bob.\n')
      expect(status).to.equal(0)
      expect(await bob.line('message')).to.include({ from: 'alice', text: 'the build is green' })
      await bob.line('session.closed', (line) => line['with'] === 'alice')
    })

    it('send what comes from stdin, line breaks included', async () => {
      const bob = await stage.startUser('bob', ['--accept', 'everyone'])
      expect((await run(['send', 'bob', ...server()], 'one\ntwo\n')).status).to.equal(0)
      expect(await bob.line('message')).to.include({ text: 'one\ntwo' })
    })

    it('leave open what their user has open in another terminal', async () => {
      const bob = await stage.startUser('bob', ['--accept', 'everyone'])
      const terminal = stage.start('alice', [
        'client',
        'connect',
        stage.address,
        '--user',
        'alice',
        '--data-dir',
        data('alice'),
      ])
      await terminal.line('signed-in')
      await terminal.ask('open bob')
      expect(await run(['send', 'bob', 'from a script', ...server()])).to.include({ status: 0 })
      await bob.line('message', ({ text }) => text === 'from a script')
      expect(await terminal.ask('send still here')).to.include({ ok: true })
      await bob.line('message', ({ text }) => text === 'still here')
    })

    it('end with 8 when the message is queued, and it arrives when both are there', async () => {
      const absent = await stage.startUser('bob', ['--accept', 'everyone'])
      expect(await absent.end()).to.equal(0)
      const { status, stderr } = await run(['send', 'bob', 'later', ...server()])
      expect(status).to.equal(8)
      expect(stderr).to.contain('the message for bob is queued')
      const bob = stage.start('bob', [
        'client',
        'connect',
        stage.address,
        '--user',
        'bob',
        '--accept',
        'everyone',
        '--data-dir',
        data('bob'),
      ])
      await bob.line('signed-in')
      const alice = stage.start('alice', [
        'client',
        'connect',
        stage.address,
        '--user',
        'alice',
        '--data-dir',
        data('alice'),
      ])
      await alice.line('signed-in')
      expect(await bob.line('message')).to.include({ from: 'alice', text: 'later' })
    })

    it('end with 3 for somebody unknown, and 5 for a server that is not there', async () => {
      expect((await run(['send', 'nobody', 'hi', ...server()])).status).to.equal(3)
      const away = await run(['users', '--server', '127.0.0.1:1', '--user', 'alice', '--data-dir', data('alice')])
      expect(away.status).to.equal(5)
    })

    it('end with 4 when declined and with 8 when nobody answers in time', async () => {
      const bob = await stage.startUser('bob')
      const declined = run(['send', 'bob', 'hi', ...server()])
      await bob.line('session.request')
      await bob.ask('decline alice')
      expect((await declined).status).to.equal(4)
      const unanswered = await run(['send', 'bob', 'hi', ...server(), '--timeout', '1'])
      expect(unanswered.status).to.be.oneOf([6, 8])
    })

    it('never show a password in the process list or in the history', () => {
      const stored = readFileSync(join(directory(), 'password'), 'utf8').trim()
      for (const name of ['history']) {
        let text = ''
        try {
          text = readFileSync(join(data('alice'), name), 'utf8')
        } catch {
          // None was written: nothing to find.
        }
        expect(text).not.to.contain(stored)
      }
    })
  })
})
