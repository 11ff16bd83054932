import { expect } from 'chai'
import { Emitter } from '../../../src/core/client/emitter.ts'
import { Reach } from '../../../src/core/client/reach.ts'
import type { SignedIn } from '../../../src/core/client/sign-in.ts'
import type { Uplink } from '../../../src/core/client/uplink.ts'
import type { LinkEndpoint } from '../../../src/core/transport/endpoint-api.ts'
import type { Observation, RendezvousOptions } from '../../../src/core/transport/rendezvous-client.ts'
import { turns } from '../../helpers/lone-courier.ts'

const SIGNED_IN = {
  udp: { port: 7_788, probePort: 7_789, across: { host: '2001:db8::1', port: 7_788 }, token: '00'.repeat(16) },
} as SignedIn
const SEEN: Observation = { address: { host: '198.51.100.2', port: 4_000 }, mapping: 'endpoint-independent' }

describe('client/reach', () => {
  let told: unknown[]
  let options: RendezvousOptions | undefined
  let observe: (observation: Observation) => void
  let doubts: number
  let legs: number
  let isConnected: boolean
  let reach: Reach

  beforeEach(async () => {
    ;[told, options, doubts, legs, isConnected] = [[], undefined, 0, 0, true]
    const endpoint = {
      address: { host: '::', port: 4_000 },
      rendezvous: (given: RendezvousOptions, onObserved: typeof observe) => {
        options = given
        observe = onObserved
      },
      useLeg: () => {},
      handleNetworkChange: () => {},
    } as unknown as LinkEndpoint
    const uplink = {
      get channel() {
        return isConnected ? { remoteHost: '::ffff:203.0.113.2' } : undefined
      },
      request: async (_method: string, params: { mapping: string }) => void told.push(params.mapping),
      doubt: async (asked: Promise<unknown>) => {
        doubts++
        await asked
      },
      dialLeg: async () => {
        legs++
        return undefined
      },
    } as unknown as Uplink
    const emitter = new Emitter(
      () => {},
      () => {},
    )
    reach = new Reach({ endpoint, emitter, random: () => 0, mapPort: undefined })
    await reach.announce(uplink, SIGNED_IN)
  })
  afterEach(() => reach.close())

  it('asks the server’s first port, its second one, and its address of the other family', () => {
    expect(options).to.deep.include({
      server: { host: '203.0.113.2', port: 7_788 },
      probes: [{ host: '203.0.113.2', port: 7_789 }],
      across: { host: '2001:db8::1', port: 7_788 },
    })
    expect(told).to.deep.equal(['unknown'])
  })

  it('tells the server when what stands before this machine is another thing, and not otherwise', () => {
    observe(SEEN)
    observe(SEEN)
    observe({ ...SEEN, mapping: 'dependent' })
    expect(told).to.deep.equal(['unknown', 'endpoint-independent', 'dependent'])
    expect(doubts).to.equal(0)
  })

  it('doubts the control connection when the server sees another address, or none any more', () => {
    observe(SEEN)
    observe({ ...SEEN, address: { host: '198.51.100.9', port: 4_000 } })
    expect(doubts).to.equal(1)
    observe({ address: undefined, mapping: 'blocked' })
    expect(doubts).to.equal(2)
  })

  it('opens a leg of the relay while UDP is blocked', async () => {
    observe(SEEN)
    await turns()
    expect(legs).to.equal(0)
    observe({ address: undefined, mapping: 'blocked' })
    await turns()
    expect(legs).to.equal(1)
  })

  it('says nothing of UDP while the server itself is away', () => {
    observe({ address: undefined, mapping: 'blocked' })
    expect(reach.mapping).to.equal('blocked')
    isConnected = false
    expect(reach.mapping).to.equal('unknown')
  })
})
