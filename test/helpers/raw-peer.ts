import type { PacketKey } from '../../src/core/crypto/packet-keys.ts'
import type { Instant } from '../../src/core/time/instant.ts'
import type { ConnectionEvent } from '../../src/core/transport/connection/events.ts'
import { Connection, type ConnectionInit } from '../../src/core/transport/connection/machine.ts'
import { FrameType, type Frame } from '../../src/core/transport/frames.ts'
import { decodeFrames } from './frames.ts'
import { DATA_HEADER_LENGTH, DATA_OVERHEAD, readDataHeader, writeDataHeader } from '../../src/core/transport/packet.ts'
import { Writer } from '../../src/core/wire/writer.ts'
import { ADDRESS, CONNECTION_ID, connectionInit } from './connection-pair.ts'

/** Frames as bytes, for a peer that says whatever it likes. */
export const spell = {
  ping: (): Uint8Array => varints(FrameType.ping),
  /** @param ranges - [first, last] pairs, inclusive, descending. */
  ack: (...ranges: Array<readonly [first: number, last: number]>): Uint8Array => {
    const [newest, ...rest] = ranges
    const values = [FrameType.ack, newest![1], 0, rest.length, newest![1] - newest![0]]
    let above = newest![0]
    for (const [first, last] of rest) {
      values.push(above - last - 2, last - first)
      above = first
    }
    return varints(...values)
  },
  stream: (stream: number, offset: number, data: Uint8Array, fin = false): Uint8Array =>
    Buffer.concat([varints(FrameType.stream | (fin ? 1 : 0), stream, offset, data.byteLength), data]),
  reset: (stream: number, code: number, finalSize: number): Uint8Array =>
    varints(FrameType.reset, stream, code, finalSize),
  stop: (stream: number, code: number): Uint8Array => varints(FrameType.stop, stream, code),
  maxData: (limit: number): Uint8Array => varints(FrameType.maxData, limit),
  maxStreamData: (stream: number, limit: number): Uint8Array => varints(FrameType.maxStreamData, stream, limit),
  maxStreams: (limit: number): Uint8Array => varints(FrameType.maxStreams, limit),
  close: (code: number, reason: string): Uint8Array =>
    Buffer.concat([varints(FrameType.close, code, Buffer.byteLength(reason)), Buffer.from(reason)]),
  challenge: (token: Uint8Array): Uint8Array => Buffer.concat([varints(FrameType.pathChallenge), token]),
  rekey: (publicKey: Uint8Array): Uint8Array => Buffer.concat([varints(FrameType.rekey), publicKey]),
} as const

/** A connection, and a peer of it that holds the right keys and follows no rule but its test's. */
export class RawPeer {
  readonly connection: Connection
  now: Instant = 0
  #nextPacketNumber = 0
  #largest = -1
  readonly #isInitiator: boolean
  readonly #send: PacketKey
  readonly #receive: PacketKey

  /** @param isInitiator - whether the connection under test is. */
  constructor(isInitiator: boolean, changes: Partial<ConnectionInit> = {}) {
    this.#isInitiator = isInitiator
    this.connection = new Connection(connectionInit(isInitiator, changes))
    const own = connectionInit(!isInitiator)
    this.#send = own.secrets.send
    this.#receive = own.secrets.receive
  }

  /** Sends a packet of these frames to the connection. @param packetNumber - the next one unless said otherwise. */
  send(frames: Uint8Array[], packetNumber = this.#nextPacketNumber): void {
    this.connection.handlePacket(this.now, ADDRESS[this.#isInitiator ? 'b' : 'a'], this.seal(frames, packetNumber))
  }

  /** A packet of these frames. */
  seal(frames: Uint8Array[], packetNumber = this.#nextPacketNumber): Uint8Array {
    this.#nextPacketNumber = Math.max(this.#nextPacketNumber, packetNumber + 1)
    const payload = Buffer.concat(frames)
    const packet = new Uint8Array(payload.byteLength + DATA_OVERHEAD)
    writeDataHeader(packet, 0, CONNECTION_ID, packetNumber)
    packet.set(payload, DATA_HEADER_LENGTH)
    this.#send.seal(packetNumber, packet, DATA_HEADER_LENGTH)
    return packet
  }

  /** The frames of every packet that the connection wants to send now, packet by packet. */
  receive(): Array<{ packetNumber: number; frames: Frame[]; bytes: number }> {
    const packets = []
    for (let t = this.connection.pollTransmit(this.now); t; t = this.connection.pollTransmit(this.now)) {
      const { packetNumber } = readDataHeader(t.payload, this.#largest)!
      this.#largest = Math.max(this.#largest, packetNumber)
      const payload = this.#receive.open(packetNumber, t.payload, DATA_HEADER_LENGTH)
      if (payload === undefined) throw new Error(`packet ${packetNumber} is not under the first keys`)
      packets.push({ packetNumber, frames: [...decodeFrames(payload)], bytes: t.payload.byteLength })
    }
    return packets
  }

  /** Everything the connection has to tell its owner. */
  events(): ConnectionEvent[] {
    const events: ConnectionEvent[] = []
    for (let event = this.connection.pollEvent(); event !== undefined; event = this.connection.pollEvent())
      events.push(event)
    return events
  }
}

function varints(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8)
  const writer = new Writer(bytes)
  for (const value of values) writer.varint(value)
  return bytes.subarray(0, writer.offset)
}
