/** The longest beginning of the bytes that does not cut a character of UTF-8, and what is left of them. */
export function cutUtf8(bytes: Buffer): { whole: Buffer; rest: Buffer } {
  for (let back = 1; back <= Math.min(3, bytes.byteLength); back++) {
    const byte = bytes[bytes.byteLength - back]!
    if (byte < 0x80 || byte > 0xf4) break
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    const at = bytes.byteLength - back
    return length > back ? { whole: bytes.subarray(0, at), rest: bytes.subarray(at) } : { whole: bytes, rest: EMPTY }
  }
  return { whole: bytes, rest: EMPTY }
}

/** Bytes as JSON can have them: `text` when they are UTF-8, else `base64`. Put together again they are what was written. */
export type Portion = { readonly text: string } | { readonly base64: string }

/** Makes portions of one stream's bytes; a character that came in two pieces is not torn. */
export class Portions {
  #rest = EMPTY

  handleBytes(bytes: Uint8Array): Portion[] {
    const { whole, rest } = cutUtf8(Buffer.concat([this.#rest, bytes]))
    this.#rest = Buffer.from(rest)
    return whole.byteLength === 0 ? [] : [portionOf(whole)]
  }

  /** What is left at the end. */
  end(): Portion[] {
    const rest = this.#rest
    this.#rest = EMPTY
    return rest.byteLength === 0 ? [] : [portionOf(rest)]
  }
}

/** Makes lines of one stream's bytes, for people; what is no UTF-8 is replaced. */
export class Lines {
  #text = ''
  readonly #portions = new Portions()

  handleBytes(bytes: Uint8Array): string[] {
    for (const portion of this.#portions.handleBytes(bytes)) this.#text += textOf(portion)
    const lines = this.#text.split('\n')
    this.#text = lines.pop()!
    while (this.#text.length > MAX_LINE) {
      lines.push(this.#text.slice(0, MAX_LINE))
      this.#text = this.#text.slice(MAX_LINE)
    }
    return lines.map((line) => line.replace(/\r$/u, ''))
  }

  /** The last line, when nothing ended it. */
  end(): string[] {
    const text = this.#text + this.#portions.end().map(textOf).join('')
    this.#text = ''
    return text === '' ? [] : [text]
  }
}

function portionOf(bytes: Buffer): Portion {
  try {
    return { text: STRICT.decode(bytes) }
  } catch {
    return { base64: bytes.toString('base64') }
  }
}

const textOf = (portion: Portion): string =>
  'text' in portion ? portion.text : Buffer.from(portion.base64, 'base64').toString('utf8')

const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const EMPTY: Buffer = Buffer.alloc(0)
/** Longer lines are told in parts, UTF-16 units. */
const MAX_LINE = 4_096
