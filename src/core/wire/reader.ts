import { MsgError } from '../errors.ts'

/**
 * A cursor over received bytes. Every read is checked against the end first; a read past it means the peer broke the protocol.
 *
 * Integers are the variable-length integers of RFC 9000 section 16, limited to 2^53 - 1.
 */
export class Reader {
  readonly #bytes: Uint8Array
  #offset: number

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes
    this.#offset = offset
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.byteLength - this.#offset
  }

  /** @throws MSG_ERR_PROTOCOL at the end. */
  u8(): number {
    const value = this.#bytes[this.#offset]
    if (value === undefined) throw truncated()
    this.#offset++
    return value
  }

  /** @throws MSG_ERR_PROTOCOL when fewer than 2 bytes remain. */
  u16(): number {
    return this.u8() * 0x100 + this.u8()
  }

  /**
   * One variable-length integer, 1 to 8 bytes.
   *
   * @throws MSG_ERR_PROTOCOL when it is cut short or above 2^53 - 1.
   */
  varint(): number {
    const first = this.u8()
    const length = 1 << (first >> 6)
    let value = first & 0x3f
    if (this.remaining < length - 1) throw truncated()
    for (let i = 1; i < length; i++) value = value * 0x100 + this.#bytes[this.#offset++]!
    if (value > Number.MAX_SAFE_INTEGER) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'an integer is too large' })
    return value
  }

  /**
   * The next `length` bytes as a view, not a copy.
   *
   * @throws MSG_ERR_PROTOCOL when fewer remain.
   */
  bytes(length: number): Uint8Array {
    if (this.remaining < length) throw truncated()
    return this.#bytes.subarray(this.#offset, (this.#offset += length))
  }

  /** Everything that remains, as a view. */
  rest(): Uint8Array {
    return this.bytes(this.remaining)
  }
}

const truncated = (): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail: 'cut short' })
