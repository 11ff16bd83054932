import { expect } from 'chai'
import { createHash } from 'node:crypto'
import sodium from 'sodium-native'
import {
  COOKIE_LENGTH,
  DATA_HEADER_LENGTH,
  DATA_OVERHEAD,
  datagramLength,
  decodeCookie,
  decodeInitial,
  decodeResponse,
  destinationOf,
  encodeCookie,
  encodeInitial,
  encodeResponse,
  idKey,
  INITIAL_LENGTH,
  LINK_VERSION,
  PacketType,
  readDataHeader,
  writeDataHeader,
} from '../../../src/core/transport/packet.ts'

const key = new Uint8Array(32).fill(7)
const sourceId = Uint8Array.from({ length: 8 }, (_, i) => i + 1)
const cookie = new Uint8Array(COOKIE_LENGTH).fill(3)
const noise = Uint8Array.from({ length: 150 }, (_, i) => i)
const initial = (): Uint8Array => encodeInitial({ sourceId, cookie, noise }, key)

/** An initial with a true mac that says its Noise message has `length` bytes. */
function claiming(length: number): Uint8Array {
  const packet = Buffer.from(initial())
  packet.writeUInt16BE(length, 29)
  const macKey = createHash('sha256').update('msg initial mac 1').update(key).digest()
  const end = INITIAL_LENGTH - COOKIE_LENGTH
  sodium.crypto_generichash(packet.subarray(end), packet.subarray(0, end), macKey)
  return packet
}

/** A data packet's header with `packetNumber` truncated as the wire does, read by somebody who has seen `largest`. */
function readBack(packetNumber: number, largest: number): number | undefined {
  const packet = new Uint8Array(DATA_OVERHEAD + 1)
  writeDataHeader(packet, 0, sourceId, packetNumber)
  return readDataHeader(packet, largest)?.packetNumber
}

