import { expect } from 'chai'
import { createCipheriv } from 'node:crypto'
import { PacketKey, TAG_LENGTH } from '../../../src/core/crypto/packet-keys.ts'

const HEADER = 5
const secret = (byte = 7): Uint8Array => new Uint8Array(32).fill(byte)
const plain = Buffer.from('attack at dawn')
const packetOf = (header = 1): Uint8Array => {
  const packet = new Uint8Array(HEADER + plain.byteLength + TAG_LENGTH)
  packet.fill(header, 0, HEADER)
  packet.set(plain, HEADER)
  return packet
}
const sealed = (key: PacketKey, packetNumber: number): Uint8Array => {
  const packet = packetOf()
  key.seal(packetNumber, packet, HEADER)
  return packet
}

describe('crypto/packet-keys', () => {
  it('opens what it sealed and leaves the header readable', () => {
    const packet = sealed(new PacketKey(secret()), 42)
    expect([...packet.subarray(0, HEADER)]).to.deep.equal(Array(HEADER).fill(1))
    expect(Buffer.from(packet).includes(plain)).to.equal(false)
    expect(Buffer.from(new PacketKey(secret()).open(42, packet, HEADER)!).equals(plain)).to.equal(true)
  })

  it('is ChaCha20-Poly1305 of RFC 8439 with the packet number as nonce: 4 zeros, 8 bytes little-endian', () => {
    for (const packetNumber of [0, 1, 0xffff_ffff, 0x1_0000_0000, 0x12_3456_789a]) {
      const nonce = Buffer.alloc(12)
      nonce.writeBigUInt64LE(BigInt(packetNumber), 4)
      const cipher = createCipheriv('chacha20-poly1305', secret(), nonce, { authTagLength: TAG_LENGTH })
      cipher.setAAD(Buffer.alloc(HEADER, 1), { plaintextLength: plain.byteLength })
      const expected = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
      const packet = sealed(new PacketKey(secret()), packetNumber)
      expect(Buffer.from(packet.subarray(HEADER)).equals(expected), String(packetNumber)).to.equal(true)
    }
  })

  it('refuses every packet with one bit changed, in header, text or tag', () => {
    const key = new PacketKey(secret())
    const packet = sealed(key, 1)
    for (let bit = 0; bit < packet.byteLength * 8; bit++) {
      const changed = Uint8Array.from(packet)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(key.open(1, changed, HEADER), `bit ${bit}`).to.equal(undefined)
    }
    expect(key.open(1, packet, HEADER)).to.not.equal(undefined)
  })

  it('refuses another packet number, another key and another header length', () => {
    const key = new PacketKey(secret())
    const packet = sealed(key, 1)
    expect(key.open(2, packet, HEADER)).to.equal(undefined)
    expect(key.open(1 + 2 ** 32, packet, HEADER)).to.equal(undefined)
    expect(new PacketKey(secret(8)).open(1, packet, HEADER)).to.equal(undefined)
    expect(key.open(1, packet, HEADER - 1)).to.equal(undefined)
  })

  it('refuses what is too short to hold a tag, and takes an empty text', () => {
    const key = new PacketKey(secret())
    for (let length = 0; length < HEADER + TAG_LENGTH; length++) {
      expect(key.open(1, new Uint8Array(length), HEADER), String(length)).to.equal(undefined)
    }
    const empty = new Uint8Array(HEADER + TAG_LENGTH)
    key.seal(1, empty, HEADER)
    expect(key.open(1, empty, HEADER)).to.have.length(0)
  })

  it('opens a packet in place: its header stays, and it can be opened once', () => {
    const key = new PacketKey(secret())
    const packet = sealed(key, 1)
    const header = Uint8Array.from(packet.subarray(0, HEADER))
    const plain = key.open(1, packet, HEADER)!
    expect(plain.buffer).to.equal(packet.buffer)
    expect(Buffer.from(packet.subarray(0, HEADER)).equals(header)).to.equal(true)
    expect(key.open(1, packet, HEADER)).to.equal(undefined)
  })

  it('turns the ratchet the same way on both sides, and to another key', () => {
    const [a, b] = [new PacketKey(secret()), new PacketKey(secret())]
    const packet = sealed(a.next(), 1)
    expect(b.next().open(1, packet, HEADER)).to.not.equal(undefined)
    expect(b.open(1, packet, HEADER)).to.equal(undefined)
    expect(b.next().next().open(1, packet, HEADER)).to.equal(undefined)
  })

  it('makes another key from a fresh secret', () => {
    const key = new PacketKey(secret())
    const mix = new Uint8Array(32).fill(3)
    const packet = sealed(key.next(mix), 1)
    expect(key.next(mix).open(1, packet, HEADER)).to.not.equal(undefined)
    expect(key.next().open(1, packet, HEADER)).to.equal(undefined)
    expect(key.next(new Uint8Array(32).fill(4)).open(1, packet, HEADER)).to.equal(undefined)
  })

  it('overwrites its key when it is erased', () => {
    const bytes = secret()
    const key = new PacketKey(bytes)
    const packet = sealed(key, 1)
    key.erase()
    expect(bytes.every((byte) => byte === 0)).to.equal(true)
    expect(key.open(1, packet, HEADER)).to.equal(undefined)
  })
})
