import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer as createTcp } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'chai'
import { AdminSocket } from '../../../src/core/server/admin-socket.ts'
import { connectAdmin } from '../../../src/core/server/admin-client.ts'
import { NO_TOTALS } from '../../../src/core/control/relay.ts'
import type { ServerAdmin } from '../../../src/core/server/api.ts'
import { DataDir, readRunningServer, type RunningServer } from '../../../src/core/server/data-dir.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { expectCode, expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

const RUNNING: RunningServer = {
  pid: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  host: '127.0.0.1',
  port: 7_788,
  udpPort: 7_788,
  fingerprint: 'SHA256:x',
  admin: '/nowhere/admin.sock',
}

describe('server/data-dir', () => {
  afterEach(removeTempDirs)

  it('makes the directory, and those above it, for its owner alone', () => {
    const path = join(tempDir(), 'a', 'b')
    const dataDir = DataDir.open(path)
    expect(statSync(path).mode & 0o777).to.equal(0o700)
    expect(dataDir.file('x')).to.equal(join(path, 'x'))
    dataDir.close()
  })

  it('is held by one at a time, and says who that is as far as it is known', () => {
    const path = tempDir()
    const dataDir = DataDir.open(path)
    expect(expectCode(() => DataDir.open(path), 'MSG_ERR_DATA_DIR_BUSY').detail).to.equal(`${path} by another process`)
    dataDir.announce(RUNNING)
    expect(expectCode(() => DataDir.open(path), 'MSG_ERR_DATA_DIR_BUSY').detail).to.equal(
      `${path} by process 1, on port 7788 since 2026-01-01T00:00:00.000Z`,
    )
    dataDir.close()
    DataDir.open(path).close()
  })

  it('announces for its owner alone, whole, and takes it back when it lets go', () => {
    const path = tempDir()
    const dataDir = DataDir.open(path)
    dataDir.announce(RUNNING)
    dataDir.announce({ ...RUNNING, port: 1 })
    expect(readRunningServer(path)).to.deep.equal({ ...RUNNING, port: 1 })
    expect(statSync(join(path, 'server.json')).mode & 0o777).to.equal(0o600)
    expect(readFileSync(join(path, 'server.json'), 'utf8')).to.match(/\n$/)
    dataDir.close()
    expect(existsSync(join(path, 'server.json'))).to.equal(false)
    expect(readRunningServer(path)).to.equal(undefined)
  })

  it('lets go more than once without harm', () => {
    const dataDir = DataDir.open(tempDir())
    dataDir.close()
    dataDir.close()
  })

  it('reads nothing out of what no server wrote', () => {
    const path = tempDir()
    for (const content of ['', '{', '[]', 'null', '{}', JSON.stringify({ ...RUNNING, port: 'x' })]) {
      writeFileSync(join(path, 'server.json'), content)
      expect(readRunningServer(path), content).to.equal(undefined)
    }
    expect(readRunningServer(join(path, 'missing'))).to.equal(undefined)
  })

  it('says which directory it cannot make', () => {
    const file = join(tempDir(), 'file')
    writeFileSync(file, '')
    const error = expectCode(() => DataDir.open(join(file, 'below')), 'MSG_ERR_DIRECTORY_ACCESS')
    expect(error.detail).to.contain(file)
  })
})

