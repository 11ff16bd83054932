import { millis, seconds, type Duration, type Instant } from '../../src/core/time/instant.ts'

/**
 * What a path does to datagrams, in either direction. Probabilities are in [0, 1]; instants count from the start of a simulation, or
 * from the first datagram through an emulator.
 *
 * A datagram passes as a whole or not at all: kernels' fragments are not modelled, `mtu` is the answer to larger ones.
 */
export interface Path {
  readonly delay: Duration
  /** Extra delay drawn uniformly from [0, jitter): above 0 it reorders. */
  readonly jitter: Duration
  /** Share of datagrams lost at random, before the queue as `tc netem` does it, so that loss leaves the rate to others. */
  readonly drop: number
  /**
   * Losses in a row: with `chance` per datagram a burst starts, in which 1 to `length` datagrams (uniform) are lost. The datagram after
   * a burst never starts another.
   */
  readonly burst?: { readonly chance: number; readonly length: number }
  readonly duplicate: number
  /** Share of datagrams in which one byte is changed. */
  readonly corrupt: number
  /** Share of datagrams held back by `reorderBy`, so that later ones overtake. */
  readonly reorder: number
  readonly reorderBy: Duration
  /** Bytes per microsecond, headers included; Infinity for no limit. */
  readonly rate: number
  /** What the rate and the queue count on top of each UDP payload, bytes; below 0 where the payload is itself a packet in a tunnel. */
  readonly headers: number
  /** Bytes, headers included, that wait for the rate at most; the datagram that does not fit is dropped. */
  readonly queue: number
  /** Largest UDP payload that passes, bytes; larger ones vanish without a word. */
  readonly mtu: number
  /** Nothing passes from the first to the second instant. */
  readonly outage?: readonly [Instant, Instant]
  /** The same for several outages. */
  readonly outages?: ReadonlyArray<readonly [Instant, Instant]>
  /** A side gets a new source port, as from a forgetful NAT, at an instant and perhaps again and again. The old port is dead. */
  readonly rebind?: {
    /** Whose address changes in the other's eyes. @default 'dialer' */
    readonly of?: 'dialer' | 'answerer'
    readonly at: Instant
    readonly every?: Duration
  }
  /** What differs on the way back, from the answerer to the dialer. */
  readonly back?: Partial<Omit<Path, 'back' | 'rebind'>>
}

/** 1 ms each way and nothing else. */
export const CLEAN: Path = {
  delay: millis(1),
  jitter: 0,
  drop: 0,
  duplicate: 0,
  corrupt: 0,
  reorder: 0,
  reorderBy: 0,
  rate: Infinity,
  // RFC 791 section 3.1 and RFC 768: IPv4 and UDP.
  headers: 28,
  queue: Infinity,
  mtu: 65_507,
}

/** Named paths. */
export const PATHS = {
  LAN: CLEAN,
  DSL: { ...CLEAN, delay: millis(15), rate: 10 / 8, queue: 64_000, mtu: 1_452 },
  LTE: { ...CLEAN, delay: millis(35), jitter: millis(20), rate: 30 / 8, queue: 256_000, drop: 0.001, mtu: 1_400 },
  SATELLITE: { ...CLEAN, delay: millis(300), rate: 20 / 8, queue: 512_000, drop: 0.005, mtu: 1_400 },
  LOSSY_WAN: { ...CLEAN, delay: millis(25), jitter: millis(5), drop: 0.2, duplicate: 0.05, corrupt: 0.02, mtu: 1_452 },
  /** An IPv6 tunnel of 1,280 bytes that tells nobody: whatever is larger is gone. */
  BLACKHOLE: { ...CLEAN, delay: millis(20), rate: 20 / 8, queue: 128_000, mtu: 1_232 },
} as const satisfies Record<string, Path>

/** A datagram at the far end of a pipe. */
export interface Arrival {
  /** May lie between two microseconds' ticks; never before the datagram entered. */
  readonly at: Instant
  /** The bytes given, or a changed copy. */
  readonly payload: Uint8Array
}

/** Datagrams by what became of them; a duplicated one counts twice from there on. */
export interface PipeCounts {
  /** As given, before anything was done to them; `bytes` is their UDP payload. */
  sent: number
  bytes: number
  arrived: number
  arrivedBytes: number
  /** Lost at random or in a burst. */
  lost: number
  /** Did not fit the queue. */
  overflowed: number
  /** Larger than the MTU. */
  tooLarge: number
  /** Fell into an outage. */
  cut: number
  duplicated: number
  corrupted: number
  heldBack: number
  /** Most bytes that ever waited, headers included. */
  queuePeak: number
}

