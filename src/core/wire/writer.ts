/**
 * A cursor that fills a caller's buffer. The caller checks {@link Writer.remaining} first; writing past the end throws a
 * `RangeError`, which is a defect of the caller and never the peer's doing.
 */
export class Writer {
  readonly #bytes: Uint8Array
  #offset: number

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes
    this.#offset = offset
  }

  /** Position of the next byte. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes that still fit. */
  get remaining(): number {
    return this.#bytes.byteLength - this.#offset
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#offset++] = value
  }

  u16(value: number): void {
    this.u8(value >>> 8)
    this.u8(value & 0xff)
  }

  /** Variable-length integer of RFC 9000 section 16 in its shortest form; 0 to 2^53 - 1. */
  varint(value: number): void {
    const length = varintSize(value)
    this.#reserve(length)
    let rest = value
    for (let i = length - 1; i >= 0; i--) {
      this.#bytes[this.#offset + i] = rest % 0x100
      rest = Math.floor(rest / 0x100)
    }
    this.#bytes[this.#offset]! |= Math.log2(length) << 6
    this.#offset += length
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.byteLength)
    this.#bytes.set(value, this.#offset)
    this.#offset += value.byteLength
  }

  /** Leaves `length` bytes as they are: somebody else filled them. */
  skip(length: number): void {
    this.#reserve(length)
    this.#offset += length
  }

  #reserve(length: number): void {
    if (this.remaining < length) throw new RangeError(`no room for ${length} bytes`)
  }
}

/** Bytes that {@link Writer.varint} takes for `value`: 1, 2, 4 or 8. */
export function varintSize(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1
  if (value < 0x4000) return 2
  if (value < 0x4000_0000) return 4
  return 8
}
