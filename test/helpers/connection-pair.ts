import { PacketKey } from '../../src/core/crypto/packet-keys.ts'
import type { Duration, Instant } from '../../src/core/time/instant.ts'
import { createCubic } from '../../src/core/transport/congestion/cubic.ts'
import type { ConnectionEvent } from '../../src/core/transport/connection/events.ts'
import { Connection, type ConnectionInit } from '../../src/core/transport/connection/machine.ts'
import { LOCAL_PARAMETERS } from '../../src/core/transport/transport-parameters.ts'
import { seededBytes, seededRandom } from './random.ts'

/** One connection with everything that came out of it. */
export interface Side {
  readonly name: 'a' | 'b'
  readonly connection: Connection
  readonly events: ConnectionEvent[]
}

export const ADDRESS = { a: { host: '192.0.2.1', port: 1 }, b: { host: '192.0.2.2', port: 2 } } as const
export const CONNECTION_ID = new Uint8Array(8)

/** What both sides of a connection are made of: keys that fit, and connection ids of zeros. */
export function connectionInit(isInitiator: boolean, changes: Partial<ConnectionInit> = {}): ConnectionInit {
  const [toResponder, toInitiator] = [3, 4].map((byte) => new PacketKey(new Uint8Array(32).fill(byte))) as [
    PacketKey,
    PacketKey,
  ]
  return {
    now: 0,
    isInitiator,
    secrets: isInitiator ? { send: toResponder, receive: toInitiator } : { send: toInitiator, receive: toResponder },
    remoteId: CONNECTION_ID,
    remoteParameters: LOCAL_PARAMETERS,
    rttSample: undefined,
    remote: isInitiator ? ADDRESS.b : undefined,
    createController: createCubic,
    isNear: () => false,
    // The smallest size everywhere: tests that let the ladder climb say so.
    maxDatagramSize: 1_200,
    candidates: [],
    receiveBuffer: LOCAL_PARAMETERS.receiveBuffer,
    trace: undefined,
    traceId: 'test',
    allocate: (length) => Buffer.allocUnsafe(length),
    random: seededBytes(seededRandom(isInitiator ? 1 : 2)),
    ...changes,
  }
}

/** Two connections joined by nothing but the test: it carries the packets and moves the clock. `a` is the initiator. */
export class ConnectionPair {
  readonly a: Side
  readonly b: Side
  now: Instant = 0

  constructor(changes: Partial<ConnectionInit> = {}) {
    this.a = { name: 'a', connection: new Connection(connectionInit(true, changes)), events: [] }
    this.b = { name: 'b', connection: new Connection(connectionInit(false, changes)), events: [] }
  }

  other(side: Side): Side {
    return side === this.a ? this.b : this.a
  }

  /** Everything `side` wants to send now. */
  packets(side: Side): Uint8Array[] {
    const packets: Uint8Array[] = []
    for (let t = side.connection.pollTransmit(this.now); t; t = side.connection.pollTransmit(this.now))
      packets.push(t.payload)
    return packets
  }

  /** Hands a copy of a packet to `side` as if the other one had sent it; packets are opened in place. */
  deliver(side: Side, packet: Uint8Array): void {
    side.connection.handlePacket(this.now, ADDRESS[this.other(side).name], Uint8Array.from(packet))
    this.collect(side)
  }

  /** Takes what `side` has to tell; bytes are copied. */
  collect(side: Side): void {
    for (let event = side.connection.pollEvent(); event !== undefined; event = side.connection.pollEvent()) {
      side.events.push(event.type === 'data' ? { ...event, bytes: Uint8Array.from(event.bytes) } : event)
    }
  }

  /** Carries packets both ways, without delay, until neither side wants to send. */
  exchange(): this {
    for (let isBusy = true; isBusy;) {
      isBusy = false
      for (const side of [this.a, this.b]) {
        for (const packet of this.packets(side)) {
          isBusy = true
          this.deliver(this.other(side), packet)
        }
        this.collect(side)
      }
    }
    return this
  }

  /** Lets time pass; timers fire when they are due, and packets arrive at once. */
  pass(duration: Duration): this {
    const until = this.now + duration
    this.exchange()
    for (;;) {
      const at = Math.min(...[this.a, this.b].map(({ connection }) => connection.pollTimeout() ?? Infinity))
      if (at > until) break
      this.now = Math.max(this.now, at)
      this.a.connection.handleTimeout(this.now)
      this.b.connection.handleTimeout(this.now)
      this.exchange()
    }
    this.now = until
    return this
  }
}

/** The bytes that came on `stream`, in the order they came. */
export const bytesOn = ({ events }: Side, stream: number): Buffer =>
  Buffer.concat(events.flatMap((event) => (event.type === 'data' && event.stream === stream ? [event.bytes] : [])))

/** True when the end of `stream` came, once and last. */
export const isEnded = ({ events }: Side, stream: number): boolean => {
  const fins = events.flatMap((event) => (event.type === 'data' && event.stream === stream ? [event.fin] : []))
  return fins.indexOf(true) === fins.length - 1 && fins.length > 0
}
