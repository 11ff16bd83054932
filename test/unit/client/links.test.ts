import { expect } from 'chai'
import { Emitter } from '../../../src/core/client/emitter.ts'
import { Links } from '../../../src/core/client/links.ts'
import type { Candidate, Link } from '../../../src/core/transport/endpoint-api.ts'
import type { MappingBehaviour } from '../../../src/core/transport/rendezvous-client.ts'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import { Correspondent } from '../../helpers/courier.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { turns } from '../../helpers/lone-courier.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('links', () => {
  const temp = useTempDir()
  const timers = useFakeTimers()
  let network: FakeNetwork
  let alice: Correspondent
  let bob: Correspondent
  beforeEach(() => {
    network = new FakeNetwork()
    alice = new Correspondent(network, temp(), 'alice', 'a1')
    bob = new Correspondent(network, temp(), 'bob', 'b1')
    alice.talkTo(bob)
    bob.talkTo(alice)
  })
  afterEach(async () => {
    await alice.crash()
    await bob.crash()
  })
  const paths = (person: Correspondent): string[] =>
    person.events.flatMap((event) => (event.type === 'path' ? [`${event.state} ${event.reason}`.trim()] : []))
  const bobAs = (over: object = {}) => ({
    instance: 'b1',
    user: 'bob',
    device: Buffer.from(bob.key.publicKey).toString('base64url'),
    candidates: [bob.endpoint.address],
    ...over,
  })
  const linked = async (): Promise<void> => {
    alice.meet(bob)
    await turns()
    expect(paths(alice)).to.deep.equal(['open'])
  }
  const pass = async (ms: number): Promise<void> => {
    timers.tick(ms)
    await turns()
  }

  it('tell what an open link measures, and nothing of others', async () => {
    expect(alice.links.measurements()).to.deep.equal([])
    await linked()
    const [link, ...others] = alice.links.measurements()
    expect(others).to.deep.equal([])
    expect(link).to.include({ user: 'bob', path: 'lan', rttMs: 1, minRttMs: 1, congestion: 'bbr', deliveryBps: null })
    network.cut('a1', 'b1')
    await turns(2)
    expect(bob.links.measurements()).to.deep.equal([])
  })

  it('tell a move once, however often it is signalled, with what it was before and why it is so now', async () => {
    await linked()
    alice.links.introduce(bobAs({ mapping: 'dependent' }))
    const link = alice.endpoint.linkTo('b1')!
    const relay = { host: '203.0.113.2', port: 7_788, channel: '00' }
    const moves = (): object[] =>
      alice.events.filter((event) => event.type === 'path' && event.state === 'moved') as object[]
    link.move({ path: 'relayed', cause: 'silent', remote: relay, bytesRelayed: 9 })
    link.move({ path: 'relayed', cause: 'silent', remote: relay, bytesRelayed: 99 })
    await turns()
    expect(moves()).to.have.length(1)
    expect(moves()[0]).to.include({
      path: 'relayed',
      previous: 'lan',
      why: 'direct-silent',
      bytesRelayed: 9,
      reason: '',
    })
    expect(alice.links.statuses()[0]).to.include({ path: 'relayed', why: 'direct-silent', bytesRelayed: 99 })
    link.move({ path: 'relayed', cause: 'first', remote: relay })
    expect(alice.links.statuses()[0], 'the reason is as of now').to.include({ why: 'dependent-there' })
    link.move({ path: 'direct', cause: 'confirmed', remote: { host: '198.51.100.2', port: 9 } })
    link.move({ path: 'direct', cause: 'moved', remote: { host: '198.51.100.2', port: 10 } })
    await turns()
    expect(moves().map((move) => Object.entries(move).find(([key]) => key === 'previous')![1])).to.deep.equal([
      'lan',
      'relayed',
      'direct',
    ])
  })

  it('try no address that the server saw where both routers give every destination another port', () => {
    const kinds = (here: MappingBehaviour, there: MappingBehaviour): unknown => {
      let told: readonly Candidate[] = []
      const endpoint = Object.assign(network.endpoint('c1'), {
        guide: (_instance: string, candidates: readonly Candidate[]) => void (told = candidates),
      })
      const { courier, state } = alice
      const self = { user: 'carol', instance: 'c1' }
      const emitter = new Emitter(() => {})
      const links = new Links({ endpoint, courier, emitter, state, self, random: () => 0, mapping: () => here })
      const candidates = (['observed', 'mapped', 'host'] as const).map((kind, i) => ({
        host: '192.0.2.9',
        port: i + 1,
        kind,
      }))
      links.introduce(bobAs({ candidates, mapping: there }))
      links.close()
      return told.map(({ kind }) => kind)
    }
    expect(kinds('dependent', 'dependent')).to.deep.equal(['mapped', 'host'])
    for (const [here, there] of [
      ['dependent', 'endpoint-independent'],
      ['endpoint-independent', 'dependent'],
      ['unknown', 'dependent'],
    ] as const)
      expect(kinds(here, there)).to.deep.equal(['observed', 'mapped', 'host'])
  })

  it('tell since when a link takes its kind of path, and not of its address', async () => {
    const now = Date.now
    let clock = Date.parse('2026-01-01T00:00:00Z')
    Date.now = () => clock
    try {
      await linked()
      const link = alice.endpoint.linkTo('b1')!
      const since = (): string | null => alice.links.statuses()[0]!.since
      expect(since()).to.equal('2026-01-01T00:00:00.000Z')
      clock += 60_000
      link.move({ path: 'lan', remote: { host: '10.0.0.9', port: 1 } })
      expect(since()).to.equal('2026-01-01T00:00:00.000Z')
      link.move({ path: 'direct', remote: { host: '198.51.100.2', port: 9 } })
      expect(since()).to.equal('2026-01-01T00:01:00.000Z')
      expect(alice.links.measurements()[0]!.since).to.equal('2026-01-01T00:01:00.000Z')
    } finally {
      Date.now = now
    }
  })

  it('are closed for streams when a newer one opens before anybody said that they are gone', async () => {
    await linked()
    const told: string[] = []
    bob.links.streams.register({
      name: 'x/1',
      priority: 1,
      accept: () => undefined,
      onLinkOpen: () => told.push('open'),
      onLinkClosed: () => told.push('closed'),
    })
    // Only alice has noticed that the link is dead; she calls again.
    alice.endpoint.linkTo('b1')!.end({ kind: 'idle', code: 0, reason: '' })
    await turns()
    await pass(1_000)
    expect(told).to.deep.equal(['open', 'closed', 'open'])
  })

  it('warn once at bulk speed when the system lets the socket hold little, and not when it holds enough', async () => {
    const [chunk, link] = [new Uint8Array(8 * 1_048_576), { peer: { instance: 'z' } } as Link]
    for (const [person, receive] of [
      [alice, 212_992],
      [bob, 4_194_304],
    ] as const) {
      person.endpoint.buffers = { receive, send: receive, wanted: 4_194_304 }
      const other = person === alice ? 'b1' : 'a1'
      person.links.introduce({ ...bobAs(), instance: other === 'b1' ? 'Z' : other, candidates: [] })
      const listener = person.endpoint.listenerFor(other === 'b1' ? 'Z' : other)!
      for (let i = 0; i < 4; i++) listener.onData(link, 0, chunk, false)
    }
    await turns()
    const warnings = [alice, bob].map(({ events }) => events.filter(({ type }) => type === 'warning'))
    expect(warnings.map(({ length }) => length)).to.deep.equal([1, 0])
    expect(warnings[0]![0]).to.have.property('message').that.contains('208 KiB')
    expect([alice.links.socket?.hint, bob.links.socket?.hint]).to.deep.equal([
      (warnings[0]![0] as { message: string }).message,
      null,
    ])
  })

  it('say nothing of the end of a link that never was', async () => {
    network.isReachable = false
    alice.links.introduce(bobAs())
    await turns()
    expect(paths(alice)).to.deep.equal([])
    expect(alice.links.statuses()[0]).to.include({ state: 'closed', address: null })
  })

  it('are tried ever more seldom, and warned of once', async () => {
    network.isReachable = false
    const calls: number[] = []
    const { connect } = alice.endpoint
    let now = 0
    alice.endpoint.connect = (...args) => {
      calls.push(now)
      return connect.apply(alice.endpoint, args)
    }
    alice.links.introduce(bobAs())
    await turns()
    for (; now < 20_000;) {
      now += 500
      await pass(500)
    }
    // Half of 1, 2, 4, 8 and 16 seconds: the chance is 0 here.
    expect(calls).to.deep.equal([0, 500, 1_500, 3_500, 7_500, 15_500])
    expect(alice.count('warning')).to.equal(1)
  })

  it('are called at once when a link went silent, and with care when the other side closes them', async () => {
    await linked()
    network.cut('a1', 'b1')
    await turns()
    await pass(0)
    expect(paths(alice)).to.deep.equal(['open', 'closed idle', 'open'])
    bob.endpoint.linkTo('a1')!.close(0, 'enough')
    await turns()
    await pass(499)
    expect(paths(alice).at(-1)).to.equal('closed enough')
    await pass(1)
    expect(paths(alice).at(-1)).to.equal('open')
  })

  it('start over with short waits after a link that was good', async () => {
    const clock = performance.now.bind(performance)
    let offset = 0
    performance.now = () => clock() + offset
    try {
      await linked()
      for (let i = 0; i < 4; i++) {
        offset += 10_000
        bob.endpoint.linkTo('a1')!.close(0, 'enough')
        await turns()
        await pass(500)
      }
      expect(paths(alice).filter((path) => path === 'open')).to.have.length(5)
    } finally {
      performance.now = clock
    }
  })

  it('warn on the side that is called when nobody calls', async () => {
    bob.links.introduce({
      instance: 'a1',
      user: 'alice',
      device: Buffer.from(alice.key.publicKey).toString('base64url'),
      candidates: [],
    })
    await pass(14_999)
    expect(bob.count('warning')).to.equal(0)
    await pass(1)
    expect(bob.count('warning')).to.equal(1)
    await pass(60_000)
    expect(bob.count('warning')).to.equal(1)
  })

  it('let go of who left after a moment, once, and take nothing more for them', async () => {
    await linked()
    alice.links.gone('b1', 'left')
    await turns()
    await pass(299)
    expect(alice.links.peers()).to.have.length(1)
    await pass(1)
    expect(alice.links.peers()).to.have.length(0)
    await turns()
    expect(paths(alice)).to.deep.equal(['open', 'closed left'])
    void alice.courier.send('hi', { kind: 'session', user: 'bob' }, ['bob'])
    await turns()
    expect(alice.courier.outbox.outstanding('b1'), 'no lane is left').to.equal(0)
    expect(alice.courier.waiting).to.equal(1)
  })

  it('keep who comes back before they were let go', async () => {
    await linked()
    alice.links.gone('b1', 'left')
    await turns()
    alice.links.introduce(bobAs())
    await pass(1_000)
    expect(alice.links.peers()).to.have.length(1)
    alice.links.gone('b1', 'left')
    await turns()
    await pass(200)
    alice.links.introduce(bobAs())
    await turns()
    alice.links.gone('b1', 'left')
    await turns()
    await pass(200)
    expect(alice.links.peers(), 'the first farewell is forgotten').to.have.length(1)
  })

  it('wait at most two seconds for what is under way to who left', async () => {
    await linked()
    bob.admission = () => false
    void alice.courier.send('hi', { kind: 'session', user: 'bob' }, ['bob'])
    await turns()
    alice.links.gone('b1', 'left')
    await turns()
    await pass(1_999)
    expect(alice.links.peers()).to.have.length(1)
    await pass(1)
    await pass(300)
    expect(alice.links.peers()).to.have.length(0)
    expect(alice.courier.waiting, 'what was not acknowledged waits').to.equal(1)
  })

  it('make a new link when the same instance shows another device', async () => {
    await linked()
    const { key } = new Correspondent(network, `${temp()}/other`, 'bob', 'b9')
    alice.links.introduce(bobAs({ device: Buffer.from(key.publicKey).toString('base64url') }))
    await turns()
    expect(paths(alice).slice(0, 2)).to.deep.equal(['open', 'closed another device'])
    expect(alice.links.peers()).to.have.length(1)
    expect(alice.links.peers()[0]!.deviceKey).to.equal(Buffer.from(key.publicKey).toString('base64url'))
  })

  it('expect nobody any more who was let go', async () => {
    bob.links.introduce({
      instance: 'a1',
      user: 'alice',
      device: Buffer.from(alice.key.publicKey).toString('base64url'),
      candidates: [],
    })
    bob.links.gone('a1', 'left')
    alice.links.introduce(bobAs())
    await turns()
    expect(paths(bob)).to.deep.equal([])
    expect(timers.waiting, 'only the next call of alice').to.equal(1)
  })

  it('probe only who the server did not introduce again', async () => {
    await linked()
    alice.links.handleDisconnected()
    alice.links.introduce(bobAs())
    alice.links.probe(['b1', 'nobody'])
    bob.links.handleDisconnected()
    network.isReachable = false
    await turns()
    expect(alice.links.peers()).to.have.length(1)
    bob.links.probe(['a1'])
    await turns()
    expect(bob.links.peers()).to.have.length(0)
  })

  it('introduce nobody to themselves', () => {
    alice.links.introduce(bobAs({ instance: 'a1' }))
    expect(alice.links.instances()).to.deep.equal([])
  })

  it('end with everything that was due', async () => {
    network.isReachable = false
    alice.links.introduce(bobAs())
    await turns()
    alice.links.close()
    alice.links.introduce(bobAs({ instance: 'b2' }))
    expect([timers.waiting, alice.links.instances()]).to.deep.equal([0, ['b1']])
  })
})
