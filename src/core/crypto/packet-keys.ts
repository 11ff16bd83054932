import sodium from 'sodium-native'

/**
 * One direction's packet protection: ChaCha20-Poly1305 (RFC 8439) under one key, the packet number as nonce.
 *
 * The caller never passes the same packet number twice to {@link PacketKey.seal}.
 */
export class PacketKey {
  readonly #key: Uint8Array
  readonly #nonce = Buffer.alloc(12)

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
    const plain = packet.subarray(headerLength, packet.byteLength - TAG_LENGTH)
    const out = packet.subarray(headerLength)
    sodium.crypto_aead_chacha20poly1305_ietf_encrypt(
      out,
      plain,
      packet.subarray(0, headerLength),
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
    const plain = packet.subarray(headerLength, end)
    try {
      const cipher = packet.subarray(headerLength)
      sodium.crypto_aead_chacha20poly1305_ietf_decrypt(
        plain,
        null,
        cipher,
        packet.subarray(0, headerLength),
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

  #setNonce(packetNumber: number): void {
    this.#nonce.writeUInt32LE(packetNumber % 0x1_0000_0000, 4)
    this.#nonce.writeUInt32LE(Math.floor(packetNumber / 0x1_0000_0000), 8)
  }
}

/** Bytes of an authentication tag. */
export const TAG_LENGTH = 16
const NEXT_LABEL = Buffer.from('msg key update 1')