describe('transport/packet', () => {
  it('lays an initial out as its table says', () => {
    const packet = initial()
    expect(packet.byteLength).to.equal(1_200)
    expect(packet[0]).to.equal(0x01)
    expect(Buffer.from(packet).readUInt32BE(1)).to.equal(LINK_VERSION)
    expect([...packet.subarray(5, 13)]).to.deep.equal([...sourceId])
    expect([...packet.subarray(13, 29)]).to.deep.equal([...cookie])
    expect(Buffer.from(packet).readUInt16BE(29)).to.equal(noise.byteLength)
    expect([...packet.subarray(31, 31 + noise.byteLength)]).to.deep.equal([...noise])
    expect(packet.subarray(31 + noise.byteLength, 1_184).every((byte) => byte === 0)).to.equal(true)
  })

  it('reads an initial back', () => {
    const decoded = decodeInitial(initial(), key)!
    expect(decoded.version).to.equal(LINK_VERSION)
    expect([...decoded.sourceId]).to.deep.equal([...sourceId])
    expect([...decoded.cookie]).to.deep.equal([...cookie])
    expect([...decoded.noise]).to.deep.equal([...noise])
  })

  it('refuses an initial for another key, of another size or type, and with any bit changed', () => {
    const packet = initial()
    expect(decodeInitial(packet, new Uint8Array(32).fill(8))).to.equal(undefined)
    expect(decodeInitial(packet.subarray(0, INITIAL_LENGTH - 1), key)).to.equal(undefined)
    expect(decodeInitial(Uint8Array.from([...packet, 0]), key)).to.equal(undefined)
    expect(decodeInitial(new Uint8Array(0), key)).to.equal(undefined)
    for (let at = 0; at < INITIAL_LENGTH; at += 7) {
      const changed = Uint8Array.from(packet)
      changed[at]! ^= 0x10
      expect(decodeInitial(changed, key), `byte ${at}`).to.equal(undefined)
    }
  })

  it('refuses an initial whose Noise message would reach into the mac', () => {
    const longest = INITIAL_LENGTH - COOKIE_LENGTH - 31
    expect(decodeInitial(claiming(longest), key)?.noise).to.have.length(longest)
    expect(decodeInitial(claiming(longest + 1), key)).to.equal(undefined)
    expect(decodeInitial(claiming(0xffff), key)).to.equal(undefined)
    expect(() => encodeInitial({ sourceId, cookie, noise: new Uint8Array(INITIAL_LENGTH) }, key)).to.throw(RangeError)
  })

  it('reads responses and cookies back', () => {
    const response = encodeResponse(sourceId, noise)
    expect(response[0]).to.equal(PacketType.response)
    expect(destinationOf(response)).to.equal(idKey(sourceId))
    expect([...decodeResponse(response)!]).to.deep.equal([...noise])
    const asked = encodeCookie(sourceId, cookie)
    expect(asked[0]).to.equal(PacketType.cookie)
    expect(destinationOf(asked)).to.equal(idKey(sourceId))
    expect([...decodeCookie(asked)!]).to.deep.equal([...cookie])
  })

  it('refuses responses and cookies of impossible lengths', () => {
    const longest = encodeResponse(sourceId, new Uint8Array(INITIAL_LENGTH - 11))
    for (const response of [encodeResponse(sourceId, noise), longest]) {
      expect(decodeResponse(response)).to.not.equal(undefined)
      expect(decodeResponse(response.subarray(1))).to.equal(undefined)
      expect(decodeResponse(Uint8Array.from([...response, 0]))).to.equal(undefined)
    }
    for (const length of [0, 9, 11]) expect(decodeResponse(new Uint8Array(length))).to.equal(undefined)
    expect(decodeResponse(encodeResponse(sourceId, new Uint8Array(0)))).to.equal(undefined)
    expect(decodeResponse(encodeResponse(sourceId, new Uint8Array(INITIAL_LENGTH - 10)))).to.equal(undefined)
    for (const length of [0, 9, 24, 26, 1_200]) expect(decodeCookie(new Uint8Array(length))).to.equal(undefined)
  })

  it('finds no destination in a datagram that has no room for one', () => {
    expect(destinationOf(new Uint8Array(8))).to.equal(undefined)
    expect(destinationOf(new Uint8Array(9))).to.equal(idKey(new Uint8Array(8)))
  })

  it('gives different ids different keys', () => {
    const keys = [[0], [0x80], [0xff], [0xc3, 0xbf]].map((bytes) => idKey(Uint8Array.from([...bytes, 0, 0])))
    expect(new Set(keys).size).to.equal(keys.length)
  })

  it('writes a data header as its table says', () => {
    const packet = new Uint8Array(DATA_OVERHEAD + 1)
    writeDataHeader(packet, 1, sourceId, 0x1_0203_0405)
    expect([...packet.subarray(0, DATA_HEADER_LENGTH)]).to.deep.equal([
      0x41,
      ...sourceId,
      2,
      3,
      4,
      5,
      0,
      DATA_OVERHEAD + 1,
    ])
    expect(readDataHeader(packet, 0x1_0203_0404)).to.deep.equal({ keyPhase: 1, packetNumber: 0x1_0203_0405 })
  })

  it('refuses a data packet without a single frame byte', () => {
    const packet = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length)
      writeDataHeader(bytes, 0, sourceId, 0)
      return bytes
    }
    expect(readDataHeader(packet(DATA_OVERHEAD), -1)).to.equal(undefined)
    expect(readDataHeader(packet(DATA_OVERHEAD + 1), -1)).to.deep.equal({ keyPhase: 0, packetNumber: 0 })
  })

  it('refuses a data packet that is not exactly as long as it says', () => {
    const packet = new Uint8Array(1_452)
    writeDataHeader(packet, 0, sourceId, 0)
    expect(readDataHeader(packet, -1)).to.not.equal(undefined)
    expect(readDataHeader(packet.subarray(0, 1_451), -1)).to.equal(undefined)
    expect(readDataHeader(Uint8Array.from([...packet, 0]), -1)).to.equal(undefined)
  })

  it('finds where each of several joined datagrams ends', () => {
    const data = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length)
      writeDataHeader(bytes, 1, sourceId, 9)
      return bytes
    }
    const parts = [data(1_452), initial(), encodeResponse(sourceId, noise), encodeCookie(sourceId, cookie), data(40)]
    const joined = Buffer.concat(parts)
    let offset = 0
    for (const part of parts) {
      expect(datagramLength(joined, offset)).to.equal(part.byteLength)
      offset += part.byteLength
    }
    expect(offset).to.equal(joined.byteLength)
  })

  it('never finds an end beyond what there is, nor none at all', () => {
    for (const type of [0x00, 0x01, 0x02, 0x03, 0x20, 0x40, 0x41, 0xff]) {
      for (const length of [1, 2, 9, 14, 15, 25, 64]) {
        for (const fill of [0x00, 0xff]) {
          const bytes = new Uint8Array(length).fill(fill)
          bytes[0] = type
          expect(datagramLength(bytes, 0)).to.be.within(1, length)
        }
      }
    }
  })

  it('finds the full packet number around the largest one, across the wrap', () => {
    const wrap = 0x1_0000_0000
    expect(readBack(0, -1)).to.equal(0)
    expect(readBack(5, -1)).to.equal(5)
    expect(readBack(wrap - 1, wrap - 2)).to.equal(wrap - 1)
    expect(readBack(wrap, wrap - 1)).to.equal(wrap)
    expect(readBack(wrap + 3, wrap - 10)).to.equal(wrap + 3)
    expect(readBack(wrap - 3, wrap + 10)).to.equal(wrap - 3)
    expect(readBack(7 * wrap + 1, 7 * wrap - 1)).to.equal(7 * wrap + 1)
    expect(readBack(3 * wrap + 2 ** 30, 3 * wrap + 2 ** 31)).to.equal(3 * wrap + 2 ** 30)
  })

  it('never makes a packet number below 0', () => {
    expect(readBack(0xffff_ffff, -1)).to.equal(0xffff_ffff)
    expect(readBack(0xffff_ffff, 10)).to.equal(0xffff_ffff)
  })
})
