import { millis, type Duration, type Instant } from '../../src/core/time/instant.ts'
import type { SocketAddress } from '../../src/core/transport/endpoint-api.ts'
import type { Machine } from '../../src/core/transport/machine.ts'
import { seededRandom } from './random.ts'

/** What each direction of a path does to datagrams. Probabilities are in [0, 1]. */
export interface Path {
  readonly delay: Duration
  /** Extra delay drawn uniformly from [0, jitter): above 0 it reorders. */
  readonly jitter: Duration
  readonly drop: number
  readonly duplicate: number
  /** Share of datagrams in which one byte is changed. */
  readonly corrupt: number
  /** Bytes per microsecond; Infinity for no limit. */
  readonly rate: number
  /** Bytes that wait for the rate at most; what comes on top is dropped. */
  readonly queue: number
  /** Largest UDP payload that passes, bytes; larger ones vanish. */
  readonly mtu: number
  /** Nothing passes from the first to the second instant. */
  readonly outage?: readonly [Instant, Instant]
}

const CLEAN: Path = {
  delay: millis(1),
  jitter: 0,
  drop: 0,
  duplicate: 0,
  corrupt: 0,
  rate: Infinity,
  queue: Infinity,
  mtu: 65_527,
}

/** Named paths. */
export const PATHS = {
  LAN: CLEAN,
  DSL: { ...CLEAN, delay: millis(15), rate: 10 / 8, queue: 64_000, mtu: 1_452 },
  LTE: { ...CLEAN, delay: millis(35), jitter: millis(20), rate: 30 / 8, queue: 256_000, drop: 0.001, mtu: 1_400 },
  SATELLITE: { ...CLEAN, delay: millis(300), rate: 20 / 8, queue: 512_000, drop: 0.005, mtu: 1_400 },
  LOSSY_WAN: { ...CLEAN, delay: millis(25), jitter: millis(5), drop: 0.2, duplicate: 0.05, corrupt: 0.02, mtu: 1_452 },
} as const satisfies Record<string, Path>

interface Flight {
  readonly at: Instant
  readonly order: number
  readonly from: SocketAddress
  readonly to: SocketAddress
  readonly payload: Uint8Array
}

/**
 * Machines at addresses, joined by one path, in virtual time: no sockets, no timers; the same seed gives the same run.
 */
export class Network<Event> {
  readonly path: Path
  now: Instant = 0
  readonly counts = { sent: 0, dropped: 0, bytes: 0 }
  /** Every datagram as it left, before the path did anything to it. */
  readonly recorded: Array<{ from: SocketAddress; to: SocketAddress; payload: Uint8Array }> = []
  readonly #random: () => number
  readonly #nodes = new Map<string, Machine<Event>>()
  readonly #flights: Flight[] = []
  readonly #busyUntil = new Map<string, Instant>()
  readonly #onEvent: (node: string, event: Event) => void
  #order = 0

  constructor(path: Path, seed: number, onEvent: (node: string, event: Event) => void = () => {}) {
    this.path = path
    this.#random = seededRandom(seed)
    this.#onEvent = onEvent
  }

  add(host: string, machine: Machine<Event>): void {
    this.#nodes.set(host, machine)
  }

  /** The machine is gone without a word, as after a crash. */
  remove(host: string): void {
    this.#nodes.delete(host)
  }

  /** Puts a datagram on the path as if `from` had sent it. */
  inject(from: SocketAddress, to: SocketAddress, payload: Uint8Array): void {
    this.#fly(from, to, payload)
  }