/** One direction of a path, shared by everything that flows there. Pure: time comes in, arrivals come out. */
export class Pipe {
  readonly counts: PipeCounts = {
    sent: 0,
    bytes: 0,
    arrived: 0,
    arrivedBytes: 0,
    lost: 0,
    overflowed: 0,
    tooLarge: 0,
    cut: 0,
    duplicated: 0,
    corrupted: 0,
    heldBack: 0,
    queuePeak: 0,
  }
  readonly #random: () => number
  #path: Path
  #busyUntil: Instant = 0
  #burstLeft = 0
  #isAfterBurst = false

  constructor(path: Path, random: () => number) {
    this.#path = path
    this.#random = random
  }

  /** From now on; what is on its way stays so, and what waits keeps its place. */
  change(path: Path): void {
    this.#path = path
  }

  /**
   * Puts one datagram in.
   *
   * @param now - never earlier than in the call before.
   * @returns when which bytes come out: nothing when lost, two when duplicated. Not in the order of arrival.
   */
  carry(now: Instant, payload: Uint8Array): Arrival[] {
    const { counts } = this
    counts.sent++
    counts.bytes += payload.byteLength
    const arrivals: Arrival[] = []
    const isTwice = this.#random() < this.#path.duplicate
    if (isTwice) counts.duplicated++
    for (let copies = isTwice ? 2 : 1; copies > 0; copies--) {
      const arrival = this.#carryOne(now, payload)
      if (arrival === undefined) continue
      counts.arrived++
      counts.arrivedBytes += payload.byteLength
      arrivals.push(arrival)
    }
    return arrivals
  }

  #carryOne(now: Instant, payload: Uint8Array): Arrival | undefined {
    const { delay, jitter, reorder, reorderBy, rate, headers } = this.#path
    const size = payload.byteLength + headers
    const start = Math.max(now, this.#busyUntil)
    const waiting = rate === Infinity ? 0 : (start - now) * rate
    const fate = this.#dropReason(now, payload.byteLength, waiting + size)
    if (fate !== undefined) {
      this.counts[fate]++
      return undefined
    }
    const sent = rate === Infinity ? now : start + size / rate
    if (rate !== Infinity) {
      this.#busyUntil = sent
      this.counts.queuePeak = Math.max(this.counts.queuePeak, Math.round(waiting + size))
    }
    const carried = this.#perhapsCorrupt(payload)
    let at = sent + delay + this.#random() * jitter
    if (reorder > 0 && this.#random() < reorder) {
      this.counts.heldBack++
      at += reorderBy
    }
    return { at: Math.ceil(at), payload: carried }
  }

  #dropReason(now: Instant, length: number, queued: number): 'lost' | 'tooLarge' | 'cut' | 'overflowed' | undefined {
    const { mtu, queue } = this.#path
    if (this.#isLost()) return 'lost'
    if (length > mtu) return 'tooLarge'
    if (isOut(this.#path, now)) return 'cut'
    return queued > queue ? 'overflowed' : undefined
  }

  #isLost(): boolean {
    const { drop, burst } = this.#path
    const isDropped = this.#random() < drop
    if (burst === undefined) return isDropped
    const mayStart = this.#burstLeft === 0 && !this.#isAfterBurst
    this.#isAfterBurst = false
    if (mayStart && this.#random() < burst.chance) {
      this.#burstLeft = 1 + Math.floor(this.#random() * burst.length)
    }
    if (this.#burstLeft === 0) return isDropped
    this.#isAfterBurst = --this.#burstLeft === 0
    return true
  }

  #perhapsCorrupt(payload: Uint8Array): Uint8Array {
    if (this.#random() >= this.#path.corrupt || payload.byteLength === 0) return payload
    this.counts.corrupted++
    const copy = Uint8Array.from(payload)
    copy[Math.floor(this.#random() * copy.byteLength)]! ^= 1 + Math.floor(this.#random() * 255)
    return copy
  }
}

/** The path as the answerer's datagrams find it. */
export const wayBack = (path: Path): Path => ({ ...path, ...path.back })

/** How often `side` has been rebound by `now`. */
export function rebindings({ rebind }: Path, side: 'dialer' | 'answerer', now: Instant): number {
  if (rebind === undefined || (rebind.of ?? 'dialer') !== side || now < rebind.at) return 0
  return 1 + (rebind.every === undefined ? 0 : Math.floor((now - rebind.at) / rebind.every))
}

/** Outages of `off`, `on` apart, the first after `on`, until `until`: for {@link Path.outages}. */
export function onAndOff(on: Duration, off: Duration, until = seconds(600)): Array<readonly [Instant, Instant]> {
  return Array.from({ length: Math.floor(until / (on + off)) }, (_, i) => {
    const start = on + i * (on + off)
    return [start, start + off] as const
  })
}

const isOut = ({ outage, outages }: Path, now: Instant): boolean =>
  (outage !== undefined && isWithin(now, outage)) || (outages?.some((each) => isWithin(now, each)) ?? false)

const isWithin = (now: Instant, [from, to]: readonly [Instant, Instant]): boolean => now >= from && now < to
