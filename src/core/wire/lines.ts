import { MsgError } from '../errors.ts'

/**
 * Cuts a stream of bytes into lines of UTF-8 text, with a bound on every line.
 *
 * Give it bytes with `handleBytes`, then call `pollLine` until `undefined`. Holds at most `limit` bytes of an unfinished line,
 * and nothing between lines. Unusable after it has thrown.
 */
export class LineSplitter {
  readonly #limit: number
  /** The unfinished line's bytes so far: `#held` of them. Grows by doubling, so one-byte chunks cost no more than large ones. */
  #buffer: Uint8Array = EMPTY
  #held = 0
  #chunk: Uint8Array = EMPTY
  #offset = 0

  /** @param limit - largest line in bytes, newline included. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Bytes of the line that is not finished yet. */
  get held(): number {
    return this.#held + this.#chunk.byteLength - this.#offset
  }

  /** The next bytes; the view is used until `pollLine` has returned `undefined`. */
  handleBytes(chunk: Uint8Array): void {
    if (this.#offset < this.#chunk.byteLength) chunk = Buffer.concat([this.#chunk.subarray(this.#offset), chunk])
    this.#chunk = chunk
    this.#offset = 0
  }

  /**
   * The next whole line that is not empty, without its newline (`\n` or `\r\n`), or `undefined` when more bytes are needed.
   *
   * @throws MSG_ERR_LIMIT for a line over the limit, as soon as that is certain; MSG_ERR_PROTOCOL when it is not UTF-8.
   */
  pollLine(): string | undefined {
    for (;;) {
      const end = this.#chunk.indexOf(NEWLINE, this.#offset)
      const size = this.#held + (end < 0 ? this.#chunk.byteLength : end) - this.#offset
      if (size + 1 > this.#limit)
        throw new MsgError('MSG_ERR_LIMIT', { detail: `a line holds at most ${this.#limit} bytes` })
      if (end < 0) {
        this.#hold(this.#chunk.subarray(this.#offset))
        this.#chunk = EMPTY
        this.#offset = 0
        return undefined
      }
      const piece = this.#chunk.subarray(this.#offset, end)
      this.#offset = end + 1
      const line = this.#held > 0 ? this.#join(piece) : piece
      const text = decode(line.at(-1) === RETURN ? line.subarray(0, -1) : line)
      if (text !== '') return text
    }
  }

  #hold(bytes: Uint8Array): void {
    const size = this.#held + bytes.byteLength
    if (size > this.#buffer.byteLength) {
      const larger = new Uint8Array(Math.min(this.#limit, Math.max(MIN_BUFFER, 2 * size)))
      larger.set(this.#buffer.subarray(0, this.#held))
      this.#buffer = larger
    }
    this.#buffer.set(bytes, this.#held)
    this.#held = size
  }

  #join(piece: Uint8Array): Uint8Array {
    this.#hold(piece)
    const line = this.#buffer.subarray(0, this.#held)
    this.#buffer = EMPTY
    this.#held = 0
    return line
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a line is not UTF-8', cause })
  }
}

const NEWLINE = 0x0a
const RETURN = 0x0d
const EMPTY = new Uint8Array(0)
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Smallest buffer for an unfinished line, bytes: most lines arrive whole and never need one. */
const MIN_BUFFER = 256
