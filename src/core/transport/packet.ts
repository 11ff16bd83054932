import { createHash } from 'node:crypto'
import sodium from 'sodium-native'
import { TAG_LENGTH } from '../crypto/packet-keys.ts'
import { RELAY_OVERHEAD, RELAYED } from '../wire/relay.ts'

/**
 * Datagrams of a link, by their first byte. Lengths in bytes, integers big-endian.
 *
 * | datagram | layout |
 * |---|---|
 * | 0x01 initial | type 1, version 4, source id 8, cookie 16, length 2, Noise message, zero padding, mac 16; at least 1,200 in all |
 * | 0x02 response | type 1, destination id 8, length 2, Noise message |
 * | 0x03 cookie | type 1, destination id 8, cookie 16 |
 * | 0x40, 0x41 data | type 1 (lowest bit: key phase), destination id 8, packet number 4, length 2 (of the packet), sealed frames, tag 16 |
 *
 * Every datagram tells its own length, so that a system that joins datagrams of one sender (Linux, UDP_GRO) can be understood.
 * A connection id is chosen by the side that receives under it; both ids are also inside the sealed handshake payloads, which
 * alone are believed. The mac of an initial is keyed with the receiver's public
 * key, so that somebody who does not know whom they write to is refused before any public-key work (after WireGuard's mac1).
 */
export interface InitialPacket {
  readonly version: number
  readonly sourceId: Uint8Array
  /** 16 zero bytes when the sender has none. */
  readonly cookie: Uint8Array
  readonly noise: Uint8Array
}

/** Builds an initial of exactly {@link INITIAL_LENGTH} bytes for the holder of `receiverKey`. */
export function encodeInitial(initial: Omit<InitialPacket, 'version'>, receiverKey: Uint8Array): Uint8Array {
  const packet = Buffer.alloc(INITIAL_LENGTH)
  packet[0] = PacketType.initial
  packet.writeUInt32BE(LINK_VERSION, 1)
  packet.set(initial.sourceId, 5)
  packet.set(initial.cookie, 13)
  packet.writeUInt16BE(initial.noise.byteLength, 29)
  packet.set(initial.noise, 31)
  packet.set(mac(packet.subarray(0, INITIAL_LENGTH - COOKIE_LENGTH), receiverKey), INITIAL_LENGTH - COOKIE_LENGTH)
  return packet
}

/** @returns `undefined` unless it is an initial, whole, and meant for the holder of `ownKey`. Views, not copies. */
export function decodeInitial(packet: Uint8Array, ownKey: Uint8Array): InitialPacket | undefined {
  if (packet.byteLength !== INITIAL_LENGTH || packet[0] !== PacketType.initial) return undefined
  const view = Buffer.from(packet.buffer, packet.byteOffset, packet.byteLength)
  const end = INITIAL_LENGTH - COOKIE_LENGTH
  if (!mac(packet.subarray(0, end), ownKey).equals(view.subarray(end))) return undefined
  const length = view.readUInt16BE(29)
  if (31 + length > end) return undefined
  return {
    version: view.readUInt32BE(1),
    sourceId: packet.subarray(5, 13),
    cookie: packet.subarray(13, 29),
    noise: packet.subarray(31, 31 + length),
  }
}

/** @see PacketType.response */
export function encodeResponse(destinationId: Uint8Array, noise: Uint8Array): Uint8Array {
  const length = Buffer.of(noise.byteLength >> 8, noise.byteLength & 0xff)
  return Buffer.concat([Buffer.of(PacketType.response), destinationId, length, noise])
}

/** The Noise message of a response; `undefined` when the length is wrong. */
export function decodeResponse(packet: Uint8Array): Uint8Array | undefined {
  const length = packet.byteLength - RESPONSE_HEADER_LENGTH
  if (length < 1 || packet.byteLength > INITIAL_LENGTH || u16(packet, 9) !== length) return undefined
  return packet.subarray(RESPONSE_HEADER_LENGTH)
}

/** @see PacketType.cookie */
export function encodeCookie(destinationId: Uint8Array, cookie: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.of(PacketType.cookie), destinationId, cookie])
}

/** @returns the cookie, or `undefined` when the length is wrong. */
export function decodeCookie(packet: Uint8Array): Uint8Array | undefined {
  return packet.byteLength === 9 + COOKIE_LENGTH ? packet.subarray(9) : undefined
}

/**
 * Bytes of the datagram that starts at `offset` of what was received, by its own account: at most the rest, and the rest when
 * its type is not a link's.
 */
export function datagramLength(bytes: Uint8Array, offset: number): number {
  const rest = bytes.byteLength - offset
  return Math.min(rest, Math.max(1, claimedLength(bytes, offset, rest)))
}

