import { expect } from 'chai'
import { signIn } from '../../../src/core/client/sign-in.ts'
import { Uplink, type UplinkOptions } from '../../../src/core/client/uplink.ts'
import { newInstance } from '../../../src/core/control/device-proof.ts'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { MsgError, type ErrorCode } from '../../../src/core/errors.ts'
import type { ControlChannel, ControlChannelOptions } from '../../../src/core/io/control-channel.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { turns } from '../../helpers/lone-courier.ts'

type Hello = { protocol: number; server: string; plugins: Record<string, number> } | MsgError

/** An uplink whose channels the test hands out, and what became of each. */
const rig = (over: Partial<UplinkOptions> = {}) => {
  const told: string[] = []
  const dials: ControlChannelOptions[] = []
  const ends: string[] = []
  const world: { hello: Hello; failure: MsgError | undefined; backFailure: MsgError | undefined } = {
    hello: { protocol: 1, server: 'lab', plugins: {} },
    failure: undefined,
    backFailure: undefined,
  }
  const uplink = new Uplink({
    address: { host: 'lab', port: 1 },
    dial: async (options) => {
      dials.push(options)
      if (world.failure) throw world.failure
      const n = dials.length
      return {
        request: async () => {
          if (world.hello instanceof MsgError) throw world.hello
          return world.hello
        },
        close: () => ends.push(`close ${n}`),
        destroy: () => ends.push(`destroy ${n}`),
      } as unknown as ControlChannel
    },
    verify: () => {},
    plugins: { versions: () => ({}), handleHello: () => {} },
    isReconnecting: true,
    random: () => 1,
    onNotification: ({ method }) => told.push(`told ${method}`),
    onLost: ({ code }) => told.push(`lost ${code}`),
    onWaiting: (attempt, delayMs) => told.push(`waiting ${attempt} ${delayMs}`),
    onBack: async () => {
      told.push('back')
      if (world.backFailure) throw world.backFailure
    },
    onGone: ({ code }) => told.push(`gone ${code}`),
    ...over,
  })
  const lose = (n = dials.length): void => dials[n - 1]!.onClosed(error('MSG_ERR_CONNECTION_CLOSED'))
  return { uplink, told, dials, ends, world, lose }
}
const error = (code: ErrorCode): MsgError => new MsgError(code, { detail: 'x' })

