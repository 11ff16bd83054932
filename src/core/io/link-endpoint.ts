import { randomBytes } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { CONTROLLERS, type Congestion } from '../transport/congestion/controllers.ts'
import type { LocalIdentity } from '../transport/connection/handshake.ts'
import type {
  Candidate,
  Link,
  LinkEndpoint,
  LinkListener,
  PeerIdentity,
  SocketAddress,
  SocketBuffers,
} from '../transport/endpoint-api.ts'
import { EndpointMachine } from '../transport/endpoint.ts'
import type { Transmit } from '../transport/machine.ts'
import type { Observation, RendezvousOptions } from '../transport/rendezvous-client.ts'
import { LOCAL_PARAMETERS } from '../transport/transport-parameters.ts'
import { now as clock } from './clock.ts'
import { DatagramPool } from './datagram-pool.ts'
import { DatagramRun } from './datagram-run.ts'
import { EndpointLinks } from './endpoint-links.ts'
import { isNear } from './near.ts'
import { SocketFan } from './socket-fan.ts'
import { UdpSocket } from './udp-socket.ts'

/** What {@link UdpEndpoint.bind} takes. */
export interface UdpEndpointOptions {
  readonly local: LocalIdentity
  /** IP literal. @default every address */
  readonly host?: string
  /** @default any free one */
  readonly port?: number
  /** Congestion control. @default 'bbr' */
  readonly congestion?: Congestion
  /** Largest datagram to send, bytes of UDP payload. @default as the path allows */
  readonly maxDatagramSize?: number
  /** Lets the system cut and join datagrams where it can. @default true */
  readonly offload?: boolean
}

/**
 * Runs an {@link EndpointMachine} on a real socket and clock: one socket, one timer.
 *
 * Everything that arrives or is written in one turn of the event loop is answered at its end, together.
 */
export class UdpEndpoint implements LinkEndpoint {
  readonly #socket: UdpSocket
  readonly #machine: EndpointMachine
  readonly #pool = new DatagramPool()
  readonly #run: DatagramRun
  readonly #links: EndpointLinks
  #fan: SocketFan | undefined
  /** The server's address, as the machine knows it. */
  #server: SocketAddress | undefined
  #leg: { send(datagram: Uint8Array): void } | undefined
  #onObserved: (observation: Observation) => void = () => {}
  #timer: NodeJS.Timeout | undefined
  #timerAt = Infinity
  #isDrainScheduled = false
  #isClosed = false

