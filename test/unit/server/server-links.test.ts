import { expect } from 'chai'
import type { ClientEvent } from '../../../src/core/client/api.ts'
import { Emitter } from '../../../src/core/client/emitter.ts'
import { ServerLink, SERVER_PEER } from '../../../src/core/client/server-link.ts'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { MsgError } from '../../../src/core/errors.ts'
import { ServerLinks, type LinkClient } from '../../../src/core/server/server-links.ts'
import type { LinkPeer } from '../../../src/core/streams/link-stream.ts'
import { StreamRouter } from '../../../src/core/streams/stream-router.ts'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import { expectCode, expectRejects } from '../../helpers/errors.ts'
import { useFakeTimers } from '../../helpers/fake-timers.ts'
import { turns } from '../../helpers/lone-courier.ts'

const deviceOf = (seed: number): string =>
  Buffer.from(deviceKey(Buffer.alloc(32, seed)).publicKey).toString('base64url')

/** A stream protocol that notes who is linked. */
function watched(router: StreamRouter): LinkPeer[] {
  const open: LinkPeer[] = []
  router.register({
    name: 'test/1',
    priority: 1,
    accept: () => undefined,
    onLinkOpen: (_link, peer) => void open.push(peer),
    onLinkClosed: (_link, peer) => void open.splice(open.indexOf(peer), 1),
  })
  return open
}

/** A server process in a network, and who is linked with it. */
class Served {
  readonly gone: string[] = []
  readonly links: ServerLinks
  readonly linked: LinkPeer[]

  constructor(network: FakeNetwork, seed: number) {
    const key = deviceKey(Buffer.alloc(32, seed))
    this.links = new ServerLinks({ key, onFault: () => {}, onGone: (instance) => void this.gone.push(instance) })
    this.links.attachEndpoint(network.endpoint(this.links.instance))
    this.linked = watched(this.links.streams)
  }
}

