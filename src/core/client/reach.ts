import type { LinkEndpoint, SocketAddress } from '../transport/endpoint-api.ts'
import type { MappingBehaviour, Observation } from '../transport/rendezvous-client.ts'
import { formatAddress, normalizeHost } from '../wire/address.ts'
import type { NetworkStatus } from './api.ts'
import type { Emitter } from './emitter.ts'
import { hostAddresses, isOwnHost } from './hosts.ts'
import { LegKeeper } from './leg-keeper.ts'
import { MappedPort, type MapPort } from './mapped-port.ts'
import { NetworkWatch } from './network-watch.ts'
import type { SignedIn } from './sign-in.ts'
import type { Uplink } from './uplink.ts'

/** What {@link Reach} is built with. */
export interface ReachDeps {
  readonly endpoint: LinkEndpoint
  readonly emitter: Emitter
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Opens a port of the router. @default it is not asked */
  readonly mapPort: MapPort | undefined
}

/** Where the server's UDP port is, and its relay; `undefined` when the connection is lost already. */
export function udpAddressOf(uplink: Uplink, { udp }: SignedIn): SocketAddress | undefined {
  const host = uplink.channel?.remoteHost
  return host === undefined ? undefined : { host: normalizeHost(host), port: udp.port }
}

const isSameHost = (a: SocketAddress, b: SocketAddress | undefined): boolean => a.host === b?.host

/** Keeps this machine within reach of others: the server told of where it is, a leg of the relay open while UDP is blocked, changes of the network noticed. */
export class Reach {
  readonly #endpoint: LinkEndpoint
  readonly #leg: LegKeeper
  readonly #mappedPort: MappedPort | undefined
  readonly #watch: NetworkWatch
  #uplink: Uplink | undefined
  #observation: Observation = { address: undefined, mapping: 'unknown' }

  constructor({ endpoint, emitter, random, mapPort }: ReachDeps) {
    this.#endpoint = endpoint
    this.#leg = new LegKeeper(endpoint, random)
    this.#mappedPort = mapPort && new MappedPort({ mapPort, emitter, port: endpoint.address.port })
    this.#watch = new NetworkWatch(() => {
      endpoint.handleNetworkChange()
      this.#checkUplink()
    })
  }

  /** Signed in: from now on the server is told. */
  async announce(uplink: Uplink, signedIn: SignedIn): Promise<void> {
    const server = udpAddressOf(uplink, signedIn)
    if (!server) return
    const { udp } = signedIn
    const { port } = this.#endpoint.address
    const token = Buffer.from(udp.token, 'hex')
    this.#uplink = uplink
    this.#leg.renew((on) => uplink.dialLeg({ ...on, token }))
    this.#endpoint.rendezvous(
      {
        server,
        probes: [
          ...(udp.probe ? [udp.probe] : []),
          ...(udp.probePort === undefined ? [] : [{ host: server.host, port: udp.probePort }]),
        ],
        ...(udp.across ? { across: udp.across } : {}),
        token,
        isOwn: (address) => address.port === port && isOwnHost(address.host),
      },
      (observation) => this.#handleObserved(observation),
    )
    this.#mappedPort?.start(() => this.#tellAgain())
    await this.#tell()
  }

  /** How the server sees this machine's UDP socket. */
  get network(): NetworkStatus {
    const { mapping, address } = this.#observation
    return { mapping, address: address ? formatAddress(address) : null }
  }

  /** What stands before this machine. That a server does not answer which is away says nothing of UDP. */
  get mapping(): MappingBehaviour {
    const { mapping } = this.#observation
    return mapping === 'blocked' && !this.#uplink?.channel ? 'unknown' : mapping
  }

  async close(): Promise<void> {
    this.#watch.close()
    this.#leg.close()
    await this.#mappedPort?.close()
  }

  #handleObserved(observation: Observation): void {
    const before = this.#observation
    this.#observation = observation
    this.#leg.isWanted = observation.mapping === 'blocked'
    const isElsewhere = before.address !== undefined && !isSameHost(before.address, observation.address)
    if (isElsewhere) this.#checkUplink()
    else if (observation.mapping !== before.mapping) this.#tellAgain()
  }

  /** What lost its way for UDP may have lost it for TCP, which would notice after minutes. */
  #checkUplink(): void {
    void this.#uplink?.doubt(this.#tell())
  }

  /** Without a connection it is told at the next sign-in. */
  #tellAgain(): void {
    this.#tell().catch(() => {})
  }

  /** Tells the server what it cannot see: this machine's own addresses, how it is mapped, and the port its router opened. */
  async #tell(): Promise<void> {
    await this.#uplink?.request('udp.hosts', {
      addresses: hostAddresses(this.#endpoint.address.port),
      mapping: this.#observation.mapping,
      ...this.#mappedPort?.hosts,
    })
  }
}
