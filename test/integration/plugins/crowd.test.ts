import { expect } from 'chai'
import { BareClient } from '../../../bench/helpers/bare-client.ts'
import broadcastHalf from '../../../plugins/broadcast/src/server.ts'
import presenceHalf from '../../../plugins/presence/src/server.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { createServer } from '../../../src/core/server/create-server.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('a hundred clients', () => {
  const directory = useTempDir()
  const clients: BareClient[] = []
  let server: Server

  beforeEach(async () => {
    server = await createServer({
      dataDir: directory(),
      host: '127.0.0.1',
      port: 0,
      passwordCost: 'minimal',
      limits: { unauthenticatedPerAddress: 1_000 },
      plugins: [
        { plugin: broadcastHalf, options: {} },
        { plugin: presenceHalf, options: { windowMs: 1_000, threshold: 3, names: 4 } },
      ],
    })
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy()
    await server.close()
  })
  const join = async (user: string): Promise<BareClient> => {
    const client = await BareClient.connect(server.address.port, { plugins: { broadcast: 1, presence: 1 } })
    clients.push(client)
    await client.register(user)
    return client
  }
  interface Notice {
    joined?: { count: number; users: string[] }
  }
  const noticesOf = ({ heard }: BareClient): Notice[] =>
    heard.filter(({ plugin }) => plugin === 'presence').map(({ payload }) => payload as Notice)
  const joinedOf = (client: BareClient): number =>
    noticesOf(client).reduce((sum, { joined }) => sum + (joined?.count ?? 0), 0)

  it('are told to whoever was there in a few notices that name some and count all, and hear a broadcast, all of them', async () => {
    const early = await join('early')
    const begun = Date.now()
    await Promise.all(Array.from({ length: 100 }, (_, i) => join(`user-${i}`)))
    while (joinedOf(early) < 100) await new Promise((resolve) => setTimeout(resolve, 20))
    const windows = Math.floor((Date.now() - begun) / 1_000) + 1
    expect(joinedOf(early)).to.equal(100)
    expect(noticesOf(early).length).to.be.at.most(4 * windows)
    for (const { joined } of noticesOf(early)) expect(joined!.users.length).to.be.at.most(4)

    const receipt = await early.say('broadcast', 'say', { text: 'hello' })
    expect(receipt).to.deep.include({ delivered: { connections: 100, users: 100 }, missed: 0, without: 0 })
    for (const client of clients.slice(1))
      expect(client.heard.filter(({ plugin }) => plugin === 'broadcast')).to.have.length(1)

    for (const client of clients.splice(1)) client.destroy()
    const left = (): number =>
      noticesOf(early).reduce((sum, notice) => sum + ((notice as { left?: { count: number } }).left?.count ?? 0), 0)
    while (left() < 100) await new Promise((resolve) => setTimeout(resolve, 20))
    const { people } = (await early.say('presence', 'who', {})) as { people: Array<{ user: string }> }
    expect(people.map(({ user }) => user)).to.deep.equal(['early'])
    const plugins = (await server.status()).plugins
    expect(plugins.map(({ faults }) => faults)).to.deep.equal([0, 0])
  })
})
