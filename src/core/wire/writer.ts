/**
 * A cursor that fills a caller's buffer. The caller checks {@link Writer.remaining} first; writing past the end throws a
 * `RangeError`, which is a defect of the caller and never the peer's doing.
 */
export class Writer {
  readonly #bytes: Uint8Array
  readonly #end: number
  #offset: number

  /** @param end - where the room ends, exclusive. @default the end of `bytes` */
  constructor(bytes: Uint8Array, offset = 0, end = bytes.byteLength) {
    this.#bytes = bytes
    this.#offset = offset
    this.#end = end
  }

  /** Position of the next byte. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes that still fit. */
  get remaining(): number {
    return this.#end - this.#offset
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
    const bytes = this.#bytes
    const at = this.#offset
    this.#offset += length
    let low = value
    if (length === 8) {
      const high = Math.floor(value / 0x1_0000_0000)
      bytes[at] = 0xc0 | (high >>> 24)
      bytes[at + 1] = high >>> 16
      bytes[at + 2] = high >>> 8
      bytes[at + 3] = high
    } else low = value + PREFIX[length] * 0x100 ** (length - 1)
    for (let i = length === 8 ? 4 : 0; i < length; i++) bytes[at + i] = low >>> (8 * (length - 1 - i))
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

/** The two highest bits of a varint of 1, 2 or 4 bytes, in its first byte. RFC 9000 section 16 */
const PREFIX = { 1: 0x00, 2: 0x40, 4: 0x80 } as const

/** Bytes that {@link Writer.varint} takes for `value`: 1, 2, 4 or 8. */
export function varintSize(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1
  if (value < 0x4000) return 2
  if (value < 0x4000_0000) return 4
  return 8
}
