import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'chai'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import { expectCode } from '../../helpers/errors.ts'
import { FakeFile } from '../../helpers/fake-files.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'
import { strangerTo, TransferNode } from '../../helpers/transfer-node.ts'
import { transferId } from '../../helpers/transfers.ts'

describe('transfers/transfers', function () {
  const directory = useTempDir()
  let network: FakeNetwork
  let nodes: TransferNode[]
  beforeEach(() => {
    network = new FakeNetwork()
    nodes = []
  })
  afterEach(async () => {
    for (const { transfers } of nodes) await transfers.close()
  })

  const node = (instance: string): TransferNode => {
    const made = new TransferNode(network, instance)
    nodes.push(made)
    return made
  }
  /** One that says yes to everything. */
  const eager = (instance: string): TransferNode => {
    const made = node(instance)
    made.onEvent = ({ type, id }) => {
      if (type === 'transfer.offered') setImmediate(() => made.transfers.accept(id, { to: inbox(instance) }))
    }
    return made
  }
  const file = (size: number): string => {
    const path = join(directory(), 'a.bin')
    writeFileSync(path, randomBytes(size))
    return path
  }
  const inbox = (name: string): string => join(directory(), `inbox of ${name}`)
  /** Alice sends to bob, slowly; some of it is there. */
  const underWay = async (options: { checkpoint?: number } = {}) => {
    const [alice, bob] = [node('alice'), node('bob')] as const
    alice.link(bob)
    const { id } = await alice.transfers.offer({ user: 'bob' }, [file(12_000_000)], { limit: 4_000_000 })
    await bob.heard('transfer.offered')
    bob.transfers.accept(id, { to: inbox('bob'), ...options })
    await bob.heard('transfer.progress')
    return { alice, bob, id }
  }

  describe('pausing', () => {
    for (const [pauser, other] of [
      ['alice', 'bob'],
      ['bob', 'alice'],
    ] as const)
      it(`by ${pauser} is ${pauser}'s to end, and is the same on both sides`, async () => {
        const { id } = await underWay()
        const by = (name: string): TransferNode => nodes.find(({ instance }) => instance === name)!
        by(pauser).transfers.pause(id)
        await by(other).heard('transfer.paused')
        expectCode(() => by(other).transfers.continue(id), 'MSG_ERR_USAGE')
        by('alice').transfers.setLimit(null, id)
        await delay(50)
        expect(nodes.map((one) => one.states())).to.deep.equal([['paused'], ['paused']])
        by(pauser).transfers.continue(id)
        expect(await by('bob').heard('transfer.done')).to.be.an('object')
      })

    it('by both sides ends when both have ended it', async () => {
      const { alice, bob, id } = await underWay()
      alice.transfers.pause(id)
      await bob.heard('transfer.paused')
      bob.transfers.pause(id)
      alice.transfers.setLimit(null, id)
      alice.transfers.continue(id)
      await delay(50)
      expect([alice.states(), bob.states()]).to.deep.equal([['paused'], ['paused']])
      bob.transfers.continue(id)
      expect(await bob.heard('transfer.done')).to.be.an('object')
    })

    it('at a checkpoint outlives the link, and ends on the next one', async () => {
      const { alice, bob, id } = await underWay({ checkpoint: 0.3 })
      await bob.heard('transfer.checkpoint')
      network.cut('alice', 'bob')
      await delay(20)
      alice.link(bob)
      await delay(50)
      expect([alice.states(), bob.states()]).to.deep.equal([['paused'], ['paused']])
      alice.transfers.setLimit(null, id)
      bob.transfers.continue(id)
      expect(await bob.heard('transfer.done')).to.be.an('object')
    })

    it('before anything has come counts, too', async () => {
      const [alice, bob] = [node('alice'), node('bob')] as const
      alice.link(bob)
      const { id } = await alice.transfers.offer({ user: 'bob' }, [file(3_000_000)])
      await bob.heard('transfer.offered')
      network.cut('alice', 'bob')
      bob.transfers.accept(id, { to: inbox('bob') })
      bob.transfers.pause(id)
      await delay(20)
      alice.link(bob)
      await delay(200)
      expect(bob.transfers.list()[0]).to.include({ state: 'paused', bytes: 0 })
      bob.transfers.continue(id)
      expect(await bob.heard('transfer.done')).to.be.an('object')
    })
  })

  describe('to a user with two devices', () => {
    it('goes to one of them when both say yes at once', async () => {
      const [alice, one, two] = [node('alice'), eager('bob1'), eager('bob2')] as const
      alice.link(one)
      alice.link(two)
      await delay(20)
      await alice.transfers.offer({ user: 'bob' }, [file(3_000_000)])
      expect(await alice.heard('transfer.done')).to.be.an('object')
      expect([...one.states(), ...two.states()].sort()).to.deep.equal(['done', 'stopped'])
    })

    it('is not taken away from the first when the second comes, nor by its no', async () => {
      const { alice, id } = await (async () => {
        const [alice, one] = [node('alice'), eager('bob1')] as const
        alice.link(one)
        const { id } = await alice.transfers.offer({ user: 'bob' }, [file(8_000_000)], { limit: 6_000_000 })
        await one.heard('transfer.progress')
        return { alice, id }
      })()
      const two = eager('bob2')
      alice.link(two)
      await delay(50)
      expect(two.events, 'it is not offered what another receives').to.deep.equal([])
      expect(await alice.heard('transfer.done'), id).to.be.an('object')
      expect(nodes[1]!.states()).to.deep.equal(['done'])
    })

    it('is offered to the second when the first is gone', async () => {
      const [alice, one, two] = [node('alice'), eager('bob1'), eager('bob2')] as const
      alice.link(one)
      await alice.transfers.offer({ user: 'bob' }, [file(8_000_000)], { limit: 6_000_000 })
      await one.heard('transfer.progress')
      alice.link(two)
      await delay(20)
      network.cut('alice', 'bob1')
      expect(await two.heard('transfer.done')).to.be.an('object')
    })
  })

  it('in a room an early download hears of what a later one has', async () => {
    const [alice, bob, eve] = [node('alice'), node('bob'), node('eve')] as const
    alice.link(bob)
    alice.link(eve)
    bob.link(eve)
    await delay(20)
    const { id } = await alice.transfers.offer({ room: 'lab' }, [file(12_000_000)])
    await Promise.all([bob.heard('transfer.offered'), eve.heard('transfer.offered')])
    bob.transfers.accept(id, { to: inbox('bob'), limit: 2_000_000 })
    await bob.heard('transfer.progress')
    eve.transfers.accept(id, { to: inbox('eve') })
    expect(await eve.heard('transfer.done')).to.be.an('object')
    network.cut('alice', 'bob')
    network.cut('alice', 'eve')
    bob.transfers.setLimit(null, id)
    expect(await bob.heard('transfer.done')).to.be.an('object')
  })

  it('is accepted while its list is on its way', async () => {
    const [alice, bob] = [node('alice'), node('bob')] as const
    alice.link(bob)
    const folder = join(directory(), 'many')
    mkdirSync(folder)
    for (let i = 0; i < 6_000; i++) writeFileSync(join(folder, `${i} ${'x'.repeat(200)}`), '')
    const { id } = await alice.transfers.offer({ user: 'bob' }, [folder])
    await bob.heard('transfer.offered')
    const lists = [bob.transfers.contents(id), bob.transfers.contents(id)]
    bob.transfers.accept(id, { to: inbox('bob') })
    for (const { entries } of await Promise.all(lists)) expect(entries).to.have.length(6_000)
    expect(await bob.heard('transfer.done')).to.be.an('object')
  })

  it('that is stopped while its content is looked for stays stopped', async () => {
    const path = file(40_000_000)
    const [before, alice, bob] = [node('before'), node('alice'), node('bob')] as const
    const { id } = await before.transfers.offer({ room: 'lab' }, [path])
    alice.transfers.adopt([...before.journal.values()])
    alice.link(bob)
    await bob.heard('transfer.offered')
    bob.transfers.accept(id, { to: inbox('bob') })
    await delay(5)
    await alice.transfers.stop(id)
    await delay(500)
    expect([alice.states(), [...alice.journal]]).to.deep.equal([['stopped'], []])
  })

  describe('from somebody hostile', () => {
    const offer = new FakeFile(1_000).offer(false)

    it('begin with a yes and nothing else', async () => {
      const bob = node('bob')
      const { say, heard } = await strangerTo(bob, network)
      say({ type: 'offer', offer }, { type: 'pause', id: offer.id }, { type: 'continue', id: offer.id })
      say({ type: 'offer', offer })
      await delay(50)
      expect(heard).to.deep.equal([])
      expect(bob.states()).to.deep.equal(['offered'])
    })

    it('are few while nobody answers', async () => {
      const bob = node('bob')
      const { say } = await strangerTo(bob, network)
      for (let i = 0; i < 200; i++) {
        const id = transferId(i)
        say({ type: 'offer', offer: { ...offer, id } }, { type: 'pause', id })
      }
      await delay(100)
      expect(bob.transfers.list().length).to.be.at.most(64)
    })

    it('do not take the id of another', async () => {
      const [alice, bob] = [node('alice'), node('bob')] as const
      alice.link(bob)
      const { id } = await alice.transfers.offer({ user: 'bob' }, [file(1_000)])
      await bob.heard('transfer.offered')
      const { say, heard } = await strangerTo(bob, network)
      say({ type: 'offer', offer: { ...offer, id } })
      await delay(50)
      expect(heard.map(({ type }) => type)).to.deep.equal(['decline'])
      bob.transfers.accept(id, { to: inbox('bob') })
      expect(await bob.heard('transfer.done')).to.be.an('object')
    })
  })
})
