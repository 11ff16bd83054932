import type { Instant } from '../../src/core/time/instant.ts'
import type { EndpointEvent } from '../../src/core/transport/endpoint.ts'
import type { Candidate, LinkStats, SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import type { LinkMachine } from '../../src/core/transport/link-machine.ts'
import type { Machine, Transmit } from '../../src/core/transport/machine.ts'
import type { Observation } from '../../src/core/transport/rendezvous-client.ts'
import { isSameAddress } from '../../src/core/transport/socket-address.ts'
import { readRelayed } from '../../src/core/wire/relay.ts'
import { decodeRequest, encodeResponse } from '../../src/core/wire/rendezvous.ts'
import { makeEnd, record, type End } from './linked-pair.ts'
import { HOME_NAT, Nat, type NatOptions } from './nat.ts'
import { Network } from './network.ts'
import type { Path } from './path.ts'
import { seededBytes, seededRandom } from './random.ts'

/** A server's UDP port: tells clients where it sees them, and passes on what comes by the one channel there is. */
class MeetingPoint implements Machine<never> {
  /** Where each client was last seen, by the first byte of its token. */
  readonly seen = new Map<number, SocketAddress>()
  /** Bytes passed on. */
  relayed = 0
  isRelaying = true
  readonly #out: Transmit[] = []

  handleDatagram(_now: Instant, from: SocketAddress, payload: Uint8Array): void {
    const token = decodeRequest(payload)
    if (token) {
      this.seen.set(token[0]!, from)
      this.#out.push({ to: from, payload: encodeResponse(token, from) })
      return
    }
    if (!this.isRelaying || readRelayed(payload)?.channel !== CHANNEL) return
    const ends = [...this.seen.values()]
    const to = ends.find((end) => !isSameAddress(end, from))
    if (!to || !ends.some((end) => isSameAddress(end, from))) return
    this.relayed += payload.byteLength
    this.#out.push({ to, payload: Uint8Array.from(payload) })
  }

  handleTimeout(): void {}
  pollTransmit = (): Transmit | undefined => this.#out.shift()
  pollTimeout = (): undefined => undefined
  pollEvent = (): undefined => undefined
}

/** Where somebody is. */
export interface Place {
  /** @default none: a public address of its own */
  readonly nat?: Partial<NatOptions> | 'the same'
  /** @default one that nobody else has */
  readonly host?: string
}

/** Two people, `a` who dials and `b`, each wherever they are, and the server that both know. */
export class Meeting {
  readonly network: Network<EndpointEvent>
  readonly server = new MeetingPoint()
  readonly a: End
  readonly b: End
  readonly nats: Nat[] = []
  /** Paths that the links took, in order, by who told. */
  readonly moves: Record<'a' | 'b', LinkStats[]> = { a: [], b: [] }
  readonly #observed = new Map<string, Observation>()
  /** The stream that each end speaks on. */
  readonly #words = new Map<End, number>()

  constructor(path: Path, seed: number, places: { readonly a: Place; readonly b: Place }) {
    const random = seededRandom(seed * 7_919)
    this.network = new Network(path, seed, (host, event) => this.#onEvent(host, event))
    this.a = makeEnd('a', seededBytes(random))
    this.b = makeEnd('b', seededBytes(random))
    this.network.add('server', this.server as unknown as Machine<EndpointEvent>)
    this.network.place('server', SERVER)
    for (const [i, end] of [this.a, this.b].entries()) {
      const { nat, host = nat ? `192.168.1.${10 + i}` : `192.0.2.${2 + i}` } = places[end.host as 'a' | 'b']
      const own = { host, port: 4_000 + i }
      this.network.add(end.host, end.endpoint)
      this.network.place(end.host, own, this.#nat(nat, i, random))
      const isOwn = (address: SocketAddress): boolean => isSameAddress(address, own)
      end.endpoint.rendezvous(0, {
        server: SERVER,
        probes: [{ host: SERVER.host, port: PROBE_PORT }],
        token: Buffer.alloc(16, i + 1),
        isOwn,
      })
    }
  }

  /** Waits until the server has seen both, then introduces them. */
  introduce(): this {
    this.network.run(() => this.server.seen.size === 2, 30_000_000)
    this.b.endpoint.expect({ instance: this.a.instance, key: this.a.key })
    this.b.endpoint.guide(this.network.now, this.a.instance, this.candidates('a'))
    const peer = { instance: this.b.instance, key: this.b.key }
    this.a.link = this.a.endpoint.connect(this.network.now, peer, this.candidates('b'))
    return this
  }

  /** Where that one may be reached, as the server would tell. */
  candidates(who: 'a' | 'b'): Candidate[] {
    const index = who === 'a' ? 0 : 1
    const observed = this.server.seen.get(index + 1)!
    const inner = { host: `192.168.1.${10 + index}`, port: 4_000 + index }
    const isBehindNat = observed.host.startsWith('198.51.100.')
    const areTogether = new Set([...this.server.seen.values()].map(({ host }) => host)).size === 1
    return [
      { ...observed, kind: isBehindNat ? 'observed' : 'open' },
      ...(areTogether ? [{ ...inner, kind: 'host' as const }] : []),
      ...(this.server.isRelaying ? [{ ...SERVER, channel: CHANNEL, kind: 'relay' as const }] : []),
    ]
  }

  /** Cuts what goes straight from one to the other, or what goes by the server. */
  cut(what: 'direct' | 'relay' | 'nothing'): void {
    this.network.isCut = (from, to) => {
      if (what === 'nothing') return false
      return [from, to].some(({ host }) => host === SERVER.host) === (what === 'relay')
    }
  }

  /** The link's paths, as both ends use them now. */
  get paths(): string {
    return [this.a, this.b].map(({ link }) => link?.stats().path).join(' ')
  }

  /** Does something to one end's link; nothing where it is not open. */
  act(end: End, what: (link: LinkMachine) => void): void {
    if (end.link?.state !== 'open') return
    what(end.link)
    end.endpoint.touch(end.link)
  }

  /** A word of 100 bytes, on a stream of that end's own. */
  say(end: End): void {
    this.act(end, ({ connection }) => {
      const streams = connection!.streams
      if (!this.#words.has(end)) this.#words.set(end, streams.open(0))
      streams.write(this.#words.get(end)!, Buffer.alloc(100))
    })
  }

  write(end: End, bytes: Uint8Array): number {
    const taken = end.link!.connection!.streams.write(0, bytes)
    end.endpoint.touch(end.link!)
    return taken
  }

  #nat(options: Place['nat'], index: number, random: () => number): Nat | undefined {
    if (options === undefined) return undefined
    const nat =
      options === 'the same'
        ? this.nats[0]!
        : new Nat({ ...HOME_NAT, address: `198.51.100.${2 + 4 * index}`, ...options }, random)
    this.nats.push(nat)
    return nat
  }

  #onEvent(host: string, event: EndpointEvent): void {
    if (event.type === 'observed') this.#observed.set(host, event.observation)
    const end = host === 'a' ? this.a : this.b
    record(end, event)
    if (event.type === 'link' && event.event.type === 'moved') this.moves[host as 'a' | 'b'].push(event.link.stats())
  }
}

const SERVER = { host: '203.0.113.2', port: 7_788 }
/** Nobody answers there. */
const PROBE_PORT = 7_789
export const CHANNEL = '00112233aabbccdd'