describe('server/admin-socket and admin-client', () => {
  let dir: string
  let dataDir: DataDir
  let asked: unknown[]
  let socket: AdminSocket

  const admin: ServerAdmin = {
    users: async (options) => {
      asked.push(['users', options])
      return []
    },
    sessions: async () => [],
    rooms: async () => [{ room: 'Lab', owner: 'Alice', members: 2 }],
    members: async (room) => {
      asked.push(['members', room])
      throw new MsgError('MSG_ERR_ROOM_UNKNOWN', { detail: room })
    },
    relays: async () => ({ ...NO_TOTALS, enabled: false, relays: [] }),
    status: async () => {
      throw new Error('/secret/path')
    },
    stop: async () => void asked.push(['stop']),
  }

  beforeEach(async () => {
    dir = tempDir()
    asked = []
    dataDir = DataDir.open(dir)
    socket = await AdminSocket.listen(dir, admin)
    dataDir.announce({ ...RUNNING, admin: socket.path })
  })
  afterEach(async () => {
    await socket.close()
    dataDir.close()
    removeTempDirs()
  })

  it('carries questions there and answers back', async () => {
    const client = await connectAdmin({ dataDir: dir })
    expect(await client.rooms()).to.deep.equal([{ room: 'Lab', owner: 'Alice', members: 2 }])
    expect(await client.sessions()).to.deep.equal([])
    await client.users()
    await client.users({ connected: true })
    expect(asked).to.deep.equal([
      ['users', { connected: false }],
      ['users', { connected: true }],
    ])
    client.close()
  })

  it('carries errors that have a number, and hides what failed inside', async () => {
    const client = await connectAdmin({ dataDir: dir })
    const unknown = await expectRejects(client.members('attic'), 'MSG_ERR_ROOM_UNKNOWN')
    expect(unknown.detail).to.equal('attic')
    const failed = await expectRejects(client.status(), 'MSG_ERR_INTERNAL')
    expect(failed.message).not.to.contain('secret')
    await expectRejects(client.members('x'.repeat(65)), 'MSG_ERR_PROTOCOL')
    client.close()
  })

  it('matches answers to questions however many are asked at once, from several clients', async () => {
    const clients = [await connectAdmin({ dataDir: dir }), await connectAdmin({ dataDir: dir })]
    const answers = await Promise.all(clients.flatMap((client) => [client.rooms(), client.sessions(), client.rooms()]))
    expect(answers.map((answer) => answer.length)).to.deep.equal([1, 0, 1, 1, 0, 1])
    for (const client of clients) client.close()
  })

  it('answers a stop before it stops', async () => {
    const client = await connectAdmin({ dataDir: dir })
    await client.stop()
    await client.rooms()
    expect(asked).to.deep.equal([['stop']])
    client.close()
  })

  it('fails what is asked of a client that was closed, and what waits when the server goes', async () => {
    const client = await connectAdmin({ dataDir: dir })
    const never = new Promise<never>(() => {})
    admin.sessions = () => never
    const waiting = client.sessions()
    const rejected = expectRejects(waiting, 'MSG_ERR_CONNECTION_CLOSED')
    await client.rooms()
    await socket.close()
    await rejected
    await expectRejects(client.rooms(), 'MSG_ERR_CONNECTION_CLOSED')
    admin.sessions = async () => []
    socket = await AdminSocket.listen(dir, admin)
  })

  it('takes the place of a socket that a killed server left', async () => {
    await socket.close()
    const left = createTcp().listen(join(dir, 'admin.sock'))
    await once(left, 'listening')
    socket = await AdminSocket.listen(dir, admin)
    expect(statSync(socket.path).mode & 0o777).to.equal(0o600)
    const client = await connectAdmin({ dataDir: dir })
    expect(await client.rooms()).to.have.lengthOf(1)
    client.close()
    left.close()
  })

  it('says when it cannot listen', async () => {
    const path = tempDir()
    mkdirSync(join(path, 'below'))
    await expectRejects(AdminSocket.listen(join(path, 'missing'), admin), 'MSG_ERR_DIRECTORY_ACCESS')
    expect(readdirSync(path)).to.deep.equal(['below'])
  })

  it('closes on what is no line of this protocol', async () => {
    const raw = connect(socket.path)
    raw.write(Buffer.of(0xff, 0xfe, 0x0a))
    const [bytes] = (await once(raw, 'data')) as [Buffer]
    expect(bytes.toString()).to.contain('MSG_ERR_PROTOCOL')
    await once(raw, 'close')
  })
})