  /**
   * Runs until `isDone`, or until nothing can happen any more.
   *
   * @throws when virtual time passes `limit` first: something is stuck.
   */
  run(isDone: () => boolean, limit: Duration): void {
    const deadline = this.now + limit
    for (const host of this.#nodes.keys()) this.#drain(host)
    while (!isDone()) {
      if (!this.#step(deadline)) throw new Error(`stuck: not done after ${limit / 1_000} ms of virtual time`)
    }
  }

  /** Lets `duration` pass. */
  pass(duration: Duration): void {
    const until = this.now + duration
    for (const host of this.#nodes.keys()) this.#drain(host)
    while (this.#step(until));
    this.now = until
  }

  #step(deadline: Instant): boolean {
    let timer: { host: string; at: Instant } | undefined
    for (const [host, node] of this.#nodes) {
      const at = node.pollTimeout()
      if (at !== undefined && (timer === undefined || at < timer.at)) timer = { host, at }
    }
    const flight = this.#flights[0]
    const next = Math.min(flight?.at ?? Infinity, timer?.at ?? Infinity)
    if (next > deadline) return false
    this.now = Math.max(this.now, next)
    if (flight && flight.at <= (timer?.at ?? Infinity)) {
      this.#pop()
      this.#nodes.get(flight.to.host)?.handleDatagram(this.now, flight.from, flight.payload)
      this.#drain(flight.to.host)
    } else if (timer) {
      this.#nodes.get(timer.host)?.handleTimeout(this.now)
      this.#drain(timer.host)
    }
    return true
  }

  #drain(host: string): void {
    const node = this.#nodes.get(host)
    if (node === undefined) return
    const from = { host, port: 1 }
    for (let t = node.pollTransmit(this.now); t; t = node.pollTransmit(this.now)) this.#fly(from, t.to, t.payload)
    for (let e = node.pollEvent(); e !== undefined; e = node.pollEvent()) this.#onEvent(host, e)
  }

  #fly(from: SocketAddress, to: SocketAddress, payload: Uint8Array): void {
    const { delay, jitter, drop, duplicate, corrupt, rate, queue, mtu, outage } = this.path
    this.counts.sent++
    this.counts.bytes += payload.byteLength
    this.recorded.push({ from, to, payload: Uint8Array.from(payload) })
    const copies = this.#random() < duplicate ? 2 : 1
    for (let i = 0; i < copies; i++) {
      const isOut = outage !== undefined && this.now >= outage[0] && this.now < outage[1]
      const start = Math.max(this.now, this.#busyUntil.get(from.host) ?? 0)
      const isFull = (start - this.now) * rate > queue
      if (this.#random() < drop || payload.byteLength > mtu || isOut || isFull) {
        this.counts.dropped++
        continue
      }
      const sent = rate === Infinity ? this.now : start + payload.byteLength / rate
      if (rate !== Infinity) this.#busyUntil.set(from.host, sent)
      const copy = Uint8Array.from(payload)
      if (this.#random() < corrupt)
        copy[Math.floor(this.#random() * copy.byteLength)]! ^= 1 + Math.floor(this.#random() * 255)
      this.#push({
        at: Math.ceil(sent + delay + this.#random() * jitter),
        order: this.#order++,
        from,
        to,
        payload: copy,
      })
    }
  }

  #push(flight: Flight): void {
    const heap = this.#flights
    heap.push(flight)
    for (let i = heap.length - 1; i > 0;) {
      const parent = (i - 1) >> 1
      if (!isBefore(heap[i]!, heap[parent]!)) return
      ;[heap[i], heap[parent]] = [heap[parent]!, heap[i]!]
      i = parent
    }
  }

  #pop(): void {
    const heap = this.#flights
    const last = heap.pop()!
    if (heap.length === 0) return
    heap[0] = last
    for (let i = 0; ;) {
      const children = [2 * i + 1, 2 * i + 2].filter((c) => c < heap.length)
      const least = children.sort((a, b) => (isBefore(heap[a]!, heap[b]!) ? -1 : 1))[0]
      if (least === undefined || !isBefore(heap[least]!, heap[i]!)) return
      ;[heap[i], heap[least]] = [heap[least]!, heap[i]!]
      i = least
    }
  }
}

const isBefore = (a: Flight, b: Flight): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
