import type { Duration, Instant } from '../../src/core/time/instant.ts'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import type { Machine } from '../../src/core/transport/machine.ts'
import { FlightQueue } from './flight-queue.ts'
import type { Nat } from './nat.ts'
import { Pipe, rebindings, wayBack, type Path } from './path.ts'
import { seededRandom } from './random.ts'

export { onAndOff, PATHS, type Path } from './path.ts'

interface Flight {
  readonly from: SocketAddress
  readonly to: SocketAddress
  readonly payload: Uint8Array
  /** Behind which NAT it travels, and is understood; `undefined` for the network everybody shares. */
  readonly within: Nat | undefined
}

interface Node<Event> {
  readonly machine: Machine<Event>
  readonly side: 'dialer' | 'answerer'
  readonly pipe: Pipe
  /** Its own; behind a NAT, what the others there know it by. */
  address: SocketAddress
  nat: Nat | undefined
  /** Scheduled rebindings done. */
  rebindings: number
}

/**
 * Machines at addresses, joined by one path, in virtual time: no sockets, no timers; the same seed gives the same run.
 *
 * The first node added is the path's dialer; every other one answers, and sends on the way back.
 * Nodes may be put behind a {@link Nat}, several behind the same one.
 */
export class Network<Event> {
  now: Instant = 0
  /** Every datagram as it left, before the path did anything to it. */
  readonly recorded: Array<{ from: SocketAddress; to: SocketAddress; payload: Uint8Array }> = []
  /** What gets lost on its way between two addresses, as the network everybody shares sees them. @default nothing */
  isCut: (from: SocketAddress, to: SocketAddress) => boolean = () => false
  #path: Path
  readonly #random: () => number
  readonly #nodes = new Map<string, Node<Event>>()
  /** For datagrams injected from nowhere. */
  readonly #strangers: Pipe
  readonly #flights = new FlightQueue<Flight>()
  readonly #onEvent: (node: string, event: Event) => void

  constructor(path: Path, seed: number, onEvent: (node: string, event: Event) => void = () => {}) {
    this.#path = path
    this.#random = seededRandom(seed)
    this.#strangers = new Pipe(path, this.#random)
    this.#onEvent = onEvent
  }

  get path(): Path {
    return this.#path
  }

