import sodium from 'sodium-native'

/**
 * One direction's packet protection: ChaCha20-Poly1305 (RFC 8439) under one key, the packet number as nonce.
 *
 * By libsodium at every size. OpenSSL alone takes 11 % (seal) and 22 % (open) less at 60,000 bytes, but node:crypto gives each packet
 * a fresh buffer, and collecting those costs a running link more than that (docs/adr/0010).
 *
 * The caller never passes the same packet number twice to {@link PacketKey.seal}.
 */
export class PacketKey {
  readonly #key: Uint8Array
  readonly #nonce = new Uint8Array(12)
  #header = new Uint8Array(0)

  /** @param key - 32 bytes; owned by this object from now on. */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  /**
   * Encrypts `packet[headerLength .. end - 16)` in place and puts the tag into the last 16 bytes.
   *
   * @param headerLength - bytes at the start that stay readable and are authenticated.
   */
  seal(packetNumber: number, packet: Uint8Array, headerLength: number): void {
    this.#setNonce(packetNumber)
    const { buffer, byteOffset, byteLength } = packet
    const start = byteOffset + headerLength
    const length = byteLength - headerLength
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
      new Uint8Array(buffer, start, length),
      new Uint8Array(buffer, start, length - TAG_LENGTH),
      this.#headerOf(packet, headerLength),
      null,
      this.#nonce,
      this.#key,
    )
  }

  /**
   * Decrypts what {@link PacketKey.seal} made, in place: a packet can be tried once.
   *
   * @returns the plaintext, a view of the packet, or `undefined` when the packet is not authentic; its bytes are lost then.
   */
  open(packetNumber: number, packet: Uint8Array, headerLength: number): Uint8Array | undefined {
    const end = packet.byteLength - TAG_LENGTH
    if (end < headerLength) return undefined
    this.#setNonce(packetNumber)
    const { buffer, byteOffset } = packet
    const plain = new Uint8Array(buffer, byteOffset + headerLength, end - headerLength)
    try {
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
        plain,
        null,
        new Uint8Array(buffer, byteOffset + headerLength, end - headerLength + TAG_LENGTH),
        this.#headerOf(packet, headerLength),
        this.#nonce,
        this.#key,
      )
      return plain
    } catch {
      return undefined
    }
  }

  /** The key one ratchet step later; `mix` adds a fresh shared secret (32 bytes). Knowing it does not give this one. */
  next(mix?: Uint8Array): PacketKey {
    const key = Buffer.alloc(32)
    sodium.crypto_generichash(key, mix ? Buffer.concat([NEXT_LABEL, mix]) : NEXT_LABEL, this.#key)
    return new PacketKey(key)
  }

  /** Overwrites the key; the object is useless afterwards. */
  erase(): void {
    sodium.sodium_memzero(this.#key)
  }

  /** A copy: for so few bytes cheaper than a view of each packet. */
  #headerOf(packet: Uint8Array, length: number): Uint8Array {
    if (this.#header.byteLength !== length) this.#header = new Uint8Array(length)
    for (let i = 0; i < length; i++) this.#header[i] = packet[i]!
    return this.#header
  }

  #setNonce(packetNumber: number): void {
    const nonce = this.#nonce
    let rest = packetNumber
    for (let i = 4; i < 12; i++) {
      nonce[i] = rest % 0x100
      rest = Math.floor(rest / 0x100)
    }
  }
}

/** Bytes of an authentication tag. */
export const TAG_LENGTH = 16
const NEXT_LABEL = Buffer.from('msg key update 1')
