import { MsgError } from '../../core/errors.ts'

/**
 * Splits a byte stream into lines of UTF-8 text; LF or CRLF ends one, the last needs none.
 *
 * Memory is bounded: a line over `maxBytes` is skipped to its end and yielded as an error in its place.
 *
 * @param maxBytes - longest line, without its end, bytes.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array | string>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<string | MsgError> {
  let parts: Uint8Array[] = []
  let size = 0
  let isTooLong = false
  const take = (): string | MsgError => {
    const line = isTooLong ? tooLong(maxBytes) : Buffer.concat(parts).toString('utf8').replace(/\r$/u, '')
    parts = []
    size = 0
    isTooLong = false
    return line
  }
  const add = (bytes: Uint8Array): void => {
    size += bytes.byteLength
    if (size > maxBytes) isTooLong = true
    if (isTooLong) parts = []
    else if (bytes.byteLength > 0) parts.push(bytes)
  }
  for await (const chunk of chunks) {
    let rest = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    for (let end = rest.indexOf(LF); end !== -1; end = rest.indexOf(LF)) {
      add(rest.subarray(0, end))
      rest = rest.subarray(end + 1)
      yield take()
    }
    add(rest)
  }
  if (size > 0) yield take()
}

function tooLong(maxBytes: number): MsgError {
  return new MsgError('MSG_ERR_MESSAGE_TOO_LONG', { detail: `the line is over ${maxBytes.toLocaleString('en')} bytes` })
}

const LF = 0x0a
/** Room for the longest message (65,536 bytes) when JSON writes each byte as a `\u00XX` escape. */
const MAX_LINE_BYTES = 65_536 * 6 + 1024