  /** What was sent, copies not counted, and what did not arrive, copies counted. */
  get counts(): { readonly sent: number; readonly dropped: number; readonly bytes: number } {
    const total = { sent: 0, dropped: 0, bytes: 0 }
    for (const { counts } of new Set([this.#strangers, ...[...this.#nodes.values()].map(({ pipe }) => pipe)])) {
      total.sent += counts.sent
      total.bytes += counts.bytes
      total.dropped += counts.lost + counts.overflowed + counts.tooLarge + counts.cut
    }
    return total
  }

  /** The direction away from `host`. */
  pipe(host: string): Pipe | undefined {
    return this.#nodes.get(host)?.pipe
  }

  /** @param via - a node whose pipe this one shares, and so its rate and its queue. @default none: a pipe of its own */
  add(host: string, machine: Machine<Event>, via?: string): void {
    const shared = via === undefined ? undefined : this.#nodes.get(via)
    const side = shared?.side ?? (this.#nodes.size === 0 ? 'dialer' : 'answerer')
    const pipe = shared?.pipe ?? new Pipe(side === 'dialer' ? this.#path : wayBack(this.#path), this.#random)
    this.#nodes.set(host, { machine, side, pipe, address: { host, port: 1 }, nat: undefined, rebindings: 0 })
  }

  /** From now on `host` has that address, and is behind `nat` if one is given: then only others there reach it by that address. */
  place(host: string, address: SocketAddress, nat?: Nat): void {
    const node = this.#nodes.get(host)
    if (!node) return
    node.nat = nat
    node.address = address
  }

  /** The machine is gone without a word, as after a crash. */
  remove(host: string): void {
    this.#nodes.delete(host)
  }

  /** The path is another one from now on; what is on its way arrives as it would have. */
  change(changes: Partial<Path>): void {
    this.#path = { ...this.#path, ...changes }
    for (const { side, pipe } of this.#nodes.values()) pipe.change(side === 'dialer' ? this.#path : wayBack(this.#path))
  }

  /** From now on `host` is seen at another port, and perhaps at another address; its old one is dead. */
  rebind(host: string, seenAs?: string): void {
    const node = this.#nodes.get(host)
    if (node) node.address = { host: seenAs ?? node.address.host, port: node.address.port + 1 }
  }

  /** Puts a datagram on the path as if `from` had sent it. */
  inject(from: SocketAddress, to: SocketAddress, payload: Uint8Array): void {
    this.#fly(this.#nodes.get(from.host)?.pipe ?? this.#strangers, { from, to, within: undefined }, payload)
  }

  /**
   * Runs until `isDone`, or until nothing can happen any more.
   *
   * @throws when virtual time passes `limit` first: something is stuck.
   */
  run(isDone: () => boolean, limit: Duration): void {
    const deadline = this.now + limit
    for (const node of this.#nodes.entries()) this.#drain(...node)
    while (!isDone()) {
      if (!this.#step(deadline)) throw new Error(`stuck: not done after ${limit / 1_000} ms of virtual time`)
    }
  }

  /** Lets `duration` pass. */
  pass(duration: Duration): void {
    const until = this.now + duration
    for (const node of this.#nodes.entries()) this.#drain(...node)
    while (this.#step(until));
    this.now = until
  }

  #step(deadline: Instant): boolean {
    let timer: { host: string; node: Node<Event>; at: Instant } | undefined
    for (const [host, node] of this.#nodes) {
      const at = node.machine.pollTimeout()
      if (at !== undefined && (timer === undefined || at < timer.at)) timer = { host, node, at }
    }
    const flightAt = this.#flights.nextAt ?? Infinity
    const timerAt = timer?.at ?? Infinity
    const next = Math.min(flightAt, timerAt)
    if (next > deadline) return false
    this.now = Math.max(this.now, next)
    if (flightAt <= timerAt) this.#deliver()
    else if (timer) {
      timer.node.machine.handleTimeout(this.now)
      this.#drain(timer.host, timer.node)
    }
    return true
  }

  #deliver(): void {
    const flight = this.#flights.pop()
    if (flight === undefined) return
    const nat = flight.within ? undefined : this.#natAt(flight.to.host)
    const to = nat ? nat.translateIn(this.now, flight.from, flight.to.port) : flight.to
    const within = nat ?? flight.within
    for (const [host, node] of this.#nodes) {
      this.#rebindOnTime(host, node)
      if (node.nat !== within || node.address.host !== to?.host || node.address.port !== to.port) continue
      node.machine.handleDatagram(this.now, flight.from, flight.payload)
      this.#drain(host, node)
      return
    }
  }

  #drain(host: string, node: Node<Event>): void {
    const { machine, pipe } = node
    for (let t = machine.pollTransmit(this.now); t; t = machine.pollTransmit(this.now)) {
      this.#rebindOnTime(host, node)
      const route = this.#route(node, t.to)
      // What is to reach routers only does not come to anybody.
      if (route && t.ttl === undefined && !this.isCut(route.from, route.to)) this.#fly(pipe, route, t.payload)
    }
    for (let e = machine.pollEvent(); e !== undefined; e = machine.pollEvent()) this.#onEvent(host, e)
  }

  /** Past the NAT of who sends, if there is one. @returns `undefined` when that drops it. */
  #route({ address, nat }: Node<Event>, to: SocketAddress): Omit<Flight, 'payload'> | undefined {
    if (!nat) return { from: address, to, within: undefined }
    const isInside = [...this.#nodes.values()].some((other) => other.nat === nat && other.address.host === to.host)
    if (isInside) return { from: address, to, within: nat }
    if (to.host !== nat.address) return { from: nat.translateOut(this.now, address, to), to, within: undefined }
    if (!nat.options.hairpins) return undefined
    const from = nat.translateOut(this.now, address, to)
    const inner = nat.translateIn(this.now, from, to.port)
    return inner && { from, to: inner, within: nat }
  }

  #natAt(host: string): Nat | undefined {
    for (const { nat } of this.#nodes.values()) if (nat?.address === host) return nat
    return undefined
  }

  #rebindOnTime(host: string, node: Node<Event>): void {
    const due = rebindings(this.#path, node.side, this.now)
    if (due === node.rebindings) return
    node.rebindings = due
    this.rebind(host)
  }

  #fly(pipe: Pipe, { from, to, within }: Omit<Flight, 'payload'>, payload: Uint8Array): void {
    this.recorded.push({ from, to, payload: Uint8Array.from(payload) })
    for (const arrival of pipe.carry(this.now, payload)) {
      // Of its own: the sender may reuse its buffer, and the receiver opens packets in place.
      this.#flights.push(arrival.at, { from, to, within, payload: Uint8Array.from(arrival.payload) })
    }
  }
}
