import { expect } from 'chai'
import { PluginWorld } from 'msg-cli/testing'
import clientHalf from '../src/client.ts'
import serverHalf from '../src/server.ts'

describe('presence in a world without a network', () => {
  it('tells who comes, goes and is idle, and nothing of who is invisible', async () => {
    const options = { awayAfterMinutes: 10, awayNotices: true }
    const world = await PluginWorld.start({
      server: [{ plugin: serverHalf }],
      client: [{ plugin: clientHalf, options }],
    })
    const alice = await world.connect('alice')
    const bob = await world.connect('bob')
    const told = (): string[] => alice.events.splice(0).map(({ text }) => text)
    await world.advance(1_000)
    bob.type()
    await world.advance(9 * 60_000)
    bob.type()
    await world.advance(9 * 60_000)
    expect(told()).to.deep.equal(['bob is here.'])
    await world.advance(2 * 60_000)
    expect(told()).to.deep.equal(['bob is away.'])
    bob.drop()
    await bob.back()
    await world.advance(10_000)
    const { people } = (await alice.run('who')) as { people: Array<{ user: string; state: string }> }
    expect(people.map(({ user, state }) => `${user} ${state}`)).to.deep.equal(['alice here', 'bob away'])
    bob.type()
    await world.advance(10_000)
    expect(told()).to.deep.equal(['bob is back.'])
    world.setVisible('bob', false)
    await world.advance(20 * 60_000)
    bob.type()
    bob.drop()
    await bob.back()
    await world.advance(10_000)
    expect(told()).to.deep.equal(['bob left.'])
    expect(world.faults).to.deep.equal([])
    await world.close()
  })
})
