import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Duration, Instant } from '../../src/core/time/instant.ts'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import { FlightQueue } from './flight-queue.ts'
import { Pipe, rebindings, wayBack, type Path, type PipeCounts } from './path.ts'
import { seededRandom } from './random.ts'

/** A way into a relay. IPv4 literals. */
export interface Door {
  /** Where datagrams go; what comes back from there goes to whoever sent first. */
  readonly target: SocketAddress
  /** @default a free port of 127.0.0.1 */
  readonly listen?: SocketAddress
  /** The path's direction is the way back: for tunnels, which speak to a fixed address in both directions. */
  readonly isWayBack?: boolean
}

/** What {@link Relay.open} takes. */
export interface RelayOptions {
  readonly doors: readonly Door[]
  readonly path: Path
  readonly seed: number
}

/** What a relay has done. */
export interface RelayCounts {
  /** When the first datagram came, which is instant 0 of the path: microseconds since 1970. */
  readonly firstAt: number | undefined
  /** From the dialers to the targets, and back. */
  readonly there: Readonly<PipeCounts>
  readonly back: Readonly<PipeCounts>
  /** Datagrams that left more than 1 ms after their time, of all; and the latest of them, microseconds: the emulator's own noise. */
  readonly late: number
  readonly latest: Duration
}

/**
 * A UDP relay that does to real datagrams what {@link Pipe} says. All doors share one pipe per direction, like flows on one link.
 *
 * While something flows it holds the thread and sleeps in steps of {@link TICK}: Node's timers are 1 to 2.5 ms apart, which is
 * coarser than the packets of 100 Mbit/s. So it belongs in a process of its own.
 */
export class Relay {
  readonly #startedAt = Math.round((performance.timeOrigin + performance.now()) * 1_000)
  readonly #startedAtTicks = process.hrtime.bigint()
  readonly #doors: Socket[] = []
  readonly #flows = new Map<string, Flow>()
  readonly #flights = new FlightQueue<Flight>()
  readonly #there: Pipe
  readonly #back: Pipe
  #path: Path
  #firstAt: Instant | undefined
  #lastHeardAt: Instant = 0
  #heardThisTurn = 0
  #isSpinning = false
  #isClosed = false
  #late = 0
  #latest = 0
  #rebindingsDone = 0

  private constructor(path: Path, seed: number) {
    const random = seededRandom(seed)
    this.#path = path
    this.#there = new Pipe(path, random)
    this.#back = new Pipe(wayBack(path), random)
  }

