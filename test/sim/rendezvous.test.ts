import { expect } from 'chai'
import type { EndpointEvent } from '../../src/core/transport/endpoint.ts'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import type { Machine, Transmit } from '../../src/core/transport/machine.ts'
import type { MappingBehaviour, Observation } from '../../src/core/transport/rendezvous-client.ts'
import { decodeRequest, encodeResponse } from '../../src/core/wire/rendezvous.ts'
import { forSeeds } from '../helpers/for-seeds.ts'
import { makeEnd } from '../helpers/linked-pair.ts'
import { DEPENDENCES, HOME_NAT, Nat, PORT_ALLOCATIONS, type Dependence, type NatOptions } from '../helpers/nat.ts'
import { Network } from '../helpers/network.ts'
import { PATHS, type Path } from '../helpers/path.ts'
import { seededBytes, seededRandom } from '../helpers/random.ts'
import { s } from '../helpers/time.ts'

/** One port of the server. */
class Port implements Machine<never> {
  asked = 0
  readonly #out: Transmit[] = []

  handleDatagram(_now: number, from: SocketAddress, payload: Uint8Array): void {
    const token = decodeRequest(payload)
    if (!token) return
    this.asked++
    const answer = encodeResponse(token, from)
    expect(answer.byteLength, 'bytes of an answer').to.be.at.most(payload.byteLength)
    this.#out.push({ to: from, payload: answer })
  }

  handleTimeout(): void {}
  pollTransmit = (): Transmit | undefined => this.#out.shift()
  pollTimeout = (): undefined => undefined
  pollEvent = (): undefined => undefined
}

interface Site {
  readonly path: Path
  readonly seed: number
  /** @default no NAT */
  readonly nat?: Partial<NatOptions>
  /** @default IPv4 */
  readonly isV6?: boolean
}

/** A client that keeps a server told of its socket, from instant 0 on. */
class Observed {
  readonly network: Network<EndpointEvent>
  readonly first = new Port()
  readonly probe = new Port()
  readonly nat: Nat | undefined
  /** Every change that was told. */
  readonly told: Observation[] = []

  constructor({ path, seed, nat, isV6 = false }: Site) {
    const random = seededRandom(seed * 7_919)
    const client = makeEnd('client', seededBytes(random))
    const own = { host: isV6 ? '2001:db8:b0::10' : '192.168.1.10', port: 4_000 }
    const server = { host: isV6 ? '2001:db8:5::2' : '203.0.113.2', port: 7_788 }
    const probePort = 7_789
    this.network = new Network<EndpointEvent>(path, seed, (_, event) => {
      if (event.type === 'observed') this.told.push(event.observation)
    })
    this.nat = nat && new Nat({ ...HOME_NAT, address: '198.51.100.2', ...nat }, random)
    this.network.add('client', client.endpoint)
    this.network.add('first', this.first as unknown as Machine<EndpointEvent>)
    this.network.add('probe', this.probe as unknown as Machine<EndpointEvent>, 'first')
    this.network.place('client', own, this.nat)
    this.network.place('first', server)
    this.network.place('probe', { ...server, port: probePort })
    const isOwn = ({ host, port }: SocketAddress): boolean => host === own.host && port === own.port
    client.endpoint.rendezvous(0, {
      server,
      probes: [{ ...server, port: probePort }],
      token: Buffer.alloc(16, 7),
      isOwn,
    })
  }

  get mapping(): MappingBehaviour | undefined {
    return this.told.at(-1)?.mapping
  }
}

/** A fifth is lost, and some come twice. Answers are not sealed: UDP's checksum is what keeps changed ones out. */
const LOSSY = { ...PATHS.LOSSY_WAN, corrupt: 0 }

/** What two ports of one address can tell: a NAT that tells addresses apart, and not ports, looks as if it told nothing apart. */
const EXPECTED: Readonly<Record<Dependence, MappingBehaviour>> = {
  'endpoint-independent': 'endpoint-independent',
  'address-dependent': 'endpoint-independent',
  'address-and-port-dependent': 'dependent',
}

describe('sim: what two ports of the server tell of a NAT', () => {
  forSeeds(
    import.meta.url,
    'every mapping, filtering and way to find ports is told right, though datagrams get lost',
    20,
    (seed) => {
      for (const mapping of DEPENDENCES)
        for (const filtering of DEPENDENCES)
          for (const ports of PORT_ALLOCATIONS)
            for (const hairpins of [false, true]) {
              const nat = { mapping, filtering, ports, hairpins }
              const observed = new Observed({ path: LOSSY, seed, nat })
              observed.network.run(() => observed.mapping === EXPECTED[mapping], s(180))
              observed.network.pass(s(60))
              // Silence may be told while too much is lost; what is wrong never.
              const right = ['unknown', 'blocked', EXPECTED[mapping]]
              const wrong = observed.told.filter((each) => !right.includes(each.mapping))
              expect(wrong, JSON.stringify(nat)).to.deep.equal([])
            }
    },
  )

  forSeeds(import.meta.url, 'a NAT that forgets before the client asks again is told right each time', 20, (seed) => {
    for (const mapping of DEPENDENCES) {
      const nat = { mapping, ports: 'random', timeout: s(20) } as const
      const observed = new Observed({ path: PATHS.DSL, seed, nat })
      observed.network.pass(s(120))
      expect(observed.mapping).to.equal(EXPECTED[mapping])
      const addresses = observed.told.flatMap(({ address }) => address?.port ?? [])
      expect(new Set(addresses).size, 'outer ports in two minutes').to.be.within(4, 6)
    }
  })

  it('knows within two round trips, with one datagram to the second port', () => {
    const observed = new Observed({ path: PATHS.DSL, seed: 1, nat: {} })
    observed.network.run(() => observed.mapping === 'endpoint-independent', s(1))
    expect(observed.network.now).to.be.at.most(2 * 2 * PATHS.DSL.delay + 1_000)
    observed.network.pass(s(300))
    expect(observed.told).to.have.lengthOf(2)
    expect([observed.first.asked, observed.probe.asked]).to.deep.equal([12, 1])
  })

  for (const isV6 of [false, true])
    it(`sees that there is no NAT over IPv${isV6 ? 6 : 4}, and asks no second port`, () => {
      const observed = new Observed({ path: PATHS.DSL, seed: 1, isV6 })
      observed.network.pass(s(60))
      expect(observed.told).to.have.lengthOf(1)
      expect(observed.mapping).to.equal('none')
      expect(observed.probe.asked).to.equal(0)
    })

  it('is blocked within two seconds when nothing comes back, and sees again when something does', () => {
    const observed = new Observed({ path: { ...PATHS.DSL, outage: [0, s(60)] }, seed: 1, nat: {} })
    observed.network.pass(s(2))
    expect(observed.told).to.deep.equal([{ address: undefined, mapping: 'blocked' }])
    observed.network.pass(s(88))
    expect(observed.mapping).to.equal('endpoint-independent')
  })

  it('sees another address after the router’s power cut', () => {
    const observed = new Observed({
      path: PATHS.DSL,
      seed: 1,
      nat: { ports: 'sequential', mapping: 'address-and-port-dependent' },
    })
    observed.network.pass(s(10))
    const before = observed.told.at(-1)
    observed.nat!.forget()
    observed.network.pass(s(30))
    expect(observed.mapping).to.equal('dependent')
    expect(observed.told.at(-1)?.address).to.not.deep.equal(before?.address)
  })
})
