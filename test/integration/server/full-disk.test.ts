import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { createServer } from '../../../src/core/index.ts'
import type { Server, ServerEvent } from '../../../src/core/server/api.ts'
import { ControlClient } from '../../helpers/control-client.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

/** A file system of 4 MiB, or why there is none. */
function mountSmallDisk(path: string): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=0700', 'msg-test', path], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return (error as Error).message.replaceAll('\n', ' ')
  }
}

describe('server: a full disk', () => {
  let disks: string
  let disk: string
  const mounted: string[] = []
  let count = 0
  let server: Server
  let events: AsyncIterableIterator<ServerEvent>
  const clients: ControlClient[] = []

  /**
   * A disk that nothing was on, where none was: a closed database keeps its room until its statements are collected, and clears away by name what
   * lies beside it then.
   */
  const insertDisk = (): void => {
    const path = join(disks, `${count++}`)
    mkdirSync(path)
    const why = mountSmallDisk(path)
    // Nothing may ever fill the machine's own.
    if (why !== undefined) throw new Error(why)
    disk = path
    mounted.push(path)
  }
  const ejectDisks = (): void => {
    for (const path of mounted.splice(0)) execFileSync('umount', ['-l', path])
  }

  before(function () {
    disks = tempDir()
    try {
      insertDisk()
      ejectDisks()
    } catch (error) {
      if (process.env['CI'] === 'true') throw error
      console.log(`    skipped: filling a disk needs the right to mount one (${(error as Error).message})`)
      this.skip()
    }
  })
  after(removeTempDirs)
  beforeEach(async () => {
    insertDisk()
    server = await start()
  })
  afterEach(async () => {
    empty()
    for (const client of clients.splice(0)) client.destroy()
    await server.close()
    ejectDisks()
  })

  const start = async (): Promise<Server> => {
    const started = await createServer({
      dataDir: join(disk, 'data'),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
    })
    events = started.events()
    return started
  }
  const connect = async (given?: Parameters<typeof ControlClient.connect>[1]): Promise<ControlClient> => {
    const client = await ControlClient.connect(server.address.port, given)
    clients.push(client)
    return client
  }
  const signedUp = async (user: string): Promise<ControlClient> => {
    const client = await connect()
    await client.register(user)
    return client
  }
  /** Takes all the room there is, to the last byte. */
  const fill = (): void => {
    for (let size = statfsSync(disk).bavail * statfsSync(disk).bsize, i = 0; size > 0; i++) {
      try {
        writeFileSync(join(disk, `ballast-${i}`), Buffer.alloc(size))
        size = statfsSync(disk).bavail * statfsSync(disk).bsize
      } catch {
        size = Math.floor(size / 2)
      }
    }
  }
  function empty(): void {
    for (let i = 0; i < 64; i++) rmSync(join(disk, `ballast-${i}`), { force: true })
  }
  /** Makes rooms until the server refuses one: room that the log has already taken is used up first. */
  const untilRefused = async (client: ControlClient): Promise<string[]> => {
    const made: string[] = []
    for (let i = 0; i < 60; i++) {
      const room = `room-${i}`
      try {
        await client.ask('room.create', { room })
      } catch (error) {
        expect(error).to.have.property('code', 'MSG_ERR_STORAGE_FAILED')
        expect(error).to.have.property('message', "nothing can be saved: the server's disk is full")
        return made
      }
      made.push(room)
    }
    throw new Error('the disk is not full')
  }
  const next = async (type: ServerEvent['type']): Promise<ServerEvent> => {
    for await (const event of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) })
      if (event.type === type) return event
    throw new Error(`no ${type}`)
  }
  const roomNames = async (): Promise<string[]> => (await server.rooms()).map(({ room }) => room).sort()

  it('refuses what cannot be kept, keeps everything that was, and goes on when there is room again', async () => {
    const alice = await signedUp('alice')
    const bob = await signedUp('bob')
    fill()
    const made = await untilRefused(alice)
    expect(await roomNames(), 'no room that is not kept').to.deep.equal([...made].sort())
    const told = await next('storage.failed')
    expect(told).to.have.property('reason').that.contains('server.db')

    await expectRejects((await connect()).register('carol'), 'MSG_ERR_STORAGE_FAILED')
    expect((await alice.ask('users.list', {})).users.map(({ user }) => user)).to.deep.equal(['alice', 'bob'])
    await alice.ask('session.open', { user: 'bob' })
    await bob.next('session.request')
    await expectRejects(bob.ask('session.accept', { user: 'alice' }), 'MSG_ERR_STORAGE_FAILED')
    expect((await server.sessions()).map(({ state }) => state)).to.deep.equal(['ringing'])
    const again = await connect({ key: bob.key })
    expect((await again.loginDevice('bob')).user).to.equal('bob')

    empty()
    await bob.ask('session.accept', { user: 'alice' })
    expect(await alice.next('session.opened')).to.deep.equal({ user: 'bob', present: true })
    await next('storage.recovered')
    await alice.ask('room.create', { room: 'after' })
    expect((await (await connect()).register('carol')).virtualAddress).to.equal('100.64.0.3')
  })

  it('has after a restart what it had before the disk was full, and nothing that it refused', async () => {
    const alice = await signedUp('alice')
    fill()
    const made = await untilRefused(alice)
    await server.close()
    empty()
    server = await start()
    expect(await roomNames()).to.deep.equal([...made].sort())
    expect((await server.status()).accounts).to.equal(1)
  })

  it('stops in order though there is no room', async () => {
    const alice = await signedUp('alice')
    fill()
    await untilRefused(alice)
    await server.close()
    await server.stopped
    empty()
    server = await start()
  })

  it('ends nothing of a user who leaves while that cannot be kept, and says so', async () => {
    const alice = await signedUp('alice')
    fill()
    const made = await untilRefused(alice)
    if (made.length === 0) {
      empty()
      await alice.ask('room.create', { room: 'kept' })
      fill()
      made.push('kept', ...(await untilRefused(alice)))
    }
    await expectRejects(alice.ask('signout', { leave: true }), 'MSG_ERR_STORAGE_FAILED')
    expect(await roomNames()).to.deep.equal([...made].sort())
    expect((await server.users({ connected: true })).map(({ user }) => user)).to.deep.equal(['alice'])
    empty()
    await alice.ask('signout', { leave: true })
    expect(await roomNames()).to.deep.equal([])
  })

  it('says at the start that there is no room', async () => {
    await server.close()
    insertDisk()
    fill()
    const why: unknown = await start().then(
      (started) => (server = started),
      (error: unknown) => error,
    )
    expect(why).to.have.property('code').that.is.oneOf(['MSG_ERR_STORAGE_FAILED', 'MSG_ERR_DIRECTORY_ACCESS'])
  })
})
