import { expect } from 'chai'
import { runSession, type SessionFront } from '../../../../src/cli/client/run-session.ts'
import { ClientSession, type Asker } from '../../../../src/cli/client/session.ts'
import { JsonOutput } from '../../../../src/cli/console/output.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import { MsgError } from '../../../../src/core/errors.ts'
import { Capture } from '../../../helpers/capture.ts'
import { FakeNetwork } from '../../../helpers/fake-network.ts'

const OPTIONS = { dataDir: '/nowhere', accept: 'ask', keepOpen: false } as const

describe('runSession', () => {
  let network: FakeNetwork
  let out: Capture
  let released: number

  beforeEach(() => {
    network = new FakeNetwork()
    network.accounts.set('alice', 'secret')
    network.devices.add('alice')
    out = new Capture()
    released = 0
  })

  interface Play {
    readonly ask?: Asker
    readonly address?: string
    readonly user?: string
    readonly lingerMs?: number
    readonly serve?: (session: ClientSession) => Promise<void>
  }

  /** Runs a session whose lines are the calls of `serve`. */
  async function play({ address, user, ask, lingerMs = 1000, serve = async () => {} }: Play): Promise<number> {
    const output = new JsonOutput(out)
    const session = new ClientSession({
      createClient: network.createClient,
      options: OPTIONS,
      onEvent: (event) => output.event(event),
      ...(ask === undefined ? {} : { ask }),
    })
    const front: SessionFront = { output, serve: () => serve(session), release: () => (released += 1) }
    const run = {
      createClient: network.createClient,
      options: OPTIONS,
      address,
      user,
      trace: () => async () => {},
      lingerMs,
      palette: palette(false),
    }
    return await runSession(session, run, front)
  }

  const failureOf = async (run: Promise<number>): Promise<string> => {
    const error: unknown = await run.then(
      (status) => status,
      (reason: unknown) => reason,
    )
    return MsgError.is(error) ? error.code : String(error)
  }

  it('ends with 0 when all went well, and closes the client', async () => {
    let isOpen = false
    const status = await play({ address: 'lab', serve: async (session) => void (isOpen = session.client.connected) })
    expect(status).to.equal(0)
    expect(isOpen).to.equal(true)
    expect(network.clients.size).to.equal(0)
    expect(released).to.be.greaterThan(0)
  })

  it('passes the options of the command on to every connection', async () => {
    await play({ address: 'lab' })
    expect(network.options[0]).to.include({ server: 'lab', dataDir: '/nowhere', accept: 'ask', keepOpen: false })
  })

  it('fails as connecting failed, before a line is read', async () => {
    network.unreachable.add('lab')
    let isServed = false
    const failed = play({ address: 'lab', serve: async () => void (isServed = true) })
    expect(await failureOf(failed)).to.equal('MSG_ERR_SERVER_UNREACHABLE')
    expect(isServed).to.equal(false)
    expect(released).to.be.greaterThan(0)
  })

  it('signs in as the user that was asked for', async () => {
    let user: string | undefined
    await play({ address: 'lab', user: 'alice', serve: async (session) => void (user = session.client.user) })
    expect(user).to.equal('alice')
  })

  it('ends a script whose sign-in fails: it would go on as nobody', async () => {
    let isServed = false
    const run = play({ address: 'lab', user: 'nobody', serve: async () => void (isServed = true) })
    expect(await failureOf(run)).to.equal('MSG_ERR_PROFILE_UNKNOWN')
    expect(isServed).to.equal(false)
  })

  it('goes on at a terminal when the sign-in fails, with a warning, since login can still be typed', async () => {
    const ask = { secret: async () => '', confirm: async () => false }
    expect(await play({ address: 'lab', user: 'nobody', ask })).to.equal(0)
    expect(out.objects.find(({ type }) => type === 'warning')).to.include({ code: 'MSG_ERR_SIGN_IN_FAILED' })
  })

  it('ends with the status of a connection that failed by command', async () => {
    network.unreachable.add('lab')
    const status = await play({ serve: async (session) => void (await session.connect('lab').catch(() => {})) })
    expect(status).to.equal(5)
  })

  it('ends with 0 when a later connection worked', async () => {
    network.unreachable.add('lab')
    const serve = async (session: ClientSession): Promise<void> => {
      await session.connect('lab').catch(() => {})
      await session.connect('other')
    }
    expect(await play({ serve })).to.equal(0)
  })

  it('ends with 5 when the server ended the connection', async () => {
    const serve = async (session: ClientSession): Promise<void> => {
      const ended = session.event(({ type }) => type === 'disconnected', 1000)
      for (const client of network.clients) client.tell({ type: 'disconnected', reason: 'refused' })
      await ended
    }
    expect(await play({ address: 'lab', serve })).to.equal(5)
  })

  it('waits for deliveries, as long as it may, and fails when some are left', async () => {
    const flushes: Array<number | undefined> = []
    const serve = async (): Promise<void> => {
      for (const client of network.clients) {
        client.waiting = 2
        Object.defineProperty(client, 'flushes', { value: flushes })
      }
    }
    expect(await failureOf(play({ address: 'lab', user: 'alice', serve }))).to.equal('MSG_ERR_NOT_DELIVERED')
    expect(flushes).to.deep.equal([0, 1000])
    expect(network.clients.size).to.equal(0)
  })

  it('does not wait when it is told not to', async () => {
    const flushes: Array<number | undefined> = []
    const serve = async (): Promise<void> => {
      for (const client of network.clients) {
        client.waiting = 1
        Object.defineProperty(client, 'flushes', { value: flushes })
      }
    }
    expect(await failureOf(play({ address: 'lab', user: 'alice', lingerMs: 0, serve }))).to.equal(
      'MSG_ERR_NOT_DELIVERED',
    )
    expect(flushes).to.deep.equal([0])
  })

  it('asks nothing of a client that never signed in', async () => {
    const serve = async (): Promise<void> => {
      for (const client of network.clients) client.waiting = 1
    }
    expect(await play({ address: 'lab', serve })).to.equal(0)
  })

  it('leaves at a signal with its status, without waiting for deliveries', async () => {
    for (const [signal, status] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
      ['SIGHUP', 129],
    ] as const) {
      const serve = async (session: ClientSession): Promise<void> => {
        for (const client of network.clients) client.waiting = 1
        process.emit(signal, signal)
        expect(session.ended.aborted).to.equal(true)
      }
      expect(await play({ address: 'lab', user: 'alice', serve })).to.equal(status)
    }
  })

  it('listens to signals only while it runs', async () => {
    const before = process.listenerCount('SIGTERM')
    await play({ address: 'lab' })
    expect(process.listenerCount('SIGTERM')).to.equal(before)
  })
})

describe('ClientSession.event', () => {
  it('resolves with undefined when time is up, and when the session ends', async () => {
    const network = new FakeNetwork()
    const session = new ClientSession({ createClient: network.createClient, options: OPTIONS, onEvent: () => {} })
    expect(await session.event(() => true, 1)).to.equal(undefined)
    const waiting = session.event(() => true, 60_000)
    session.end()
    expect(await waiting).to.equal(undefined)
  })

  it('resolves with the first event that is wanted', async () => {
    const network = new FakeNetwork()
    const session = new ClientSession({ createClient: network.createClient, options: OPTIONS, onEvent: () => {} })
    const wanted = session.event((event) => event.type === 'warning' && event.code === 'b', 1000)
    session.warn('a', 'first')
    session.warn('b', 'second')
    expect(await wanted).to.deep.equal({ type: 'warning', code: 'b', message: 'second' })
  })
})
