import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'chai'
import { runMsg, startMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

describe('msg server', () => {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  const data = (): string[] => ['--data-dir', join(directory(), 'server')]
  const run = (args: string[]) => runMsg(['server', ...args, ...data()], { directory: directory() })
  const objects = (stdout: string) =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)

  afterEach(() => stage.clear())

  it('prints where it listens first, then events, as JSON', async () => {
    const { server, listening } = await stage.startServer(data())
    expect(Object.keys(listening)).to.deep.equal(['type', 'host', 'port', 'udpPort', 'probePort', 'fingerprint'])
    expect(listening['fingerprint']).to.match(/^SHA256:[\w+/]{43}$/u)
    await stage.startUser('alice')
    expect(await server.line('registered')).to.include({ user: 'alice' })
    expect(await server.line('signed-in')).to.include({ user: 'alice' })
  })

  it('answers console commands from a pipe, and stays when they end', async () => {
    const { server } = await stage.startServer(data())
    expect(await server.ask('lu')).to.deep.include({ command: 'users', users: [] })
    expect(await server.ask('status')).to.include({ accounts: 0, connections: 0 })
    const ended = server.end()
    await stage.startUser('alice')
    await server.line('registered')
    await run(['stop'])
    expect(await ended).to.equal(0)
  })

  it('shows what goes through the relay and where metrics are, or that there is neither', async () => {
    const { server, listening } = await stage.startServer([...data(), '--metrics', '0'])
    expect(listening['metrics']).to.match(/^127\.0\.0\.1:\d+$/u)
    expect(await server.ask('relays')).to.include({ enabled: true, datagrams: 0 })
    expect((await run(['relays'])).stdout).to.contain('Nobody uses the relay now.\n')
    expect(objects((await run(['relays', '--json'])).stdout)[0]).to.include({ type: 'relays', channels: 0 })
    await run(['stop'])
    const { server: other } = await stage.startServer([...data(), '--no-relay'])
    expect(await other.ask('relays')).to.include({ enabled: false })
    expect((await run(['relays'])).stdout).to.equal('This server relays nothing.\n')
  })

  it('stops by its console command and ends with 0', async () => {
    const { server } = await stage.startServer(data())
    await server.ask('x')
    expect(await server.end()).to.equal(0)
  })

  it('is asked from elsewhere through its data directory', async () => {
    await stage.startServer(data())
    const alice = await stage.startUser('alice')
    const bob = await stage.startUser('bob', ['--accept', 'everyone'])
    await alice.ask('open bob')
    const sessions = await run(['sessions', '--json'])
    expect(objects(sessions.stdout)[0]).to.deep.include({ type: 'session', users: ['alice', 'bob'], state: 'open' })
    await bob.ask('room create lobby')
    expect(objects((await run(['users', '--json'])).stdout).map(({ user }) => user)).to.have.members(['alice', 'bob'])
    expect((await run(['users', '--connected'])).stdout).to.match(/alice +active +100\.64\.0\.\d+ +1/u)
    expect(objects((await run(['rooms', '--json'])).stdout)[0]).to.include({
      type: 'room',
      room: 'lobby',
      owner: 'bob',
    })
    expect((await run(['members', 'lobby'])).stdout).to.equal('lobby: 1 member\n  bob (owner)\n')
    expect((await run(['members', 'nowhere'])).status).to.equal(3)
    expect(objects((await run(['status', '--json'])).stdout)[0]).to.include({ type: 'status', accounts: 2 })
  })

  it('ends with 5 when no server runs there', async () => {
    const { status, stderr } = await run(['users'])
    expect(status).to.equal(5)
    expect(stderr).to.contain('no server is running')
  })

  it('says who holds the data directory, and ends with 9', async () => {
    await stage.startServer(data())
    const { status, stderr } = await run(['start', '--port', '0'])
    expect(status).to.equal(9)
    expect(stderr).to.contain('in use')
  })

  it('ends with 9 when the port is taken', async () => {
    const { listening } = await stage.startServer(data())
    const other = [
      'start',
      '--host',
      '127.0.0.1',
      '--port',
      String(listening['port']),
      '--data-dir',
      join(directory(), 'other'),
    ]
    const { status } = await runMsg(['server', ...other], { directory: directory() })
    expect(status).to.equal(9)
  })

  it('ends with 4 when the data directory cannot be made', async () => {
    const { status } = await runMsg(['server', 'start', '--port', '0', '--data-dir', '/dev/null/x'], {
      directory: directory(),
    })
    expect(status).to.equal(4)
  })

  for (const [signal, expected] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`tells its clients and ends with ${expected} on ${signal}`, async () => {
      const child = startMsg(['server', 'start', '--json', '--host', '127.0.0.1', '--port', '0', ...data()], {
        directory: directory(),
      })
      const [first] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
      const { port } = JSON.parse(first.toString()) as { port: number }
      stage.address = `127.0.0.1:${port}`
      const alice = await stage.startUser('alice')
      child.kill(signal)
      expect(await once(child, 'exit')).to.deep.equal([expected, null])
      await Promise.any([alice.line('reconnecting'), alice.line('disconnected')])
    })
  }

  it('writes events to stderr without a terminal, and where it listens to stdout', async () => {
    const child = startMsg(['server', 'start', '--host', '127.0.0.1', '--port', '0', ...data()], {
      directory: directory(),
    })
    const [first] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer]
    stage.address = `127.0.0.1:${/TCP (\d+)/u.exec(first.toString())?.[1] ?? ''}`
    const logged = once(child.stderr as NodeJS.ReadableStream, 'data') as Promise<[Buffer]>
    await stage.startUser('alice')
    expect((await logged)[0].toString()).to.match(/^\d{4}-\d\d-\d\dT\S+Z alice registered\.\n/u)
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
})
