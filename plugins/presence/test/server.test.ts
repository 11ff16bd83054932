import { expect } from 'chai'
import type { PluginClient, PluginNotice } from '../../../src/core/plugins/server-plugins.ts'
import { ServerPlugins } from '../../../src/core/plugins/server-plugins.ts'
import { HostWorld, settled } from '../../../test/helpers/plugin-host.ts'
import serverHalf from '../src/server.ts'

describe('the server of presence', () => {
  let world: HostWorld
  let server: ServerPlugins
  let told: Array<readonly [string, PluginNotice]>

  beforeEach(() => {
    world = new HostWorld()
    told = []
    server = serverOf()
  })
  const serverOf = (): ServerPlugins =>
    new ServerPlugins(
      Object.assign(world, {
        links: () => {
          throw new Error('no links')
        },
      }),
    )
  const clientOf = (user: string, given: Partial<PluginClient> = {}): PluginClient => ({
    instance: `${user}-1`,
    user,
    listening: true,
    plugins: { presence: 1 },
    tell: (notice) => void told.push([user, notice]),
    ...given,
  })
  const arrive = (user: string, given: Partial<PluginClient> = {}): PluginClient => {
    const client = clientOf(user, given)
    server.handleOpen(client)
    server.handleVisible(user, true)
    return client
  }
  const ask = (client: PluginClient, message: string, payload: object): Promise<unknown> =>
    server.handleMessage(client, { plugin: 'presence', message, payload })

  it('lists thousands of people in pages that fit a line', async () => {
    await server.start([{ plugin: serverHalf }])
    const alice = arrive('alice')
    for (let i = 0; i < 1_000; i++) server.handleVisible(`${'ü'.repeat(28)}${String(i).padStart(4, '0')}`, true)
    const found: string[] = []
    let pages = 0
    for (let after: string | null = ''; after !== null; pages++) {
      const page = (await ask(alice, 'who', after === '' ? {} : { after })) as {
        people: Array<{ user: string }>
        next: string | null
      }
      found.push(...page.people.map(({ user }) => user))
      after = page.next
    }
    expect([found.length, new Set(found).size, pages]).to.deep.equal([1_001, 1_001, 6])
  })

  it('tells only those who listen and want to hear, whatever becomes of one of them', async () => {
    await server.start([{ plugin: serverHalf }])
    const deaf = arrive('alice', {
      tell: () => {
        throw new Error('gone')
      },
    })
    arrive('bob')
    arrive('carol', { listening: false })
    const dave = arrive('dave')
    arrive('erin', { plugins: {} })
    await settled()
    told.length = 0
    await ask(dave, 'want', { joins: false, away: false })
    arrive('frank')
    await world.clock.advance(10_000)
    expect(told.map(([user]) => user)).to.deep.equal(['bob'])
    expect(told[0]![1]).to.deep.include({ message: 'notice' })
    server.handleClosed(dave, true)
    server.handleOpen(dave)
    server.handleClosed(deaf, true)
    told.length = 0
    arrive('grace')
    await world.clock.advance(10_000)
    expect(told.map(([user]) => user)).to.have.members(['bob', 'dave', 'frank'])
    expect(world.faults).to.deep.equal([])
  })

  it('writes what it has seen a little later, and goes on from there when it was killed', async () => {
    await server.start([{ plugin: serverHalf }])
    const alice = arrive('alice')
    const bob = arrive('bob')
    await world.clock.advance(6_000)
    const store = world.stores.get('presence')!
    expect((await store.list({ prefix: 'user/' })).map(({ key }) => key)).to.deep.equal(['user/alice', 'user/bob'])
    // Without a word, as by kill -9: another host takes the storage over.
    server = serverOf()
    await world.clock.advance(20_000)
    told.length = 0
    await server.start([{ plugin: serverHalf }])
    server.handleOpen(alice)
    server.handleVisible('alice', true)
    expect(await ask(alice, 'seen', { user: 'BOB' })).to.deep.include({ user: 'bob', state: 'gone' })
    await world.clock.advance(59_000)
    expect(told).to.deep.equal([])
    await world.clock.advance(2_000)
    expect(told.map(([user, { payload }]) => [user, (payload as { left: unknown }).left])).to.deep.equal([
      ['alice', { count: 1, users: ['bob'] }],
    ])
    expect(await ask(alice, 'seen', { user: bob.user })).to.deep.include({ user: 'bob', state: 'gone' })
  })

  for (const [message, payload] of [
    ['want', { joins: 1, away: true }],
    ['idle', { forMs: -1 }],
    ['idle', { forMs: 1e300 }],
    ['who', { after: 'x'.repeat(65) }],
    ['seen', { user: 'x'.repeat(1_000) }],
    ['seen', {}],
    ['notice', { at: '' }],
  ] as const)
    it(`refuses ${message} ${JSON.stringify(payload).slice(0, 40)}`, async () => {
      await server.start([{ plugin: serverHalf }])
      const error = await ask(arrive('alice'), message, payload).catch(({ code }: { code: string }) => code)
      expect(error).to.be.oneOf(['MSG_ERR_PROTOCOL', 'MSG_ERR_LIMIT', 'MSG_ERR_METHOD_UNKNOWN'])
      expect(world.faults).to.deep.equal([])
    })

  it('lists everybody whatever one of them says of how long nobody was there', async () => {
    await server.start([{ plugin: serverHalf }])
    const alice = arrive('alice')
    await ask(arrive('mallory'), 'idle', { forMs: Number.MAX_SAFE_INTEGER })
    const { people } = (await ask(alice, 'who', {})) as { people: Array<{ user: string; state: string }> }
    expect(people.map(({ user, state }) => [user, state])).to.deep.equal([
      ['alice', 'here'],
      ['mallory', 'away'],
    ])
    expect(await ask(alice, 'seen', { user: 'mallory' })).to.deep.include({ state: 'away' })
    expect(world.faults).to.deep.equal([])
  })

  it('knows nobody by what is no name', async () => {
    await server.start([{ plugin: serverHalf }])
    const alice = arrive('alice')
    for (const user of ['', '__proto__', '../x', '\u0000', '😀'])
      expect(await ask(alice, 'seen', { user })).to.deep.include({ state: 'unknown', at: null })
  })
})