  /** @throws the system's error when a socket cannot be bound. */
  static async open({ doors, path, seed }: RelayOptions): Promise<Relay> {
    const relay = new Relay(path, seed)
    for (const { target, listen = LOOPBACK, isWayBack = false } of doors) {
      const door = await boundSocket(listen)
      const pipes = isWayBack ? { away: relay.#back, home: relay.#there } : { away: relay.#there, home: relay.#back }
      door.on('message', (payload, from) => relay.#handleFromDialer(door, target, pipes, from, payload))
      relay.#doors.push(door)
    }
    return relay
  }

  /** Where to send what should reach each target, in the order of the doors. */
  get addresses(): SocketAddress[] {
    return this.#doors.map((door) => ({ host: door.address().address, port: door.address().port }))
  }

  get counts(): RelayCounts {
    const firstAt = this.#firstAt === undefined ? undefined : this.#firstAt + this.#startedAt
    return { firstAt, there: this.#there.counts, back: this.#back.counts, late: this.#late, latest: this.#latest }
  }

  /** The path is another one from now on; what is on its way arrives as it would have. */
  change(changes: Partial<Path>): void {
    this.#path = { ...this.#path, ...changes }
    this.#there.change(this.#path)
    this.#back.change(wayBack(this.#path))
  }

  /** Gives one side of every flow a new source port, and the address `host` if one is given; the old one is dead. */
  async rebind(side: 'dialer' | 'answerer' = 'dialer', host?: string): Promise<void> {
    await Promise.all(
      [...this.#flows.values()].map((flow) =>
        side === 'dialer' ? this.#openTargetLeg(flow, host) : this.#openDialerLeg(flow, host),
      ),
    )
  }

  close(): void {
    this.#isClosed = true
    for (const door of this.#doors) door.close()
    for (const { toTarget, toDialer } of this.#flows.values()) {
      toTarget?.close()
      if (!this.#doors.includes(toDialer)) toDialer.close()
    }
  }

  /** Since the relay began: only differences to the first datagram matter to the path. */
  get #now(): Instant {
    return Number((process.hrtime.bigint() - this.#startedAtTicks) / 1_000n)
  }

  #handleFromDialer(
    door: Socket,
    target: SocketAddress,
    pipes: Flow['pipes'],
    from: SocketAddressInfo,
    payload: Buffer,
  ): void {
    const key = `${from.address}:${from.port}>${target.host}:${target.port}`
    let flow = this.#flows.get(key)
    if (flow === undefined) {
      flow = { dialer: { host: from.address, port: from.port }, target, pipes, toDialer: door, toTarget: undefined }
      this.#flows.set(key, flow)
      void this.#openTargetLeg(flow)
    }
    // After the answerer's address has changed, its old one is dead.
    if (flow.toDialer === door) this.#carry(flow, 'target', payload)
  }

  async #openTargetLeg(
    flow: Flow,
    host = flow.target.host === LOOPBACK.host ? LOOPBACK.host : '0.0.0.0',
  ): Promise<void> {
    const leg = await boundSocket({ host, port: 0 })
    if (this.#isClosed) return void leg.close()
    leg.on('message', (payload) => {
      if (flow.toTarget === leg) this.#carry(flow, 'dialer', payload)
    })
    flow.toTarget?.close()
    flow.toTarget = leg
  }

  async #openDialerLeg(flow: Flow, host = this.#doors[0]!.address().address): Promise<void> {
    const leg = await boundSocket({ host, port: 0 })
    if (this.#isClosed) return void leg.close()
    leg.on('message', (payload, { address, port }) => {
      if (flow.toDialer !== leg || address !== flow.dialer.host || port !== flow.dialer.port) return
      this.#carry(flow, 'target', payload)
    })
    if (!this.#doors.includes(flow.toDialer)) flow.toDialer.close()
    flow.toDialer = leg
  }

  #carry(flow: Flow, to: 'dialer' | 'target', payload: Buffer): void {
    const pipe = to === 'target' ? flow.pipes.away : flow.pipes.home
    const now = this.#now
    this.#firstAt ??= now
    this.#lastHeardAt = now
    this.#heardThisTurn++
    this.#rebindOnTime(now - this.#firstAt)
    for (const arrival of pipe.carry(now - this.#firstAt, payload)) {
      this.#flights.push(arrival.at + this.#firstAt, { flow, to, payload: arrival.payload })
    }
    if (this.#isSpinning) return
    this.#isSpinning = true
    setImmediate(this.#spin)
  }

  readonly #spin = (): void => {
    const now = this.#now
    this.#deliver(now)
    if (this.#isClosed || (this.#flights.size === 0 && now - this.#lastHeardAt > IDLE)) {
      this.#isSpinning = false
      return
    }
    // More may wait in the sockets than one turn reads: no sleep while they are full.
    if (this.#heardThisTurn < FULL_TURN) Atomics.wait(NEVER, 0, 0, TICK / 1_000)
    this.#heardThisTurn = 0
    setImmediate(this.#spin)
  }

  #deliver(now: Instant): void {
    for (let at = this.#flights.nextAt; at !== undefined && at <= now; at = this.#flights.nextAt) {
      const { flow, to, payload } = this.#flights.pop()!
      this.#latest = Math.max(this.#latest, now - at)
      if (now - at > 1_000) this.#late++
      const socket = to === 'target' ? flow.toTarget : flow.toDialer
      const { host, port } = to === 'target' ? flow.target : flow.dialer
      socket?.send(payload, port, host)
    }
  }

  #rebindOnTime(elapsed: Instant): void {
    const side = this.#path.rebind?.of ?? 'dialer'
    const due = rebindings(this.#path, side, elapsed)
    if (due === this.#rebindingsDone) return
    this.#rebindingsDone = due
    void this.rebind(side)
  }
}

/** One dialer at one door. */
interface Flow {
  readonly dialer: SocketAddress
  readonly target: SocketAddress
  /** From the dialer to the target, and home again. */
  readonly pipes: { readonly away: Pipe; readonly home: Pipe }
  /** The socket whose address the dialer sees: the door, until the answerer was rebound. */
  toDialer: Socket
  /** The socket whose address the target sees. */
  toTarget: Socket | undefined
}

interface Flight {
  readonly flow: Flow
  readonly to: 'dialer' | 'target'
  readonly payload: Uint8Array
}

interface SocketAddressInfo {
  readonly address: string
  readonly port: number
}

async function boundSocket({ host, port }: SocketAddress): Promise<Socket> {
  // Hosts are literals: answering here saves a trip through the resolver for every datagram.
  const socket = createSocket({ type: 'udp4', lookup: (literal, _options, callback) => callback(null, literal, 4) })
  const listening = once(socket, 'listening')
  socket.bind(port, host)
  await listening
  for (const resize of ['setRecvBufferSize', 'setSendBufferSize'] as const) socket[resize](BUFFER_SIZE)
  // Nobody at home is a lost datagram.
  socket.on('error', () => {})
  return socket
}

const LOOPBACK: SocketAddress = { host: '127.0.0.1', port: 0 }
/** Sleep between two looks at sockets and clock, microseconds: about two packets of 1,500 bytes at 100 Mbit/s. */
const TICK: Duration = 250
/** Silence after which the relay waits for sockets without looking at the clock. */
const IDLE: Duration = 20_000
/** Datagrams in one turn that say that more may wait; libuv reads 32 per socket and turn. */
const FULL_TURN = 32
const BUFFER_SIZE = 4 * 1_048_576
/** Nobody ever wakes this: waiting on it is a sleep of less than a millisecond, which Node has no other way to do. */
const NEVER = new Int32Array(new SharedArrayBuffer(4))