describe('the link between a client and its server', () => {
  const timers = useFakeTimers()
  let network: FakeNetwork
  let server: Served
  let client: LinkClient
  let link: ServerLink
  let linked: LinkPeer[]
  let events: ClientEvent[]
  let refusal: MsgError | undefined
  let asked: number
  let isConnected: boolean

  beforeEach(() => {
    network = new FakeNetwork()
    server = new Served(network, 1)
    client = { instance: 'a1', user: 'alice', device: deviceOf(9) }
    events = []
    refusal = undefined
    asked = 0
    isConnected = true
    const emitter = new Emitter(() => {})
    void (async () => {
      for await (const event of emitter.events()) events.push(event)
    })()
    const streams = new StreamRouter({ onFault: () => {} })
    linked = watched(streams)
    link = new ServerLink({
      endpoint: network.endpoint('a1'),
      streams,
      emitter,
      random: () => 1,
      introduce: async () => {
        asked++
        if (refusal) throw refusal
        return server.links.introduce(client)
      },
      host: () => (isConnected ? '127.0.0.1' : undefined),
    })
  })
  const paths = (): string[] =>
    events.flatMap((event) => (event.type === 'path' ? [`${event.with} ${event.state} ${event.reason}`.trim()] : []))
  const cut = async (): Promise<void> => {
    network.cut('a1', server.links.instance)
    await turns(3)
  }

  it('is made when somebody holds it, shared, and closed when nobody does', async () => {
    const first = await link.hold()
    await turns(3)
    const second = await link.hold()
    expect([asked, paths(), linked]).to.deep.equal([
      1,
      ['@server open'],
      [{ instance: server.links.instance, user: SERVER_PEER }],
    ])
    expect(server.linked).to.deep.equal([{ instance: 'a1', user: 'a1' }])
    expect(link.measurements().map(({ user }) => user)).to.deep.equal(['@server'])
    first()
    first()
    await turns(3)
    expect(server.linked).to.have.length(1)
    second()
    await turns(3)
    expect([linked, server.linked, link.measurements()]).to.deep.equal([[], [], []])
    expect(paths()).to.deep.equal(['@server open', '@server closed not needed any more'])
  })

  it('is refused to whoever holds it where the server has none', async () => {
    refusal = new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: 'links' })
    await expectRejects(link.hold(), 'MSG_ERR_PLUGIN_MISSING')
    refusal = undefined
    await link.hold()
    await turns(3)
    expect(linked).to.have.length(1)
  })

  it('is made again at once when it fell silent, as long as somebody holds it', async () => {
    const release = await link.hold()
    await turns(3)
    await cut()
    timers.tick(0)
    await turns(3)
    expect([asked, server.linked.length]).to.deep.equal([2, 1])
    release()
    await turns(3)
    timers.tick(60_000)
    await turns(3)
    expect([asked, server.linked.length]).to.deep.equal([2, 0])
  })

  it('is asked for ever more seldom while nobody answers, and the user is warned once', async () => {
    network.isReachable = false
    await link.hold()
    await turns(3)
    for (let second = 0; second < 20; second++) {
      timers.tick(1_000)
      await turns(3)
    }
    expect(asked).to.equal(5)
    expect(events.filter(({ type }) => type === 'warning')).to.have.length(1)
  })

  it('outlives the control connection, and is not made anew when that comes back', async () => {
    await link.hold()
    await turns(3)
    server.links.handleSignedOut(client, false)
    expect(server.linked).to.have.length(1)
    client = { ...client }
    server.links.handleSignedIn(client)
    await link.handleBack()
    await turns(3)
    expect([paths(), server.linked.length, server.gone]).to.deep.equal([['@server open'], 1, []])
  })

  it('waits for the server when that is away, and goes to the new process once it is back', async () => {
    await link.hold()
    await turns(3)
    const older = server
    isConnected = false
    refusal = new MsgError('MSG_ERR_SERVER_UNREACHABLE')
    server = new Served(network, 1)
    network.cut('a1', older.links.instance)
    await turns(3)
    timers.tick(60_000)
    await turns(3)
    expect(server.linked).to.deep.equal([])
    isConnected = true
    refusal = undefined
    await link.handleBack()
    await turns(3)
    expect(server.linked).to.have.length(1)
    expect(linked).to.deep.equal([{ instance: server.links.instance, user: SERVER_PEER }])
  })

  it('leaves an older server process at once for the newer one', async () => {
    await link.hold()
    await turns(3)
    server = new Served(network, 1)
    await link.handleBack()
    await turns(3)
    expect(paths()).to.deep.equal(['@server open', '@server closed another server process', '@server open'])
    expect([linked.length, server.linked.length]).to.deep.equal([1, 1])
  })

  it('ends with the sign-out, and is over when neither it nor a connection is left', async () => {
    await link.hold()
    await turns(3)
    server.links.handleSignedOut(client, true)
    await turns(3)
    expect([server.linked, server.gone]).to.deep.equal([[], ['a1']])
    const other = { instance: 'b1', user: 'bob', device: deviceOf(8) }
    server.links.introduce(other)
    server.links.handleSignedOut({ ...other }, true)
    expect(server.gone).to.deep.equal(['a1'])
    server.links.handleSignedOut(other, false)
    expect(server.gone).to.deep.equal(['a1', 'b1'])
  })

  it('is over when its connection is gone and it falls silent', async () => {
    await link.hold()
    await turns(3)
    server.links.handleSignedOut(client, false)
    expect(server.gone).to.deep.equal([])
    await cut()
    expect(server.gone).to.deep.equal(['a1'])
  })

  it('is never taken over: another user with the same instance ends it', async () => {
    await link.hold()
    await turns(3)
    server.links.handleSignedOut(client, false)
    const thief = { ...client, user: 'eve', device: deviceOf(8) }
    server.links.handleSignedIn(thief)
    expect(server.linked).to.have.length(1)
    server.links.introduce(thief)
    await turns(3)
    expect([server.linked, server.gone]).to.deep.equal([[], ['a1']])
  })

  it('is refused to a device whose key is none', () => {
    const odd = { ...client, device: 'A'.repeat(43) }
    expectCode(() => server.links.introduce(odd), 'MSG_ERR_PEER_IDENTITY')
  })

  it('is left behind by one user at most sixteen times', async () => {
    for (let i = 0; i < 20; i++) {
      const one = { ...client, instance: `x${i}` }
      const endpoint = network.endpoint(one.instance)
      const { instance, port } = server.links.introduce(one)
      const peer = { instance, key: new Uint8Array(32) }
      endpoint.connect(peer, [{ host: '127.0.0.1', port }], {
        onOpen: () => {},
        onData: () => {},
        onWritable: () => {},
        onClosed: () => {},
      })
      await turns(3)
      server.links.handleSignedOut(one, false)
    }
    expect(server.linked).to.have.length(17)
  })
})
