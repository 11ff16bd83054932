import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { LabSockets } from '../helpers/lab-socket.ts'
import { useLab } from '../helpers/use-lab.ts'
import type { RouterKind } from '../helpers/nat-router.ts'

describe('the NAT laboratory', () => {
  const { create, keep } = useLab()

  /** Three sockets of the server that say where they see somebody: two ports of one address, one of another. */
  const openServer = async (): Promise<LabSockets> => {
    const { server } = create.lab
    return keep(
      await LabSockets.open(server, 'echo', [
        { host: server.address, port: 7_001 },
        { host: server.address, port: 7_002 },
        { host: server.secondAddress, port: 7_001 },
      ]),
    )
  }
  const openAt = async (name: string, port = 4_000): Promise<LabSockets> => {
    const host = create.lab.host(name)
    return keep(await LabSockets.open(host, 'mute', [{ host: host.address, port }]))
  }
  const openAt6 = async (name: string): Promise<LabSockets> => {
    const host = create.lab.host(name)
    return keep(await LabSockets.open(host, 'mute', [{ host: host.address6, port: 4_000 }]))
  }

  it('shows each router’s mapping to two ports and two addresses of the server', async () => {
    const lab = create({ open: 'open', home: 'port-restricted', office: 'symmetric', strict: 'udp-blocked' })
    const server = await openServer()
    const seen = async (name: string): Promise<Array<{ host: string; port: number } | undefined>> => {
      const client = await openAt(name)
      const found = []
      for (const echo of server.addresses) found.push(await client.seenBy(echo))
      return found
    }
    const own = { host: lab.host('open').address, port: 4_000 }
    expect(await seen('open'), 'open').to.deep.equal([own, own, own])
    const kept = { host: lab.publicAddress('home'), port: 4_000 }
    expect(await seen('home'), 'port-restricted').to.deep.equal([kept, kept, kept])
    const office = await seen('office')
    expect(office.map((each) => each?.host)).to.deep.equal(Array(3).fill(lab.publicAddress('office')))
    expect(new Set(office.map((each) => each?.port)).size, 'ports of a symmetric router').to.equal(3)
    expect(await seen('strict'), 'udp-blocked').to.deep.equal([undefined, undefined, undefined])
  })

  it('lets in only answers, from where they were asked, unless the router is open', async () => {
    create({ open: 'open', home: 'port-restricted', office: 'symmetric' })
    const server = await openServer()
    const passes = async (name: string): Promise<boolean[]> => {
      const client = await openAt(name)
      const seen = (await client.seenBy(server.addresses[0]!))!
      for (const socket of [0, 1, 2]) server.send(seen, `from ${socket}`, { socket })
      return Promise.all([0, 1, 2].map(async (socket) => (await client.heard(`from ${socket}`)) !== undefined))
    }
    expect(await passes('open')).to.deep.equal([true, true, true])
    expect(await passes('home')).to.deep.equal([true, false, false])
    expect(await passes('office')).to.deep.equal([true, false, false])
  })

  it('joins two that keep their mapping when both knock', async () => {
    const lab = create({ alice: 'port-restricted', bob: 'port-restricted' })
    const [alice, bob] = [await openAt('alice'), await openAt('bob')]
    const [atAlice, atBob] = ['alice', 'bob'].map((name) => ({ host: lab.publicAddress(name), port: 4_000 }))
    alice.send(atBob!, 'knock')
    expect(await bob.heard('knock')).to.equal(undefined)
    bob.send(atAlice!, 'hello')
    expect(await alice.heard('hello')).to.deep.equal(atBob)
    alice.send(atBob!, 'hello yourself')
    expect(await bob.heard('hello yourself')).to.deep.equal(atAlice)
  })

  it('does not join one that keeps its mapping with a symmetric one, however often both knock', async () => {
    create({ alice: 'port-restricted', bob: 'symmetric' })
    const server = await openServer()
    const [alice, bob] = [await openAt('alice'), await openAt('bob')]
    const [atAlice, atBob] = [await alice.seenBy(server.addresses[0]!), await bob.seenBy(server.addresses[0]!)]
    for (let i = 0; i < 5; i++) {
      alice.send(atBob!, 'knock')
      bob.send(atAlice!, 'knock')
      await sleep(20)
    }
    const heard = await Promise.all([alice.heard('knock'), bob.heard('knock')])
    expect(heard).to.deep.equal([undefined, undefined])
  })

  for (const dropsNew of [true, false]) {
    const title = dropsNew
      ? 'keeps a mapping although somebody knocked first'
      : 'gives another port to who was knocked at first'
    it(`${title}, when the router ${dropsNew ? 'drops' : 'takes'} what is new`, async () => {
      const lab = create({ alice: { router: 'port-restricted', dropsNew }, bob: 'open' })
      const [alice, bob] = [await openAt('alice'), await openAt('bob')]
      const [atAlice, atBob] = ['alice', 'bob'].map((name) => ({ host: lab.publicAddress(name), port: 4_000 }))
      bob.send(atAlice!, 'knock')
      expect(await alice.heard('knock')).to.equal(undefined)
      alice.send(atBob!, 'hello')
      const from = await bob.heard('hello')
      expect(from?.port === 4_000).to.equal(dropsNew)
    })
  }

  it('ends a datagram of two hops between the routers, so that only the sender’s own opens', async () => {
    const lab = create({ alice: { router: 'port-restricted', dropsNew: false }, bob: 'port-restricted' })
    const [alice, bob] = [await openAt('alice'), await openAt('bob')]
    const [atAlice, atBob] = ['alice', 'bob'].map((name) => ({ host: lab.publicAddress(name), port: 4_000 }))
    bob.send(atAlice!, 'opener', { ttl: 2 })
    await sleep(50)
    alice.send(atBob!, 'hello')
    expect(await bob.heard('hello')).to.deep.equal(atAlice)
    bob.send(atAlice!, 'answer')
    expect(await alice.heard('answer')).to.deep.equal(atBob)
  })

  it('turns nobody back to their own network: neighbours reach each other inside only', async () => {
    const lab = create({ alice: 'port-restricted', bob: { beside: 'alice' } })
    const server = await openServer()
    const [alice, bob] = [await openAt('alice'), await openAt('bob', 4_001)]
    const outside = (await bob.seenBy(server.addresses[0]!))!
    expect(outside).to.deep.equal({ host: lab.publicAddress('alice'), port: 4_001 })
    alice.send(outside, 'around')
    expect(await bob.heard('around')).to.equal(undefined)
    alice.send(bob.addresses[0]!, 'across')
    expect(await bob.heard('across')).to.deep.equal(alice.addresses[0])
  })

  it('keeps UDP from the world and not from neighbours, where it is blocked', async () => {
    create({ alice: 'udp-blocked', bob: { beside: 'alice' } })
    const [alice, bob] = [await openAt('alice'), await openAt('bob', 4_001)]
    alice.send(bob.addresses[0]!, 'across')
    expect(await bob.heard('across')).to.deep.equal(alice.addresses[0])
  })

  it('forgets a mapping when its time is over', async () => {
    create({ alice: { router: 'port-restricted', mappingTimeout: 1 } })
    const server = await openServer()
    const alice = await openAt('alice')
    const seen = (await alice.seenBy(server.addresses[0]!))!
    server.send(seen, 'at once')
    expect(await alice.heard('at once')).to.not.equal(undefined)
    await sleep(1_500)
    server.send(seen, 'too late')
    expect(await alice.heard('too late')).to.equal(undefined)
  })

  it('routes IPv6 as it is, past the firewall of whoever asked', async () => {
    create({ alice: 'port-restricted', open: 'open' })
    const { server } = create.lab
    const at = (port: number): { host: string; port: number } => ({ host: server.address6, port })
    const echo = keep(await LabSockets.open(server, 'echo', [at(7_001), at(7_002)]))
    for (const [name, isOpen] of [
      ['alice', false],
      ['open', true],
    ] as const) {
      const client = await openAt6(name)
      expect(await client.seenBy(at(7_001)), name).to.deep.equal(client.addresses[0])
      echo.send(client.addresses[0]!, 'unasked', { socket: 1 })
      expect((await client.heard('unasked')) !== undefined, name).to.equal(isOpen)
    }
  })

  it('severs the homes from each other and not from the server, and changes routers under way', async () => {
    const lab = create({ alice: 'open', bob: 'open' })
    const server = await openServer()
    const [alice, bob] = [await openAt('alice'), await openAt('bob')]
    lab.sever(true)
    alice.send(bob.addresses[0]!, 'severed')
    expect(await bob.heard('severed')).to.equal(undefined)
    expect(await alice.seenBy(server.addresses[0]!)).to.deep.equal(alice.addresses[0])
    lab.sever(false)
    alice.send(bob.addresses[0]!, 'mended')
    expect(await bob.heard('mended')).to.deep.equal(alice.addresses[0])
    lab.change('alice', { router: 'udp-blocked' })
    expect(await alice.seenBy(server.addresses[0]!)).to.equal(undefined)
  })

  it('leaves nothing behind, also when it cannot be made', () => {
    const mine = (): string[] =>
      execFileSync('ip', ['netns', 'list'])
        .toString()
        .split('\n')
        .filter((line) => line.startsWith(`msg${process.pid}-`))
    create({ alice: 'open' })
    expect(mine()).to.have.lengthOf(4)
    create.lab.close()
    expect(mine()).to.deep.equal([])
    expect(() => create({ alice: 'no such router' as RouterKind, bob: { beside: 'nobody' } })).to.throw()
    expect(mine()).to.deep.equal([])
  })
})
