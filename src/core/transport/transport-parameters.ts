import { MsgError } from '../errors.ts'
import { millis, seconds, type Duration } from '../time/instant.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/** What each side of a link tells the other in the handshake. */
export interface TransportParameters {
  /** Bytes the peer may send on the connection, and on each stream, before it is told of more. */
  readonly initialMaxData: number
  readonly initialMaxStreamData: number
  /** Streams the peer may open before it is told of more. */
  readonly initialMaxStreams: number
  /** Longest time an acknowledgement is held back, microseconds. */
  readonly maxAckDelay: Duration
  /** Silence after which the link is dead, microseconds. */
  readonly idleTimeout: Duration
  /** Largest datagram this side takes, bytes of UDP payload. */
  readonly maxDatagramSize: number
  /** What the system gave this side's socket to hold received datagrams, bytes as the system counts them. */
  readonly receiveBuffer: number
}

/** Each parameter as id and value, both varints; unknown ids are skipped, so later versions may add some. */
export function encodeParameters(parameters: TransportParameters): Uint8Array {
  const bytes = new Uint8Array(128)
  const writer = new Writer(bytes)
  for (const [name, { id }] of Object.entries(PARAMETERS)) {
    writer.varint(id)
    writer.varint(parameters[name as keyof TransportParameters])
  }
  return bytes.subarray(0, writer.offset)
}

/** @throws MSG_ERR_PROTOCOL when one is missing or outside its range. */
export function decodeParameters(bytes: Uint8Array): TransportParameters {
  const reader = new Reader(bytes)
  const values = new Map<number, number>()
  while (reader.remaining > 0) values.set(reader.varint(), reader.varint())
  const parameters: Record<string, number> = {}
  for (const [name, { id, min, max }] of Object.entries(PARAMETERS)) {
    const value = values.get(id)
    if (value === undefined || value < min || value > max)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: `transport parameter ${name}` })
    parameters[name] = value
  }
  return parameters as unknown as TransportParameters
}

/** Ids on the wire, and the range (inclusive) in which a peer's value is believed. */
const PARAMETERS: Record<keyof TransportParameters, { id: number; min: number; max: number }> = {
  initialMaxData: { id: 0x01, min: 65_536, max: 2 ** 40 },
  initialMaxStreamData: { id: 0x02, min: 65_536, max: 2 ** 40 },
  initialMaxStreams: { id: 0x03, min: 1, max: 2 ** 20 },
  maxAckDelay: { id: 0x04, min: 0, max: millis(1_000) },
  idleTimeout: { id: 0x05, min: seconds(1), max: seconds(600) },
  maxDatagramSize: { id: 0x06, min: 1_200, max: 65_527 },
  receiveBuffer: { id: 0x07, min: 0, max: 2 ** 40 },
}

/** What this build offers. */
export const LOCAL_PARAMETERS: TransportParameters = Object.freeze({
  initialMaxData: 8 * 1_048_576,
  initialMaxStreamData: 4 * 1_048_576,
  initialMaxStreams: 256,
  maxAckDelay: millis(25),
  idleTimeout: seconds(30),
  maxDatagramSize: 65_527,
  receiveBuffer: 212_992,
})
