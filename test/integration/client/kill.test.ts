import { expect } from 'chai'
import { useClientProcesses } from '../../helpers/client-process.ts'

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`)

describe('client processes that are killed', () => {
  const { world, start } = useClientProcesses()

  it('lose nothing that was sent to them: the next process has it all, in order', async () => {
    const alice = await world().person('alice')
    const first = await start('bob', 'secret')
    await alice.client.open('bob')
    for (const text of numbered(400)) void alice.client.send(text)
    await first.until(() => first.heard().length >= 100)
    await first.kill()
    for (let i = 400; i < 600; i++) void alice.client.send(`m${i}`)
    const second = await start('bob')
    await second.until(() => second.heard().at(-1) === 'm599')
    await alice.client.flush()
    const repeated = new Set(first.heard())
    expect(second.heard(), 'in order, each once').to.deep.equal([...new Set(second.heard())])
    const all = [...first.heard(), ...second.heard().filter((text) => !repeated.has(text))]
    expect(all).to.deep.equal(numbered(600))
  })

  it('lose nothing that they were told is in the outbox, and send it once', async () => {
    const bob = await world().person('bob', { accept: 'everyone' })
    const first = await start('alice', 'secret')
    first.child.send({ to: 'bob', count: 5_000 })
    await first.until(() => first.told.filter(({ sent }) => sent !== undefined).length >= 300)
    await first.kill()
    const promised = first.told.flatMap(({ sent }) => sent ?? [])
    const second = await start('alice')
    await bob.messages(promised.length)
    await second.quit()
    const heard = bob.texts()
    expect(heard, 'each once, in order').to.deep.equal(numbered(heard.length))
    expect(heard.length).to.be.at.least(promised.length)
  })

  it('share a profile: each gets the message, and what one leaves behind the other takes over', async () => {
    const alice = await world().person('alice')
    const one = await start('bob', 'secret')
    const two = await start('bob')
    await alice.client.open('bob')
    const linked = (count: number): Promise<unknown> => alice.heardTimes('path', count)
    await linked(2)
    await alice.client.send('to both')
    await one.until(() => one.heard().length === 1)
    await two.until(() => two.heard().length === 1)
    await two.kill()
    await alice.client.send('to one')
    await one.until(() => one.heard().length === 2)
    await alice.heard('path', ({ state }) => state === 'closed')
    const three = await start('bob')
    await linked(4)
    await alice.client.send('to one and three')
    await three.until(() => three.heard().includes('to one and three'))
    await one.until(() => one.heard().length === 3)
    // What the killed one had just shown may be told again: its word of that was lost with it.
    const news = three.heard().filter((text) => text !== 'to both')
    expect(news, 'nothing that others have seen is told again').to.deep.equal(['to one and three'])
    await one.quit()
  })
})
