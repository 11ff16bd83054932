import { expect } from 'chai'
import { ClientPlugins } from '../../../src/core/plugins/client-plugins.ts'
import { HostWorld, settled } from '../../../test/helpers/plugin-host.ts'
import clientHalf from '../src/client.ts'

describe('a client that is told a broadcast', () => {
  it('shows it once, and acknowledges it each time', async () => {
    const world = new HostWorld()
    const answers: unknown[] = []
    const client = new ClientPlugins(
      Object.assign(world, {
        request: async () => ({}),
        answer: (sent: unknown) => void answers.push(sent),
        transfers: { download: () => Promise.reject(new Error('none')) },
        identity: () => undefined,
        confirm: async () => undefined,
      }),
    )
    await client.start([{ plugin: clientHalf }])
    const tell = async (id: string, ask: number): Promise<void> => {
      const payload = { id, from: 'bob', text: 'one\r\ntwo\n', at: 't' }
      client.handleMessage({ plugin: 'broadcast', message: 'message', payload, ask })
      await settled()
    }
    await tell('a', 1)
    await tell('a', 2)
    await tell('b', 3)
    expect(answers).to.deep.equal([1, 2, 3].map((ask) => ({ plugin: 'broadcast', ask, payload: {} })))
    expect(world.events.map(([, name, text]) => [name, text])).to.deep.equal([
      ['message', 'bob to everyone: one\n      two\n      '],
      ['message', 'bob to everyone: one\n      two\n      '],
    ])
    expect(world.events[0]![3]).to.deep.equal({ from: 'bob', text: 'one\r\ntwo\n', at: 't', id: 'a' })
    for (let i = 0; i < 2_000; i++) {
      await world.clock.advance(10)
      await tell(`n${i}`, 4 + i)
    }
    await tell('n1999', 9_999)
    expect(world.events).to.have.length(2_002)
  })
})
