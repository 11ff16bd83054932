import { expect } from 'chai'
import { FakeNetwork } from '../../../src/core/testing/fake-endpoint.ts'
import { Correspondent, turnsUntil } from '../../helpers/courier.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('the courier over a fake network', () => {
  const temp = useTempDir()
  let network: FakeNetwork
  let people: Correspondent[]
  beforeEach(() => {
    network = new FakeNetwork({ sendBuffer: 100_000 })
    people = []
  })
  afterEach(async () => {
    for (const person of people) await person.crash()
  })
  const person = (user: string, instance: string): Correspondent => {
    const made = new Correspondent(network, temp(), user, instance)
    people.push(made)
    return made
  }
  const pair = (): [Correspondent, Correspondent] => {
    const [alice, bob] = [person('alice', 'a1'), person('bob', 'b1')]
    alice.talkTo(bob)
    bob.talkTo(alice)
    alice.meet(bob)
    return [alice, bob]
  }
  const say = (from: Correspondent, to: string, text: string) =>
    from.courier.send(text, { kind: 'session', user: to }, [to])
  const sayMany = (from: Correspondent, to: string, count: number, start = 0): void => {
    for (let i = start; i < start + count; i++) void say(from, to, `m${i}`)
  }
  const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`)

  it('delivers both ways, in order, and says so', async () => {
    const [alice, bob] = pair()
    const sent = await say(alice, 'bob', 'hello')
    expect(sent).to.deep.include({ to: { kind: 'session', user: 'bob' } })
    await say(bob, 'alice', 'hi')
    await turnsUntil(() => alice.count('message.delivered') + bob.count('message.delivered') === 2)
    await turnsUntil(() => alice.texts().length === 1 && bob.texts().length === 1)
    expect(bob.events.find(({ type }) => type === 'message')).to.deep.include({
      from: 'alice',
      with: 'alice',
      room: null,
      own: false,
      id: sent.id,
    })
    expect(alice.count('message.sent')).to.equal(1)
    expect(alice.count('message.delivered')).to.equal(1)
  })

  it('carries ten thousand messages, whatever the backpressure, exactly once and in order', async () => {
    const [alice, bob] = pair()
    sayMany(alice, 'bob', 10_000)
    await turnsUntil(() => bob.texts().length >= 10_000)
    expect(bob.texts()).to.deep.equal(numbered(10_000))
    await turnsUntil(() => alice.count('message.delivered') >= 10_000)
    expect(alice.count('message.delivered')).to.equal(10_000)
  })

  it('loses and repeats nothing when links break again and again', async () => {
    const [alice, bob] = pair()
    for (let round = 0; round < 8; round++) {
      sayMany(alice, 'bob', 300, round * 300)
      await turnsUntil(() => bob.texts().length > round * 200)
      network.cut('a1', 'b1')
    }
    await turnsUntil(() => alice.courier.waiting === 0, 200_000)
    await turnsUntil(() => bob.texts().length >= 2_400)
    expect(bob.texts()).to.deep.equal(numbered(2_400))
  })

  it('forgets what was delivered', async () => {
    const [alice, bob] = pair()
    const { id } = await say(alice, 'bob', 'once')
    expect(alice.state.outbox.load([1]).map(({ message }) => message.id)).to.deep.equal([id])
    await turnsUntil(() => bob.texts().length === 1 && alice.state.outbox.load([1]).length === 0)
  })

  it('keeps what waits over a crash of the sender, and sends it once', async () => {
    const [alice, bob] = [person('alice', 'a1'), person('bob', 'b1')]
    for (let i = 0; i < 20; i++) await say(alice, 'bob', `m${i}`)
    await alice.crash()
    people.shift()
    const again = person('alice', 'a2')
    again.talkTo(bob)
    again.meet(bob)
    await turnsUntil(() => bob.texts().length === 20 && again.courier.waiting === 0)
    expect(bob.texts()).to.deep.equal(numbered(20))
  })

  it('gives every connection of the recipient the message, and own connections a copy', async () => {
    const [alice, bob] = pair()
    const [alice2, bob2] = [person('alice', 'a2'), person('bob', 'b2')]
    alice.meet(bob2)
    alice.meet(alice2)
    await turnsUntil(() => alice.events.filter((event) => event.type === 'path').length === 3)
    await say(alice, 'bob', 'all of you')
    await turnsUntil(() => bob2.texts().length === 1 && bob.texts().length === 1 && alice2.texts().length === 1)
    expect(alice2.events.find(({ type }) => type === 'message')).to.deep.include({
      from: 'alice',
      with: 'bob',
      own: true,
    })
    await turnsUntil(() => alice.courier.outbox.size === 0 && alice.count('message.delivered') > 0)
    expect(alice.count('message.delivered')).to.equal(1)
  })

  it('holds a message until the conversation is known, and the order', async () => {
    const [alice, bob] = pair()
    bob.admission = () => false
    sayMany(alice, 'bob', 3)
    await turnsUntil(() => alice.count('message.sent') === 3)
    await turnsUntil(() => true)
    expect(bob.texts()).to.deep.equal([])
    expect(alice.count('message.delivered')).to.equal(0)
    bob.admission = () => true
    bob.courier.schedule()
    await turnsUntil(() => bob.texts().length === 3 && alice.courier.waiting === 0)
    expect(bob.texts()).to.deep.equal(numbered(3))
  })

  it('refuses texts that are too long or empty before anything is stored', async () => {
    const [alice] = pair()
    await expectRejects(say(alice, 'bob', 'x'.repeat(65_537)), 'MSG_ERR_MESSAGE_TOO_LONG')
    await expectRejects(say(alice, 'bob', 'ö'.repeat(32_769)), 'MSG_ERR_MESSAGE_TOO_LONG')
    await expectRejects(say(alice, 'bob', ''), 'MSG_ERR_USAGE')
    expect(alice.courier.waiting).to.equal(0)
  })

  it('breaks a link that does not speak the chat protocol, and says so', async () => {
    const [alice, bob] = pair()
    await turnsUntil(() => bob.count('path') === 1)
    bob.courier.handleData({ peer: { instance: 'a1', key: bob.key.publicKey } } as never, 0, Uint8Array.of(9))
    expect(bob.count('warning'), 'a link that is not open is not listened to').to.equal(0)
    const link = (bob.endpoint as unknown as { linkTo(instance: string): never }).linkTo('a1')
    bob.courier.handleData(link, 0, Uint8Array.of(9))
    await turnsUntil(() => bob.count('warning') === 1)
    expect(bob.events.find(({ type }) => type === 'warning')).to.include({ code: 'MSG_ERR_PROTOCOL' })
    await say(alice, 'bob', 'after all')
    await turnsUntil(() => bob.texts().length === 1, 10_000_000)
  })

  it('lets a peer go once what is on the link is acknowledged', async () => {
    const [alice, bob] = pair()
    sayMany(alice, 'bob', 500)
    await turnsUntil(() => bob.texts().length > 0)
    alice.courier.outbox.closeThread('bob', 's:bob')
    alice.links.gone('b1', 'left')
    bob.links.gone('a1', 'left')
    await turnsUntil(() => alice.links.peers().length + bob.links.peers().length === 0, 2_000_000)
    expect(alice.count('message.delivered')).to.equal(bob.texts().length)
  })
})
