import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { createServer } from '../../../src/core/index.ts'
import { UdpEndpoint } from '../../../src/core/io/link-endpoint.ts'
import { dialRelayLeg, type RelayLeg, type RelayLegOptions } from '../../../src/core/io/relay-leg.ts'
import { MsgError } from '../../../src/core/errors.ts'
import type { Server } from '../../../src/core/server/api.ts'
import { expectRejects } from '../../helpers/errors.ts'
import { relayed } from '../../helpers/relay-lab.ts'
import { RelayPerson, udpSocket, until } from '../../helpers/relay-people.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('a leg of the relay, as clients dial it', () => {
  let server: Server
  let alice: RelayPerson
  let got: Uint8Array[]
  let closed: number
  const legs: RelayLeg[] = []

  const dial = async (over: Partial<RelayLegOptions> = {}): Promise<RelayLeg | undefined> => {
    const leg = await dialRelayLeg({
      address: { host: '127.0.0.1', port: server.address.port },
      verify: () => {},
      token: alice.token,
      onDatagram: (datagram) => void got.push(Buffer.from(datagram)),
      onClosed: () => void closed++,
      ...over,
    })
    if (leg) legs.push(leg)
    return leg
  }
  const start = async (relay: boolean): Promise<void> => {
    server = await createServer({ dataDir: tempDir(), host: '127.0.0.1', port: 0, passwordCost: 'minimal', relay })
    alice = await RelayPerson.join(server, 'alice')
  }
  beforeEach(async () => {
    got = []
    closed = 0
    await start(true)
  })
  afterEach(async () => {
    for (const leg of legs.splice(0)) leg.close()
    alice.leave()
    await server.close()
    removeTempDirs()
  })

  it('carries datagrams both ways and says when it is over', async () => {
    const bob = await RelayPerson.join(server, 'bob')
    const channel = (await alice.meet(bob)).channel!
    const leg = (await dial())!
    leg.send(relayed(channel, 40))
    await until('at bob', () => bob.got.length === 1)
    bob.send(relayed(channel, 1_452))
    await until('at alice', () => got.length === 1)
    expect(got[0]!.byteLength).to.equal(1_452)
    alice.client.destroy()
    await until('the end', () => closed === 1)
    leg.send(relayed(channel))
    bob.leave()
  })

  it('is refused by who is to verify the server, before the token is written', async () => {
    const verify = (fingerprint: string): void => {
      expect(fingerprint).to.equal(server.address.fingerprint)
      throw new MsgError('MSG_ERR_FINGERPRINT_CHANGED', { detail: fingerprint })
    }
    await expectRejects(dial({ verify }), 'MSG_ERR_FINGERPRINT_CHANGED')
    expect((await server.relays()).legs).to.equal(0)
    await expectRejects(dial({ ca: '' }), 'MSG_ERR_SERVER_UNREACHABLE')
  })

  it('is none where the server relays nothing', async () => {
    alice.leave()
    await server.close()
    await start(false)
    expect(await dial()).to.equal(undefined)
  })

  it('is over at once with a token of nobody', async () => {
    await dial({ token: Buffer.alloc(16, 1) })
    await until('the end', () => closed === 1)
  })

  it('carries what an endpoint sends through the relay, while it has one', async () => {
    const { noise } = deviceKey(randomBytes(32))
    const endpoint = await UdpEndpoint.bind({ local: { key: noise, instance: '11'.repeat(16) }, host: '127.0.0.1' })
    const socket = await udpSocket()
    const relay = { host: '127.0.0.1', port: socket.address().port, channel: 'c0'.repeat(8), kind: 'relay' as const }
    const sent: Uint8Array[] = []
    endpoint.useLeg({ send: (datagram) => void sent.push(Buffer.from(datagram)) })
    const listener = { onOpen() {}, onData() {}, onWritable() {}, onClosed() {} }
    const peer = { instance: '22'.repeat(16), key: noise.publicKey }
    endpoint.connect(peer, [relay], listener)
    await until('the leg', () => sent.length > 0)
    endpoint.useLeg(undefined)
    await once(socket, 'message')
    endpoint.handleLegDatagram(relayed(relay.channel))
    await endpoint.close()
    socket.close()
  })
})
