import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { JsonLine } from '../../src/cli/demo/json-child.ts'
import { complaintOf, type Schema } from '../helpers/json-schema.ts'
import { BIN, runMsg, startMsg } from '../helpers/run-msg.ts'
import { TestStage } from '../helpers/stage.ts'
import { useTempDir } from '../helpers/temp-dir.ts'

const schemaOf = (name: string): Schema =>
  JSON.parse(readFileSync(join(BIN, '..', '..', 'docs', 'schema', `${name}.json`), 'utf8')) as Schema
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe("the server's shelf", () => {
  const directory = useTempDir()
  const stage = new TestStage(directory)
  let bytes: Buffer
  const shelf = (): string => join(directory(), 'shelf')

  beforeEach(() => {
    mkdirSync(join(shelf(), 'docs', '.git'), { recursive: true })
    bytes = randomBytes(24_000_001)
    writeFileSync(join(shelf(), 'big.bin'), bytes)
    writeFileSync(join(shelf(), 'docs', 'guide.txt'), 'how to')
    writeFileSync(join(shelf(), 'docs', '.git', 'config'), 'hidden')
    writeFileSync(join(shelf(), '.secret'), 'hidden')
    symlinkSync('/etc/passwd', join(shelf(), 'leak'))
  })
  afterEach(() => stage.clear())

  const landed = (folder: string, name = 'big.bin'): string => sha(readFileSync(join(directory(), folder, name)))
  /** Signs in once, so that one-shot commands need no password. */
  const remember = async (user: string): Promise<string[]> => {
    const flags = ['--server', stage.address, '--user', user, '--data-dir', join(directory(), user)]
    const { status, stderr } = await runMsg(['client', 'register', ...flags, '--password-stdin'], {
      directory: directory(),
      input: 'secret\n',
    })
    expect(status, stderr).to.equal(0)
    return flags
  }
  const linesOf = (text: string): JsonLine[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JsonLine)
  const events = (lines: readonly JsonLine[], name: string): Array<Record<string, unknown>> =>
    lines
      .filter((line) => line.type === 'plugin' && line['name'] === name)
      .map(({ facts }) => facts as Record<string, unknown>)

  it('is listed and downloaded from by several clients at the same time, and the server tells who has what', async () => {
    const { server } = await stage.startServer(['--files', shelf()])
    const users = ['alice', 'bob', 'carol']
    const clients = await Promise.all(users.map((user) => stage.startUser(user)))
    const { files } = await clients[0]!.ask('files')
    expect((files as Array<{ name: string }>).map(({ name }) => name)).to.deep.equal(['big.bin', 'docs'])
    const answers = await Promise.all(
      clients.map((client, i) => client.ask(`download big.bin --to ${join(directory(), `in-${users[i]}`)}`)),
    )
    for (const [i, { download }] of answers.entries()) {
      expect(download).to.include({ from: 'big.bin', bytes: bytes.byteLength, lastByte: bytes.at(-1) })
      expect(landed(`in-${users[i]}`)).to.equal(sha(bytes))
    }
    await clients[1]!.ask(`download docs/ --to ${join(directory(), 'in-bob')}`)
    expect(readdirSync(join(directory(), 'in-bob', 'docs'))).to.deep.equal(['guide.txt'])
    for (const user of users)
      await server.line('plugin', ({ name, facts }) => {
        const { user: who, path } = facts as Record<string, unknown>
        return name === 'download.done' && who === user && path === 'big.bin'
      })
    const { lines } = server
    expect(events(lines, 'download.started').map(({ user }) => user)).to.include.members(users)
    const tenths = events(lines, 'download.progress').filter(({ user }) => user === 'alice')
    expect(tenths.length).to.be.within(1, 9)
    for (const line of lines) expect(complaintOf(schemaOf('server'), line), JSON.stringify(line)).to.equal(undefined)
    const [link] = (await clients[0]!.ask('links'))['links'] as Array<{ user: string }>
    expect(link?.user ?? '@server').to.equal('@server')
  })

  it('gives nothing that is hidden or lies elsewhere, and says so alike', async () => {
    await stage.startServer(['--files', shelf()])
    const alice = await stage.startUser('alice')
    for (const path of ['leak', '.secret', '../shelf/big.bin', 'docs/.git/config', '/etc/passwd', 'nothing']) {
      const complaint = await alice
        .ask(`download ${path} --to ${directory()}/in`)
        .catch((error: Error) => error.message)
      expect(complaint, path).to.contain('there is no file or folder').and.not.to.contain(directory())
    }
  })

  it('is not there without --files: the client is told', async () => {
    await stage.startServer()
    const alice = await stage.startUser('alice')
    const complaint = await alice.ask('files').catch((error: Error) => error.message)
    expect(complaint).to.contain('the other side does not offer file-download')
  })

  it('has one-shot commands, whose lines are those of the contract', async () => {
    await stage.startServer(['--files', shelf()])
    const flags = await remember('alice')
    const options = { directory: directory() }
    const listed = await runMsg(['client', 'files', ...flags, '--json'], options)
    expect(linesOf(listed.stdout).map(({ name }) => name)).to.deep.equal(['big.bin', 'docs'])
    const to = ['--to', join(directory(), 'in')]
    const fetched = await runMsg(['client', 'download', 'big.bin', ...to, ...flags, '--json'], options)
    expect(fetched.status, fetched.stderr).to.equal(0)
    expect(landed('in')).to.equal(sha(bytes))
    const lines = linesOf(fetched.stdout)
    expect(lines.at(-1)).to.include({ type: 'downloaded', from: 'big.bin', bytes: bytes.byteLength })
    const own = new Set(['file', 'downloaded'])
    for (const line of [...linesOf(listed.stdout), ...lines]) {
      const schema = line.type.startsWith('transfer.') ? 'client' : own.has(line.type) ? 'plugins' : 'commands'
      expect(complaintOf(schemaOf(schema), line), JSON.stringify(line)).to.equal(undefined)
    }
    const missing = await runMsg(['client', 'download', 'nothing', ...flags], options)
    expect([missing.status, missing.stderr]).to.deep.equal([
      3,
      'error: there is no file or folder nothing\ntry:   check the path\n',
    ])
    const wrong = await runMsg(['client', 'download', 'big.bin', '--checkpoint', 'half', ...flags], options)
    expect(wrong.status).to.equal(2)
  })

  it('is gone on with by the next download when the client was killed, and fetches only what is missing', async () => {
    await stage.startServer(['--files', shelf()])
    const flags = await remember('alice')
    const args = ['client', 'download', 'big.bin', '--to', join(directory(), 'in'), ...flags, '--json']
    const first = startMsg([...args, '--limit', '8MB/s'], { directory: directory() })
    const kept = await new Promise<number>((resolve) => {
      let text = ''
      first.stdout!.on('data', (chunk: Buffer) => {
        text += chunk.toString()
        const [enough] = [...text.matchAll(/"transfer.progress".*?"bytes":(\d+)/gu)].filter(([, n]) => Number(n) > 6e6)
        if (enough) resolve(Number(enough[1]))
      })
    })
    first.kill('SIGKILL')
    const second = await runMsg(args, { directory: directory() })
    expect(second.status, second.stderr).to.equal(0)
    expect(landed('in')).to.equal(sha(bytes))
    const [progress] = linesOf(second.stdout).filter(({ type }) => type === 'transfer.progress')
    expect(Number(progress!['bytes'])).to.be.at.least(kept)
    expect(readdirSync(join(directory(), 'in')).filter((name) => !name.startsWith('.'))).to.deep.equal(['big.bin'])
  })

  it('keeps what has arrived when a download is interrupted, with the status of the signal', async () => {
    await stage.startServer(['--files', shelf()])
    const flags = await remember('alice')
    const args = ['client', 'download', 'big.bin', '--to', join(directory(), 'in'), ...flags]
    const child = startMsg([...args, '--limit', '8MB/s', '--json'], { directory: directory() })
    await new Promise<void>((resolve) => {
      child.stdout!.on('data', (chunk: Buffer) => chunk.includes('transfer.progress') && resolve())
    })
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGINT')
    expect(await exited).to.equal(130)
    expect(readdirSync(join(directory(), 'in'))).to.deep.equal(['.msg-partial'])
    expect((await runMsg(args, { directory: directory() })).status).to.equal(0)
    expect(landed('in')).to.equal(sha(bytes))
  })

  it('goes on by itself when the server was killed and is back', async () => {
    const { server, listening } = await stage.startServer(['--files', shelf()])
    const alice = await stage.startUser('alice')
    const answer = alice.ask(`download big.bin --to ${join(directory(), 'in')} --limit 8MB/s`)
    await alice.line('transfer.progress', ({ bytes: got }) => Number(got) > 6e6)
    await server.stop(0)
    await alice.line('reconnecting')
    await stage.startServer(['--port', String(listening['port']), '--files', shelf()])
    expect((await answer)['download']).to.include({ bytes: bytes.byteLength })
    expect(landed('in')).to.equal(sha(bytes))
    expect(alice.lines.filter(({ type }) => type === 'transfer.started')).to.have.length(1)
  })

  it('says that a file has changed meanwhile, and begins anew with the next download', async () => {
    const { server, listening } = await stage.startServer(['--files', shelf()])
    const alice = await stage.startUser('alice')
    const answer = alice
      .ask(`download big.bin --to ${join(directory(), 'in')} --limit 8MB/s`)
      .catch((error: Error) => error.message)
    await alice.line('transfer.progress', ({ bytes: got }) => Number(got) > 3e6)
    await server.stop(0)
    await alice.line('reconnecting')
    const changed = randomBytes(5_000_000)
    writeFileSync(join(shelf(), 'big.bin'), changed)
    await stage.startServer(['--port', String(listening['port']), '--files', shelf()])
    expect(await answer).to.contain('the content changed while it was being sent')
    await alice.ask(`download big.bin --to ${join(directory(), 'in')}`)
    expect(landed('in')).to.equal(sha(changed))
  })
})