  private constructor(socket: UdpSocket, { local, congestion = 'bbr', maxDatagramSize }: UdpEndpointOptions) {
    this.#socket = socket
    this.#run = new DatagramRun(socket, this.#pool)
    this.#machine = new EndpointMachine({
      now: clock(),
      local: { ...local, parameters: { ...LOCAL_PARAMETERS, receiveBuffer: socket.receiveBuffer } },
      random: randomBytes,
      isNear,
      createController: CONTROLLERS[congestion],
      ...(maxDatagramSize === undefined ? {} : { maxDatagramSize }),
      ...(TRACES.hasSubscribers ? { trace: (event) => TRACES.publish(event) } : {}),
      allocate: (length) => this.#pool.take(length),
    })
    this.#links = new EndpointLinks({ machine: this.#machine, now: clock, onTouched: () => this.#scheduleDrain() })
    socket.onDatagram((from, bytes) => {
      this.#machine.handleDatagram(clock(), from, bytes)
      this.#scheduleDrain()
    })
  }

  /** @throws the system's error when the address cannot be bound. */
  static async bind(options: UdpEndpointOptions): Promise<UdpEndpoint> {
    return new UdpEndpoint(await UdpSocket.bind(options), options)
  }

  /** On a socket that others listen to as well; it is closed with the endpoint. */
  static over(socket: UdpSocket, options: Omit<UdpEndpointOptions, 'host' | 'port' | 'offload'>): UdpEndpoint {
    return new UdpEndpoint(socket, options)
  }

  get address(): SocketAddress {
    return this.#socket.address
  }

  get buffers(): SocketBuffers {
    return this.#socket.buffers
  }

  connect(peer: PeerIdentity, candidates: readonly Candidate[], listener: LinkListener): Link {
    return this.#links.connect(peer, candidates, listener)
  }

  expect(peer: PeerIdentity, listener: LinkListener, candidates: readonly Candidate[] = []): void {
    this.#links.expect(peer, listener, candidates)
  }

  guide(instance: string, candidates: readonly Candidate[]): void {
    this.#links.guide(instance, candidates)
  }

  forget(instance: string): void {
    this.#links.forget(instance)
  }

  guess(instance: string, side: 'sockets' | 'ports', at: SocketAddress): void {
    const sockets = this.#machine.guess(clock(), instance, side, at)
    if (sockets > 0) this.#openFan(sockets)
    this.#scheduleDrain()
  }

  rendezvous(options: RendezvousOptions, onObserved: (observation: Observation) => void): void {
    this.#onObserved = onObserved
    this.#server = options.server
    this.#machine.rendezvous(clock(), options)
    this.#scheduleDrain()
  }

  handleNetworkChange(): void {
    this.#machine.handleNetworkChange(clock())
    this.#scheduleDrain()
  }

  useLeg(leg: { send(datagram: Uint8Array): void } | undefined): void {
    this.#leg = leg
  }

  handleLegDatagram(datagram: Uint8Array): void {
    if (!this.#server || this.#isClosed) return
    this.#machine.handleDatagram(clock(), this.#server, datagram)
    this.#scheduleDrain()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#links.close()
    this.#drain()
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#fan?.close()
    await this.#socket.close()
  }

  #scheduleDrain(): void {
    if (this.#isDrainScheduled || this.#isClosed) return
    this.#isDrainScheduled = true
    setImmediate(() => {
      this.#isDrainScheduled = false
      if (!this.#isClosed) this.#drain()
    })
  }

  #drain(): void {
    let now = clock()
    // A timer may be due at once, and what it does may be due at once again, but never for long.
    for (let i = 0; i < MAX_ROUNDS; i++) {
      this.#tell()
      this.#transmit(now)
      now = clock()
      const at = this.#machine.pollTimeout()
      if (at === undefined || at > now) break
      this.#machine.handleTimeout(now)
    }
    this.#tell()
    this.#setTimer(now)
  }

  #transmit(now: number): void {
    for (let sent = 0; sent < MAX_BURST; sent++) {
      const transmit = this.#machine.pollTransmit(now)
      if (transmit === undefined) return this.#run.flush()
      this.#hand(transmit)
    }
    this.#run.flush()
    // More waits, but what arrived meanwhile goes first.
    this.#scheduleDrain()
  }

  #hand({ to, payload, ttl }: Transmit): void {
    if (ttl !== undefined) {
      this.#run.flush()
      this.#socket.sendNear(to, payload, ttl)
    } else if (to.socket !== undefined) {
      this.#pool.hold(payload)
      this.#fan?.send(to, payload, () => this.#pool.give(payload))
    } else if (this.#leg && to.channel !== undefined) this.#leg.send(payload)
    else this.#run.add(to, payload)
  }

  #openFan(count: number): void {
    this.#fan ??= new SocketFan((from, bytes) => {
      this.#machine.handleDatagram(clock(), from, bytes)
      this.#scheduleDrain()
    })
    this.#fan.open(count, (socket) => [...this.#machine.links].some((link) => link.stats().remote.socket === socket))
  }

  #tell(): void {
    for (let event = this.#machine.pollEvent(); event !== undefined; event = this.#machine.pollEvent()) {
      if (event.type === 'observed') this.#onObserved(event.observation)
      else this.#links.handleEvent(event)
    }
  }

  #setTimer(now: number): void {
    const at = this.#machine.pollTimeout() ?? Infinity
    if (at === this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    if (at === Infinity) return
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Infinity
        this.#machine.handleTimeout(clock())
        this.#drain()
      },
      Math.min((at - now) / 1_000, MAX_TIMER),
    )
  }
}

/** Where links tell of their inner life ({@link TraceEvent}), if anybody listens when the endpoint is bound. */
const TRACES = channel('msg.link')
/** Datagrams sent before received ones get their turn. */
const MAX_BURST = 256
/** Rounds of timers in one drain; what is left waits for the next turn. */
const MAX_ROUNDS = 4
/** Longest Node timer, milliseconds: it only re-arms. */
const MAX_TIMER = 60_000
