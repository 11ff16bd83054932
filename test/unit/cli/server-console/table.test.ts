import { expect } from 'chai'
import { Console } from '../../../../src/cli/console/console.ts'
import { JsonOutput, TextOutput } from '../../../../src/cli/console/output.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import { SERVER_COMMANDS } from '../../../../src/cli/server-console/table.ts'
import { MsgError } from '../../../../src/core/errors.ts'
import type { ServerAdmin } from '../../../../src/core/server/api.ts'
import { Capture } from '../../../helpers/capture.ts'

const plain = palette(false)

/** A server that holds two users, one session and one room. */
class FakeAdmin implements ServerAdmin {
  isStopped = false

  async users(options: { connected?: boolean } = {}) {
    const users = [
      { user: 'alice', status: 'inactive', virtualAddress: '100.64.0.1', connections: 1, addresses: ['10.0.0.1:5'] },
      { user: 'bob', status: 'offline', virtualAddress: '100.64.0.2', connections: 0, addresses: [] },
    ] as const
    return users.filter(({ connections }) => !options.connected || connections > 0)
  }

  async sessions() {
    return [
      { users: ['alice', 'bob'], state: 'waiting', since: '2026-01-02T03:04:05.678Z' },
    ] as const satisfies object as never
  }

  async rooms() {
    return [{ room: 'lobby', owner: 'alice', members: 2 }]
  }

  async members(room: string) {
    if (room !== 'lobby') throw new MsgError('MSG_ERR_ROOM_UNKNOWN', { detail: room })
    return { room, owner: 'alice', members: [{ user: 'alice', present: true }] }
  }

  async relays() {
    const drops = { size: 0, channel: 0, source: 1_000, nowhere: 0, quota: 0, full: 2 }
    return {
      enabled: true,
      datagrams: 3_000,
      bytes: 4_000_000,
      drops: { ...drops, 'channel-rate': 0, 'user-rate': 0, 'server-rate': 0 },
      channels: 5,
      legs: 1,
      relays: [
        {
          users: ['alice', 'bob'],
          bytes: [3_000_000, 1_000_000],
          rate: 2_500,
          since: '2026-01-02T03:04:05.678Z',
          via: ['udp', 'tls'],
        },
      ],
    } as const satisfies object as never
  }

  async status() {
    return {
      name: 'lab',
      version: '0.1.0',
      pid: 1,
      host: '::',
      port: 7788,
      udpPort: 7788,
      probePort: 7789,
      fingerprint: 'SHA256:x',
      dataDir: '/srv',
      startedAt: '2026-01-02T03:04:05.678Z',
      accounts: 2,
      connections: 1,
      sessions: 1,
      rooms: 1,
      rss: 1,
      plugins: [],
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true
  }
}

describe('the console of the server', () => {
  const admin = new FakeAdmin()

  async function json(line: string): Promise<Record<string, unknown>> {
    const out = new Capture()
    const output = new JsonOutput(out)
    await new Console<ServerAdmin>({ table: SERVER_COMMANDS, context: admin, output, palette: plain }).answer(line)
    return out.objects[0] ?? {}
  }

  async function text(line: string): Promise<string> {
    const out = new Capture()
    const output = new TextOutput(out, out, plain)
    await new Console<ServerAdmin>({ table: SERVER_COMMANDS, context: admin, output, palette: plain }).answer(line)
    return out.text
  }

  it('lists accounts, invisible ones too', async () => {
    expect((await json('lu'))['users']).to.have.length(2)
    expect((await json('lcu'))['users']).to.have.length(1)
    expect(await text('users')).to.contain('alice  inactive  100.64.0.1  1            10.0.0.1:5\n')
  })

  it('lists sessions and rooms', async () => {
    expect(await json('ls')).to.include({ command: 'sessions', ok: true })
    expect(await text('ls')).to.contain('alice – bob  waiting')
    expect((await json('lr'))['rooms']).to.deep.equal([{ room: 'lobby', owner: 'alice', members: 2 }])
  })

  it('lists the members of a room that exists', async () => {
    expect(await text('lru lobby')).to.equal('lobby: 1 member\n  alice (owner)\n')
    expect(await json('lru nowhere')).to.include({ ok: false, code: 'MSG_ERR_ROOM_UNKNOWN' })
    expect(await json('lru')).to.include({ ok: false, code: 'MSG_ERR_USAGE' })
  })

  it('shows what goes through the relay', async () => {
    expect(await json('relays')).to.deep.include({ command: 'relays', ok: true, datagrams: 3_000, legs: 1 })
    const shown = await text('relays')
    expect(shown).to.contain('passed on    4.00 MB in 3000 datagrams\n')
    expect(shown).to.contain('dropped      1000 from elsewhere, 2 to somebody who took no more\n')
    expect(shown).to.contain('channels     5, 1 of them in use\n')
    expect(shown).to.match(/alice – bob {2}3\.00 MB – 1\.00 MB {2}2\.50 kB\/s {2}.* {2}udp – tls\n/)
  })

  it('shows a status', async () => {
    expect(await json('status')).to.include({ command: 'status', ok: true, accounts: 2, port: 7788 })
    expect(await text('status')).to.contain('listens on   ::, TCP 7788, UDP 7788')
  })

  it('stops', async () => {
    expect(await json('x')).to.deep.equal({ type: 'result', command: 'stop', ok: true })
    expect(admin.isStopped).to.equal(true)
  })

  it('helps', async () => {
    expect((await json('help'))['commands']).to.have.length(SERVER_COMMANDS.commands.length)
    expect(await text('?')).to.contain('members <room>')
  })
})
