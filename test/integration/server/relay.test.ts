import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { createServer } from '../../../src/core/index.ts'
import type { Server, ServerOptions } from '../../../src/core/server/api.ts'
import { encodeLegFrame } from '../../../src/core/wire/relay-leg.ts'
import { relayed } from '../../helpers/relay-lab.ts'
import { legSocket, RelayPerson, udpSocket, until } from '../../helpers/relay-people.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('server: the relay', () => {
  let server: Server
  const people: RelayPerson[] = []

  const start = async (options: ServerOptions = {}): Promise<void> => {
    server = await createServer({
      dataDir: tempDir(),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      ...options,
    })
  }
  const join = async (user: string, isSeen = true): Promise<RelayPerson> => {
    const person = await RelayPerson.join(server, user, isSeen)
    people.push(person)
    return person
  }
  /** Two people who were introduced, and their channel. */
  const pair = async (): Promise<{ alice: RelayPerson; bob: RelayPerson; channel: string }> => {
    const [alice, bob] = [await join('alice'), await join('bob')]
    const { channel } = await alice.meet(bob)
    return { alice, bob, channel: channel! }
  }
  const bobGets = async (bob: RelayPerson, count: number): Promise<void> =>
    until(`${count} datagrams for bob`, () => bob.got.length + bob.overLeg.length >= count)

  beforeEach(() => start())
  afterEach(async () => {
    for (const person of people.splice(0)) person.leave()
    await server.close()
    removeTempDirs()
  })

  it('counts a leg as a stranger’s connection until it has said its token, and not after', async () => {
    await server.close()
    await start({ limits: { unauthenticatedPerAddress: 2 } })
    const friends = [await join('alice'), await join('bob'), await join('carol')]
    for (const [i, friend] of friends.entries()) {
      await friend.attach()
      await until('the leg', async () => (await server.relays()).legs === i + 1)
    }
    const strangers = [await legSocket(server.address.port), await legSocket(server.address.port)]
    const refused = await legSocket(server.address.port).then(
      () => false,
      () => true,
    )
    expect(refused, 'a third').to.equal(true)
    for (const stranger of strangers) stranger.destroy()
  })

  it('gives both sides one channel, and passes on what comes over it, unchanged', async () => {
    const { alice, bob, channel } = await pair()
    expect(channel).to.match(/^[0-9a-f]{16}$/)
    expect((await bob.client.next('peer.introduced')).channel).to.equal(channel)
    for (const size of [10, 1_209, 1_452]) alice.send(relayed(channel, size))
    await bobGets(bob, 3)
    expect(bob.got.map((bytes) => bytes.byteLength)).to.deep.equal([10, 1_209, 1_452])
    expect(Uint8Array.from(bob.got[1]!)).to.deep.equal(relayed(channel, 1_209))
    bob.send(relayed(channel, 50))
    await until('an answer', () => alice.got.length === 1)
  })

  it('calls the channel of two processes the same when one of them lost its connection, and relays nothing meanwhile', async () => {
    const { alice, bob, channel } = await pair()
    bob.client.destroy()
    await alice.client.next('peer.gone')
    alice.send(relayed(channel))
    await until('a drop', async () => (await server.relays()).drops.channel === 1)
    const again = await RelayPerson.back(server, bob)
    people.push(again)
    expect((await alice.client.next('peer.introduced')).channel).to.equal(channel)
    alice.send(relayed(channel))
    await until('a datagram', () => again.got.length === 1)
    expect(bob.got).to.deep.equal([])
    const carol = await join('carol')
    expect((await carol.meet(alice)).channel).to.not.equal(channel)
  })

  it('introduces nobody to a channel where it is off, and knows no leg', async () => {
    await server.close()
    await start({ relay: false })
    const { alice, bob, channel } = await pair()
    expect(channel).to.equal(undefined)
    alice.send(relayed('00'.repeat(8)))
    const leg = await legSocket(server.address.port)
    expect(leg.alpnProtocol).to.equal(false)
    leg.destroy()
    await sleep(50)
    expect(bob.got).to.deep.equal([])
    expect(await server.relays()).to.deep.include({ enabled: false, datagrams: 0, relays: [] })
  })

  it('relays nothing on the port that only answers', async () => {
    const { alice, bob, channel } = await pair()
    alice.socket.send(relayed(channel), server.address.probePort, '127.0.0.1')
    await sleep(50)
    expect(bob.got).to.deep.equal([])
  })

  it('follows a client that is seen at another address', async () => {
    const { alice, bob, channel } = await pair()
    const moved = await udpSocket()
    await bob.show(moved)
    const got = once(moved, 'message')
    alice.send(relayed(channel))
    expect(((await got)[0] as Buffer).byteLength).to.equal(100)
    expect(bob.got).to.deep.equal([])
    moved.close()
  })

  it('says what it did', async () => {
    const { alice, bob, channel } = await pair()
    await bob.attach()
    await until('the leg', async () => (await server.relays()).legs === 1)
    for (let i = 0; i < 3; i++) alice.send(relayed(channel))
    await bobGets(bob, 3)
    const { drops, relays, ...totals } = await server.relays()
    expect(totals).to.deep.equal({ enabled: true, datagrams: 3, bytes: 300, channels: 1, legs: 1 })
    expect(Object.values(drops).every((count) => count === 0)).to.equal(true)
    const [relay] = relays
    const isAliceFirst = relay?.users[0] === 'alice'
    expect([...relay!.users].sort()).to.deep.equal(['alice', 'bob'])
    expect(relay?.bytes).to.deep.equal(isAliceFirst ? [300, 0] : [0, 300])
    expect(relay?.via).to.deep.equal(isAliceFirst ? ['udp', 'tls'] : ['tls', 'udp'])
    expect(Date.now() - Date.parse(relay!.since)).to.be.within(-1_000, 20_000)
  })

  describe('a leg over TLS', () => {
    it('carries both ways, to UDP and to another leg', async () => {
      const { alice, bob, channel } = await pair()
      await bob.attach()
      bob.sendOverLeg(relayed(channel, 20))
      await until('over UDP', () => alice.got.length === 1)
      for (const size of [10, 1_452]) alice.send(relayed(channel, size))
      await until('over the leg', () => bob.overLeg.length === 2)
      expect(bob.overLeg.map((bytes) => bytes.byteLength)).to.deep.equal([10, 1_452])
      expect(bob.got).to.deep.equal([])
      await alice.attach()
      await until('both', async () => (await server.relays()).legs === 2)
      alice.sendOverLeg(relayed(channel, 30))
      await until('leg to leg', () => bob.overLeg.length === 3)
    })

    it('ends the wait for a client whose UDP is blocked', async () => {
      const [alice, bob] = [await join('alice'), await join('bob', false)]
      await bob.attach()
      const startedAt = performance.now()
      const { channel, candidates } = await alice.meet(bob)
      expect(performance.now() - startedAt).to.be.below(1_500)
      expect(candidates).to.deep.equal([])
      alice.send(relayed(channel!))
      await until('over the leg', () => bob.overLeg.length === 1)
    })

    it('is closed with its token, and gives way to a newer one', async () => {
      const { bob } = await pair()
      const first = await bob.attach()
      const closed = once(first, 'close')
      const second = await bob.attach()
      await closed
      expect(second.destroyed).to.equal(false)
      expect((await server.relays()).legs).to.equal(1)
      const alsoClosed = once(second, 'close')
      await bob.client.ask('signout', { leave: false })
      await alsoClosed
      await until('no leg', async () => (await server.relays()).legs === 0)
    })

    it('is closed for a token of nobody, and for anything but relayed datagrams', async () => {
      const { alice, bob, channel } = await pair()
      await once(await bob.attach(Buffer.alloc(16, 9)), 'close')
      for (const bytes of [
        Buffer.alloc(2),
        Buffer.of(0, 30, 0x20),
        Buffer.of(0xff, 0xff),
        encodeLegFrame(alice.token),
      ]) {
        const leg = await bob.attach()
        leg.write(bytes)
        await once(leg, 'close')
      }
      const leg = await bob.attach()
      leg.write(encodeLegFrame(relayed(channel)))
      await until('the last one', () => alice.got.length === 1)
    })

    it('asks for its own protocol; who asks for another one is sent away, who asks for none is a client as ever', async () => {
      const refused = legSocket(server.address.port, 'http/1.1').then(
        () => 'served',
        () => 'refused',
      )
      expect(await refused).to.equal('refused')
      await join('alice')
    })

    it('says its token in time, like any stranger', async () => {
      await server.close()
      await start({ limits: { signInTimeoutMs: 200 } })
      const leg = await legSocket(server.address.port)
      await once(leg, 'close')
    })

    it('drops what its client does not read, and says so', async () => {
      const { alice, bob, channel } = await pair()
      const leg = await bob.attach()
      leg.pause()
      await until('the leg', async () => (await server.relays()).legs === 1)
      await until('drops', async () => {
        for (let i = 0; i < 200; i++) alice.send(relayed(channel, 1_452))
        await sleep(10)
        return (await server.relays()).drops.full > 0
      })
      expect((await server.relays()).drops.source).to.equal(0)
    })
  })
})