function claimedLength(bytes: Uint8Array, offset: number, rest: number): number {
  switch (bytes[offset]) {
    case PacketType.initial:
      return INITIAL_LENGTH
    case PacketType.response:
      return RESPONSE_HEADER_LENGTH + u16(bytes, offset + 9)
    case PacketType.cookie:
      return 9 + COOKIE_LENGTH
    case PacketType.data:
    case PacketType.data | 1:
      return u16(bytes, offset + LENGTH_OFFSET)
    case PacketType.shard:
      return u16(bytes, offset + 1)
    case RELAYED:
      // Nothing is relayed twice.
      if (bytes[offset + RELAY_OVERHEAD] === RELAYED) return rest
      return RELAY_OVERHEAD + claimedLength(bytes, offset + RELAY_OVERHEAD, rest - RELAY_OVERHEAD)
    default:
      return rest
  }
}

/** The destination connection id of a response, cookie or data packet as a map key, or `undefined` when too short. */
export function destinationOf(packet: Uint8Array): number | undefined {
  return packet.byteLength < 9 ? undefined : idKey(packet, 1)
}

/** The connection id at `offset` as a map key: its first 48 bits, which are random. Cheaper than a string, once for each packet. */
export function idKey(bytes: Uint8Array, offset = 0): number {
  const high = (bytes[offset]! << 16) | (bytes[offset + 1]! << 8) | bytes[offset + 2]!
  const low = (bytes[offset + 3]! << 16) | (bytes[offset + 4]! << 8) | bytes[offset + 5]!
  return high * 0x100_0000 + low
}

/** Writes the header of a data packet that fills `packet`; frames follow at {@link DATA_HEADER_LENGTH}. */
export function writeDataHeader(
  packet: Uint8Array,
  keyPhase: 0 | 1,
  destinationId: Uint8Array,
  packetNumber: number,
): void {
  packet[0] = PacketType.data | keyPhase
  packet.set(destinationId, 1)
  const low = packetNumber % 0x1_0000_0000
  packet[9] = low >>> 24
  packet[10] = (low >>> 16) & 0xff
  packet[11] = (low >>> 8) & 0xff
  packet[12] = low & 0xff
  packet[LENGTH_OFFSET] = packet.byteLength >>> 8
  packet[LENGTH_OFFSET + 1] = packet.byteLength & 0xff
}

/**
 * Key phase and full packet number of a data packet; `undefined` when it is not exactly as long as it says.
 *
 * @param largest - largest packet number received so far, -1 for none. RFC 9000 appendix A.3, for 32 bits.
 */
export function readDataHeader(
  packet: Uint8Array,
  largest: number,
): { keyPhase: 0 | 1; packetNumber: number } | undefined {
  if (packet.byteLength < DATA_OVERHEAD + 1 || u16(packet, LENGTH_OFFSET) !== packet.byteLength) return undefined
  const low = packet[9]! * 0x1_00_00_00 + packet[10]! * 0x1_00_00 + packet[11]! * 0x1_00 + packet[12]!
  const expected = largest + 1
  let packetNumber = expected - (expected % PN_WINDOW) + low
  if (packetNumber <= expected - PN_WINDOW / 2) packetNumber += PN_WINDOW
  else if (packetNumber > expected + PN_WINDOW / 2 && packetNumber >= PN_WINDOW) packetNumber -= PN_WINDOW
  return { keyPhase: (packet[0]! & 1) as 0 | 1, packetNumber }
}

/** 0 beyond the end. */
const u16 = (bytes: Uint8Array, offset: number): number => ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0)

function mac(bytes: Uint8Array, receiverKey: Uint8Array): Buffer {
  const out = Buffer.alloc(COOKIE_LENGTH)
  const key = createHash('sha256').update(MAC_LABEL).update(receiverKey).digest()
  sodium.crypto_generichash(out, bytes, key)
  return out
}

/** First bytes of datagrams. 0x20 and 0x21 are the rendezvous' (wire/rendezvous.ts), 0x22 and 0x23 the relay's (wire/relay.ts). */
export const PacketType = { initial: 0x01, response: 0x02, cookie: 0x03, data: 0x40, shard: 0x50 } as const
/** Spoken in initials; another one gets silence. */
export const LINK_VERSION = 0x6d736702
/** Bytes of an initial: as large as every path must carry, so that a response never amplifies. */
export const INITIAL_LENGTH = 1_200
/** Bytes of a connection id. */
export const ID_LENGTH = 8
/** Bytes of a cookie and of the mac. */
export const COOKIE_LENGTH = 16
/** Bytes before the sealed part of a data packet. */
export const DATA_HEADER_LENGTH = 15
/** Bytes of a data packet that are not frames. */
export const DATA_OVERHEAD = DATA_HEADER_LENGTH + TAG_LENGTH

const LENGTH_OFFSET = 13
const RESPONSE_HEADER_LENGTH = 11
const PN_WINDOW = 0x1_0000_0000
const MAC_LABEL = 'msg initial mac 1'
