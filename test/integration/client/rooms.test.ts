import { expect } from 'chai'
import { expectRejects } from '../../helpers/errors.ts'
import { World, type Person } from '../../helpers/world.ts'

describe('clients in rooms', () => {
  let world: World
  beforeEach(async () => {
    world = await World.start()
  })
  afterEach(() => world.end())

  const lab = async (): Promise<[Person, Person, Person]> => {
    const people = [await world.person('alice'), await world.person('bob'), await world.person('eve')] as [
      Person,
      Person,
      Person,
    ]
    await people[0].client.createRoom('lab')
    await people[1].client.enterRoom('LAB')
    await people[2].client.enterRoom('lab')
    await people[0].heard('room.joined', ({ user }) => user === 'eve')
    await people[1].heard('room.joined', ({ user }) => user === 'eve')
    return people
  }

  it('deliver to every member, in the order of each sender', async () => {
    const [alice, bob, eve] = await lab()
    for (let i = 0; i < 50; i++) {
      void alice.client.send(`a${i}`)
      void bob.client.send(`b${i}`)
    }
    const heard = await eve.messages(100)
    for (const who of ['a', 'b'])
      expect(heard.filter((text) => text.startsWith(who))).to.deep.equal(
        Array.from({ length: 50 }, (_, i) => `${who}${i}`),
      )
    expect(eve.events.find(({ type }) => type === 'message')).to.include({ room: 'lab', with: null })
    await alice.heardTimes('message.delivered', 100)
    const to = alice.events.flatMap((event) => (event.type === 'message.delivered' ? [event.to] : []))
    expect([to.filter((user) => user === 'bob').length, to.filter((user) => user === 'eve').length]).to.deep.equal([
      50, 50,
    ])
    expect(await bob.messages(50)).to.have.length(50)
  })

  it('list members, and refuse what is not allowed', async () => {
    const [alice, bob] = await lab()
    const { members, owner } = await bob.client.members('lab')
    expect([owner, ...members.map(({ user }) => user).sort()]).to.deep.equal(['alice', 'alice', 'bob', 'eve'])
    expect(await bob.client.rooms()).to.deep.equal([{ room: 'lab', owner: 'alice', members: 3 }])
    await expectRejects(bob.client.closeRoom(), 'MSG_ERR_NOT_ROOM_OWNER')
    await expectRejects(bob.client.createRoom('lab'), 'MSG_ERR_ROOM_TAKEN')
    await expectRejects(bob.client.enterRoom('nowhere'), 'MSG_ERR_ROOM_UNKNOWN')
    await expectRejects(alice.client.leave(), 'MSG_ERR_OWNER_LEAVING')
    await expectRejects(alice.client.createRoom('other'), 'MSG_ERR_OWNER_LEAVING')
    await expectRejects(bob.client.leave({ conversation: { kind: 'room', room: 'x' } }), 'MSG_ERR_NOT_ROOM_MEMBER')
  })

  it('are handed over, left, and closed when the owner goes', async () => {
    const [alice, bob, eve] = await lab()
    expect(await alice.client.leave({ to: 'bob' })).to.deep.equal({
      left: { kind: 'room', room: 'lab' },
      closed: false,
    })
    expect(await eve.heard('room.owner')).to.include({ owner: 'bob' })
    expect(await eve.heard('room.left')).to.include({ user: 'alice' })
    await bob.client.send('mine now')
    expect(await eve.messages(1)).to.deep.equal(['mine now'])
    await bob.client.flush()
    expect(alice.texts()).to.deep.equal([])
    expect(await bob.client.leave({ force: true })).to.include({ closed: true })
    expect(await eve.heard('room.closed')).to.deep.include({ room: 'lab', reason: 'owner-left' })
    await expectRejects(eve.client.send('anybody?'), 'MSG_ERR_NO_CONVERSATION')
    await expectRejects(eve.client.enterRoom('lab'), 'MSG_ERR_ROOM_UNKNOWN')
  })

  it('are closed by their owner', async () => {
    const [alice, bob] = await lab()
    expect(await alice.client.closeRoom()).to.deep.equal({ room: 'lab' })
    expect(await bob.heard('room.closed')).to.include({ reason: 'closed' })
    expect(alice.client.conversations()).to.deep.equal([])
  })

  it('keep messages for a member who is away, and deliver them on return', async () => {
    const [alice, bob, eve] = await lab()
    await eve.client.destroy()
    await alice.heard('room.away')
    await alice.client.send('while you were out')
    await bob.messages(1)
    const back = await world.again('eve')
    expect(await back.messages(1)).to.deep.equal(['while you were out'])
    expect(back.client.conversation).to.deep.equal({ kind: 'room', room: 'lab' })
    await alice.client.flush()
    await back.client.send('thanks')
    expect(await bob.messages(2)).to.deep.equal(['while you were out', 'thanks'])
  })
})
