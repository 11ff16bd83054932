import { MsgError } from '../errors.ts'

/** How every stream of a link but the chat stream begins: a length and the name of its protocol in ASCII, `files/1`. */
export function encodeStreamName(name: string): Uint8Array {
  return Buffer.from(`${String.fromCharCode(name.length)}${name}`, 'latin1')
}

/** True for a name that a stream can begin with: 1 to 48 plain letters, digits and `/ . - _`. */
export function isStreamName(name: string): boolean {
  return name.length >= 1 && name.length <= MAX_STREAM_NAME && PATTERN.test(name)
}

/** Reads the name that opens a stream, however its bytes arrive. Holds no more than the name. */
export class StreamNameReader {
  #held = Buffer.alloc(0)

  /**
   * The next bytes of the stream.
   *
   * @returns the name and the bytes that follow it, a view of `bytes`; `undefined` when more bytes are needed.
   * @throws MSG_ERR_PROTOCOL for a name that is empty, longer than {@link MAX_STREAM_NAME} or not plain letters, digits and `/ . - _`.
   */
  handleBytes(bytes: Uint8Array): { readonly name: string; readonly rest: Uint8Array } | undefined {
    const before = this.#held.byteLength
    this.#held = Buffer.concat([this.#held, bytes.subarray(0, 1 + MAX_STREAM_NAME - before)])
    const length = this.#held[0]
    if (length === undefined) return undefined
    if (length < 1 || length > MAX_STREAM_NAME) throw unnamed()
    const name = this.#held.toString('latin1', 1, 1 + length)
    if (!PATTERN.test(name)) throw unnamed()
    return this.#held.byteLength > length ? { name, rest: bytes.subarray(1 + length - before) } : undefined
  }
}

const unnamed = (): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail: 'a stream without a proper name' })

/** Longest name, bytes; below 64, so that its length is a varint of one byte. */
const MAX_STREAM_NAME = 48
const PATTERN = /^[\w/.-]*$/
