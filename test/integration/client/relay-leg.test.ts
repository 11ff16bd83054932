import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect } from 'chai'
import { UdpEndpoint } from '../../../src/core/io/link-endpoint.ts'
import type { ClientDeps } from '../../../src/core/client/deps.ts'
import { until } from '../../helpers/relay-people.ts'
import { World } from '../../helpers/world.ts'

describe('a client whose UDP is blocked', () => {
  let world: World
  beforeEach(async () => {
    world = await World.start()
  })
  afterEach(() => world.end())

  it('has a leg of the relay within three seconds, another one after its connection broke, and none once UDP answers', async () => {
    // The rendezvous of this client goes through a wall that the test opens later.
    const wall = createSocket('udp4').bind(0, '127.0.0.1')
    await once(wall, 'listening')
    let isOpen = false
    let client = 0
    const { udpPort } = world.server.address
    wall.on('message', (bytes, { port }) => {
      if (!isOpen) return
      if (port !== udpPort) client = port
      wall.send(bytes, port === udpPort ? client : udpPort, '127.0.0.1')
    })
    const bind: ClientDeps['bind'] = async ({ noise }, instance, options) => {
      const endpoint = await UdpEndpoint.bind({ local: { key: noise, instance }, ...options })
      const rendezvous = endpoint.rendezvous.bind(endpoint)
      endpoint.rendezvous = ({ server, token }, onObserved) =>
        rendezvous({ server: { ...server, port: wall.address().port }, token }, onObserved)
      return endpoint
    }
    const person = await world.visitor('alice', {}, { bind })
    const startedAt = performance.now()
    await person.client.register('alice', 'secret')
    const hasLegs = async (count: number): Promise<void> =>
      until(`${count} legs`, async () => (await world.server.relays()).legs === count)
    await hasLegs(1)
    expect(performance.now() - startedAt).to.be.within(1_400, 3_000)
    expect(person.client.links().network?.mapping).to.equal('blocked')
    await world.restart()
    await hasLegs(1)
    isOpen = true
    await until('no leg', async () => (await world.server.relays()).legs === 0)
    expect(person.client.links().network?.mapping).to.not.equal('blocked')
    wall.close()
  })
})