describe('the uplink', () => {
  const timers = useFakeTimers()

  it('is there after a hello, and knows the name of the server', async () => {
    const { uplink, told } = rig()
    await uplink.connect()
    expect(uplink.serverName).to.equal('lab')
    expect(uplink.channel).to.not.equal(undefined)
    expect(told).to.deep.equal([])
  })

  it('refuses a server of another protocol, and lets the connection go', async () => {
    const { uplink, world, ends } = rig()
    world.hello = { protocol: 2, server: 'lab', plugins: {} }
    await expectRejects(uplink.connect(), 'MSG_ERR_VERSION')
    expect(ends).to.deep.equal(['destroy 1'])
    expect(uplink.channel).to.equal(undefined)
  })

  it('does not try again by itself when the first attempt fails', async () => {
    const { uplink, world, told } = rig()
    world.failure = error('MSG_ERR_SERVER_UNREACHABLE')
    await expectRejects(uplink.connect(), 'MSG_ERR_SERVER_UNREACHABLE')
    expect(timers.waiting).to.equal(0)
    expect(told).to.deep.equal([])
  })

  it('lets a connection go that was called off while it said hello', async () => {
    const abort = new AbortController()
    const { uplink, ends, dials } = rig()
    const connecting = uplink.connect(abort.signal)
    abort.abort()
    await expectRejects(connecting, 'MSG_ERR_CANCELLED')
    expect(dials[0]!.signal).to.equal(abort.signal)
    expect(ends).to.deep.equal(['destroy 1'])
  })

  it('comes back when it is lost, and waits ever longer while it cannot', async () => {
    const { uplink, told, world, lose } = rig()
    await uplink.connect()
    lose()
    expect(told.splice(0)).to.deep.equal(['lost MSG_ERR_CONNECTION_CLOSED', 'waiting 1 500'])
    world.failure = error('MSG_ERR_SERVER_UNREACHABLE')
    for (const [attempt, ms] of [500, 1_000, 2_000].entries()) {
      timers.tick(ms - 1)
      await turns()
      expect(told).to.deep.equal([])
      timers.tick(1)
      await turns()
      expect(told.splice(0)).to.deep.equal([`waiting ${attempt + 2} ${ms * 2}`])
    }
    world.failure = undefined
    timers.tick(4_000)
    await turns()
    expect(told).to.deep.equal(['back'])
    expect(uplink.channel).to.not.equal(undefined)
  })

  it('starts over with short waits after it was back', async () => {
    const { uplink, told, lose } = rig()
    await uplink.connect()
    for (let i = 0; i < 3; i++) {
      lose()
      timers.tick(500)
      await turns()
    }
    expect(told.filter((one) => one.startsWith('waiting'))).to.deep.equal(Array(3).fill('waiting 1 500'))
  })

  it('counts a sign-in that fails as a failed attempt', async () => {
    const { uplink, told, world, ends, lose } = rig()
    await uplink.connect()
    world.backFailure = error('MSG_ERR_SERVER_FULL')
    lose()
    timers.tick(500)
    await turns()
    expect(ends).to.deep.equal(['destroy 2'])
    expect(told.slice(2)).to.deep.equal(['back', 'waiting 2 1000'])
    expect(uplink.channel).to.equal(undefined)
  })

  it('counts a connection that is lost while signing in as one failed attempt', async () => {
    const { uplink, told, lose } = rig({
      onBack: async () => {
        lose()
        throw error('MSG_ERR_CONNECTION_CLOSED')
      },
    })
    await uplink.connect()
    lose()
    timers.tick(500)
    await turns()
    expect(told.filter((one) => one.startsWith('waiting'))).to.deep.equal(['waiting 1 500', 'waiting 2 1000'])
    expect(timers.waiting).to.equal(1)
  })

  it('stays away when trying again cannot help', async () => {
    for (const code of [
      'MSG_ERR_FINGERPRINT_CHANGED',
      'MSG_ERR_FINGERPRINT_MISMATCH',
      'MSG_ERR_VERSION',
      'MSG_ERR_DEVICE_UNKNOWN',
      'MSG_ERR_SIGN_IN_FAILED',
    ] as const) {
      const { uplink, told, world, lose } = rig()
      await uplink.connect()
      world.failure = error(code)
      lose()
      timers.tick(500)
      await turns()
      expect(told.at(-1)).to.equal(`gone ${code}`)
      expect(timers.waiting).to.equal(0)
    }
  })

  it('stays away when it is told not to reconnect', async () => {
    const { uplink, told, lose } = rig({ isReconnecting: false })
    await uplink.connect()
    lose()
    expect(told).to.deep.equal(['lost MSG_ERR_CONNECTION_CLOSED', 'gone MSG_ERR_CONNECTION_CLOSED'])
    expect(timers.waiting).to.equal(0)
  })

  it('hears only the connection it has', async () => {
    const { uplink, told, dials, lose } = rig()
    const notification = { method: 'user.active', params: { user: 'bob' } } as const
    await uplink.connect()
    dials[0]!.onNotification(notification)
    lose()
    dials[0]!.onNotification(notification)
    timers.tick(500)
    await turns()
    lose(1)
    dials[0]!.onNotification(notification)
    dials[1]!.onNotification(notification)
    expect(told).to.deep.equal([
      'told user.active',
      'lost MSG_ERR_CONNECTION_CLOSED',
      'waiting 1 500',
      'back',
      'told user.active',
    ])
  })

  it('says of requests and of sign-ins that the server is away, or that there is no connection any more', async () => {
    const { uplink, lose } = rig()
    const key = deviceKey(Buffer.alloc(32, 1))
    const who = { user: 'alice', key, instance: newInstance(key.publicKey), listening: true }
    const isRefused = async (code: ErrorCode): Promise<void> => {
      await expectRejects(uplink.request('rooms.list', {}), code)
      await expectRejects(signIn(uplink, who), code)
      await expectRejects(signIn(uplink, { ...who, password: 'secret' }), code)
    }
    await isRefused('MSG_ERR_SERVER_UNREACHABLE')
    await uplink.connect()
    await uplink.request('rooms.list', {})
    lose()
    await isRefused('MSG_ERR_SERVER_UNREACHABLE')
    uplink.close(true)
    await isRefused('MSG_ERR_NOT_CONNECTED')
  })

  it('ends gracefully or at once, and is not lost by that', async () => {
    for (const isGraceful of [true, false]) {
      const { uplink, ends, told, lose } = rig()
      await uplink.connect()
      uplink.close(isGraceful)
      lose()
      expect(ends).to.deep.equal([isGraceful ? 'close 1' : 'destroy 1'])
      expect(told).to.deep.equal([])
    }
  })

  it('is called off when it ends while it tries to come back', async () => {
    const { uplink, dials, told, ends, lose } = rig()
    await uplink.connect()
    lose()
    timers.tick(500)
    uplink.close(true)
    await turns()
    expect(dials[1]!.signal?.aborted).to.equal(true)
    expect(ends).to.deep.equal(['destroy 2'])
    expect(told).to.deep.equal(['lost MSG_ERR_CONNECTION_CLOSED', 'waiting 1 500'])
    expect(timers.waiting).to.equal(0)
  })

  it('is given up when the server does not answer soon and there is a reason to doubt, and only then', async () => {
    const { uplink, ends } = rig()
    await uplink.connect()
    const answered = uplink.doubt(Promise.resolve())
    await answered
    expect(ends).to.deep.equal([])
    const refused = uplink.doubt(Promise.reject(error('MSG_ERR_LIMIT')))
    await refused
    expect(ends, 'a refusal is an answer').to.deep.equal([])
    const doubted = uplink.doubt(new Promise(() => {}))
    timers.tick(4_000)
    await doubted
    expect(ends).to.deep.equal(['destroy 1'])
  })
})
