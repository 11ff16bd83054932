import { randomBytes } from 'node:crypto'
import type { Result } from '../control/methods.ts'
import type { ConnectionId } from '../control/state.ts'
import { MsgError } from '../errors.ts'
import { now } from '../io/clock.ts'
import { ANY_HOST } from '../io/listen.ts'
import { publicAddresses } from '../io/own-addresses.ts'
import { RendezvousSocket, type RendezvousSocketOptions } from '../io/rendezvous-socket.ts'
import type { UdpSocket } from '../io/udp-socket.ts'
import { TokenBucket } from '../time/token-bucket.ts'
import { isLoopback, isPrivate, type HostPort } from '../wire/address.ts'

/** What a {@link Rendezvous} is opened with. */
export interface RendezvousDeps {
  /** As the TCP listener was told, and the IP literal it listens at. */
  readonly host: string
  readonly address: string
  /** The first choice for the UDP port; 0 takes any free one. */
  readonly port: number
  /** Whether any other port is as good. */
  readonly isAnyGood: boolean
  readonly probePort: number
  readonly socket: RendezvousSocketOptions
  /** A connection was seen; `spelled` is its address as the system spells it, and `isProven` that it has read there what was sent there. */
  readonly onSeen: (id: ConnectionId, from: HostPort, spelled: HostPort, isProven: boolean) => void
}

/** The server's UDP ports and who is known there: tokens of signed-in connections, how often each may ask, and where. */
export class Rendezvous {
  /** Requests that were answered, of nobody's tokens, and too many. */
  readonly counts = { answered: 0, unknown: 0, rate: 0 }
  readonly #tokens = new Map<string, { readonly id: ConnectionId; readonly budget: TokenBucket }>()
  #isAny = false
  #first: RendezvousSocket | undefined
  #probe: RendezvousSocket | undefined
  readonly #secondProbes: Array<{ readonly host: string; readonly socket: RendezvousSocket }> = []

  /** @throws MSG_ERR_PORT_IN_USE, MSG_ERR_CONFIG_INVALID; what is open then is to be closed */
  async open({ host, address, port, isAnyGood, probePort, socket, onSeen }: RendezvousDeps): Promise<UdpSocket> {
    this.#isAny = host === ANY_HOST
    const onRequest = (token: string, from: HostPort, spelled: HostPort, isProven: boolean): boolean => {
      const id = this.#asking(token)
      if (id !== undefined) onSeen(id, from, spelled, isProven)
      return id !== undefined
    }
    this.#first = await RendezvousSocket.bind(address, port, onRequest, socket).catch((error: unknown) => {
      if (!isAnyGood || !MsgError.is(error) || error.code !== 'MSG_ERR_PORT_IN_USE') throw error
      return RendezvousSocket.bind(address, 0, onRequest, socket)
    })
    this.#probe = await this.#bindProbe(address, probePort)
    if (this.#isAny) await this.#bindSecondProbes()
    return this.#first.socket
  }

  /** The port that is told to clients; 0 before it is open. */
  get port(): number {
    return this.#first?.port ?? 0
  }

  get probePort(): number | undefined {
    return this.#probe?.port
  }

  /** Makes the token by which a connection is known; 32 hex digits. */
  issue(id: ConnectionId): string {
    const token = randomBytes(TOKEN_SIZE).toString('hex')
    this.#tokens.set(token, { id, budget: new TokenBucket(now(), { perSecond: PER_SECOND, burst: BURST }) })
    return token
  }

  /** @returns whose it was. */
  revoke(token: string): ConnectionId | undefined {
    const id = this.ownerOf(token)
    this.#tokens.delete(token)
    return id
  }

  ownerOf(token: string): ConnectionId | undefined {
    return this.#tokens.get(token)?.id
  }

  /** Where else a client that came by the address `local` is answered: at a second address of the same family, and by the other family. */
  elsewhere(local: string): Pick<Result<'login'>['udp'], 'probe' | 'across'> {
    if (!this.#isAny || isLoopback(local)) return {}
    const isV6 = local.includes(':')
    // Behind a NAT the machine's own addresses are not where it is seen.
    const second = isPrivate(local)
      ? undefined
      : this.#secondProbes.find(({ host }) => host !== local && host.includes(':') === isV6)
    const across = publicAddresses()[isV6 ? 'v4' : 'v6'][0]
    return {
      ...(second ? { probe: { host: second.host, port: second.socket.port } } : {}),
      ...(across === undefined ? {} : { across: { host: across, port: this.port } }),
    }
  }

  async close(): Promise<void> {
    for (const socket of [this.#first, this.#probe, ...this.#secondProbes.map((each) => each.socket)])
      await socket?.close()
  }

  /** Answers what it is asked and notes nothing: behind some NATs it sees an address that is good for nobody else. */
  #bindProbe(host: string, port: number): Promise<RendezvousSocket> {
    return RendezvousSocket.bind(host, port, (token) => this.#asking(token) !== undefined)
  }

  /** One more at each of the machine's public addresses, where it has several of a family. */
  async #bindSecondProbes(): Promise<void> {
    const { v4, v6 } = publicAddresses()
    for (const host of [v4, v6].flatMap((hosts) => (hosts.length > 1 ? hosts : []))) {
      // An address may have gone meanwhile.
      const socket = await this.#bindProbe(host, 0).catch(() => undefined)
      if (socket) this.#secondProbes.push({ host, socket })
    }
  }

  /** Whose request that is; `undefined` when it is nobody's, or one too many. */
  #asking(token: string): ConnectionId | undefined {
    const known = this.#tokens.get(token)
    const isInTime = known?.budget.take(now()) === 0
    this.counts[known ? (isInTime ? 'answered' : 'rate') : 'unknown']++
    return isInTime ? known?.id : undefined
  }
}

/** Specification: rendezvous requests of one connection, on all ports together. A client that is not answered sends three in its first second. */
const PER_SECOND = 2
const BURST = 20
/** Specification: bytes of a rendezvous token. */
const TOKEN_SIZE = 16
