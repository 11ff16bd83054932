import { expect } from 'chai'
import { type FakeEndpoint, FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import { newDeviceKey } from '../../../src/core/client/profile/profile.ts'
import { Correspondent, turnsUntil } from '../../helpers/courier.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('links to introduced peers', () => {
  const temp = useTempDir()
  let network: FakeNetwork
  let alice: Correspondent
  let bob: Correspondent
  beforeEach(() => {
    network = new FakeNetwork()
    alice = new Correspondent(network, temp(), 'alice', 'a1')
    bob = new Correspondent(network, temp(), 'bob', 'b1')
  })
  afterEach(async () => {
    await alice.crash()
    await bob.crash()
  })
  const paths = (who: Correspondent): string[] =>
    who.events.flatMap((event) => (event.type === 'path' ? [`${event.state} ${event.reason}`.trim()] : []))
  const linked = async (): Promise<void> => {
    alice.meet(bob)
    await turnsUntil(() => paths(alice).length === 1 && paths(bob).length === 1)
  }

  it('are called by the instance that sorts first, once, however often both are introduced', async () => {
    await linked()
    for (let i = 0; i < 3; i++) alice.meet(bob)
    await turnsUntil(() => true)
    expect([paths(alice), paths(bob)]).to.deep.equal([['open'], ['open']])
    expect(alice.links.statuses()[0]).to.include({ user: 'bob', state: 'open', path: 'lan', rttMs: 1, verified: false })
    const { links } = bob.endpoint as FakeEndpoint
    expect([...links].map(({ isInitiator, peer }) => [isInitiator, peer.instance])).to.deep.equal([[false, 'a1']])
  })

  it('come back at once when they break, and say so', async () => {
    await linked()
    network.cut('a1', 'b1')
    await turnsUntil(() => paths(alice).length === 3 && paths(bob).length === 3, 200_000)
    expect(paths(alice)).to.deep.equal(['open', 'closed idle', 'open'])
  })

  it('are not called again at once when the other side closes them', async () => {
    await linked()
    const { links } = bob.endpoint as FakeEndpoint
    const [link] = [...links]
    link!.close(2, 'chat')
    await turnsUntil(() => paths(alice).length === 2)
    for (let i = 0; i < 50; i++) await turnsUntil(() => true)
    expect(paths(alice)).to.deep.equal(['open', 'closed chat'])
    await turnsUntil(() => paths(alice).length === 3, 10_000_000)
  })

  it('tell honestly when nobody answers, and are tried again', async () => {
    network.isReachable = false
    alice.meet(bob)
    await turnsUntil(() => alice.count('warning') === 1)
    expect(alice.events.find(({ type }) => type === 'warning'))
      .to.have.property('message')
      .that.matches(/no link to bob yet .*UDP may be blocked.*outbox/)
    expect(alice.links.statuses()[0]).to.include({ state: 'closed', path: null, address: null, rttMs: null })
    network.isReachable = true
    await turnsUntil(() => paths(alice).length === 1, 10_000_000)
    expect(alice.count('warning')).to.equal(1)
  })

  it('call anew at once when the peer is introduced at another address', async () => {
    const device = Buffer.from(bob.key.publicKey).toString('base64url')
    const introduced = { instance: 'b1', user: 'bob', device }
    bob.links.introduce({
      instance: 'a1',
      user: 'alice',
      device: Buffer.from(alice.key.publicKey).toString('base64url'),
      candidates: [alice.endpoint.address],
    })
    alice.links.introduce({ ...introduced, candidates: [{ host: '127.0.0.1', port: 9 }] })
    alice.links.introduce({ ...introduced, candidates: [bob.endpoint.address] })
    await turnsUntil(() => paths(alice).length === 1)
    expect(paths(alice)).to.deep.equal(['open'])
  })

  it('live on when a peer vanishes from the server, and go when it does not answer', async () => {
    await linked()
    alice.links.gone('b1', 'vanished')
    await turnsUntil(() => true)
    expect(alice.links.statuses()[0]?.state).to.equal('open')
    network.isReachable = false
    alice.links.gone('b1', 'vanished')
    await turnsUntil(() => alice.links.peers().length === 0)
    expect(paths(alice)).to.deep.equal(['open', 'closed idle'])
  })

  it('outlive the server: who it does not introduce again when it is back is probed', async () => {
    await linked()
    const known = alice.links.instances()
    alice.links.handleDisconnected()
    network.isReachable = false
    alice.links.probe(known)
    await turnsUntil(() => alice.links.peers().length === 0)
    network.isReachable = true
    alice.meet(bob)
    await turnsUntil(() => paths(alice).at(-1) === 'open')
    alice.links.handleDisconnected()
    alice.meet(bob)
    network.isReachable = false
    alice.links.probe(['b1', 'unknown'])
    await turnsUntil(() => true)
    expect(alice.links.peers(), 'introduced again: not probed').to.have.length(1)
  })

  it('tell of devices never seen before, and of others beside them', async () => {
    await linked()
    expect(alice.events.find(({ type }) => type === 'peer.device')).to.include({ with: 'bob', changed: false })
    alice.links.introduce({
      instance: 'b2',
      user: 'bob',
      device: Buffer.from(newDeviceKey().publicKey).toString('base64url'),
      candidates: [],
    })
    await turnsUntil(() => alice.count('peer.device') === 2)
    expect(alice.events.filter(({ type }) => type === 'peer.device').at(-1)).to.include({ with: 'bob', changed: true })
    alice.links.introduce({ instance: 'b3', user: 'bob', device: 'A'.repeat(43), candidates: [] })
    await turnsUntil(() =>
      alice.events.some((event) => event.type === 'warning' && event.code === 'MSG_ERR_PEER_IDENTITY'),
    )
    expect(alice.links.instances(), 'a key that is none gets no link').to.deep.equal(['b1', 'b2'])
  })
})
