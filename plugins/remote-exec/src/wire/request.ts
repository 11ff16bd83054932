import { MsgError } from 'msg-cli/plugin'

/** One end of a request: a user and one of their devices. */
export interface Party {
  readonly user: string
  /** Ed25519 public key of the device, 32 bytes. */
  readonly key: Uint8Array
}

/** What a sender asks for, and signs. */
export interface ExecRequest {
  /** 16 random bytes, never used twice. */
  readonly nonce: Uint8Array
  /** When it was made, by the sender's clock, milliseconds since 1970. */
  readonly at: number
  readonly from: Party
  readonly to: Party
  /** The command and its arguments, exactly; at least the command. */
  readonly argv: readonly string[]
  /** Where it is to run; '' leaves that to the target. */
  readonly cwd: string
}

/**
 * The one way to write a request as bytes: version (1), nonce (16), time (8), and then each text as its length in UTF-8 (4) and its bytes: user and key of
 * the sender, of the target, the directory, how many words there are (2), and the words.
 *
 * @throws MSG_ERR_USAGE for words that cannot be given to a command, or are too long.
 */
export function encodeRequest({ nonce, at, from, to, argv, cwd }: ExecRequest): Uint8Array {
  if (nonce.byteLength !== NONCE || from.key.byteLength !== KEY || to.key.byteLength !== KEY)
    throw new RangeError('a nonce or a key of another length')
  if (argv.length < 1 || argv.length > MAX_WORDS || argv[0] === '')
    throw new MsgError('MSG_ERR_USAGE', { detail: `a command has 1 to ${MAX_WORDS} words` })
  for (const text of [...argv, cwd])
    if (!isSayable(text))
      throw new MsgError('MSG_ERR_USAGE', { detail: 'a word of a command holds what no command can be given' })
  const head = Buffer.alloc(1 + NONCE + 8)
  head[0] = VERSION
  head.set(nonce, 1)
  head.writeBigUInt64BE(BigInt(at), 1 + NONCE)
  const count = Buffer.alloc(2)
  count.writeUInt16BE(argv.length)
  const words = argv.map(textBytes)
  const size = words.reduce((sum, word) => sum + word.byteLength, 0)
  if (size > MAX_ARGV || cwd.length > MAX_CWD)
    throw new MsgError('MSG_ERR_USAGE', { detail: `a command has ${MAX_ARGV.toLocaleString('en')} bytes at most` })
  return Buffer.concat([
    head,
    textBytes(from.user),
    from.key,
    textBytes(to.user),
    to.key,
    textBytes(cwd),
    count,
    ...words,
  ])
}

/** @throws MSG_ERR_PROTOCOL for bytes that {@link encodeRequest} does not make. */
export function decodeRequest(bytes: Uint8Array): ExecRequest {
  const cursor = new Cursor(bytes)
  if (cursor.take(1)[0] !== VERSION) throw broken('a request of another version')
  const nonce = cursor.take(NONCE)
  const at = Number(cursor.take(8).readBigUInt64BE())
  // Later is no date.
  if (at > MAX_TIME) throw broken('a request of no time')
  const from = { user: cursor.text(MAX_NAME), key: cursor.take(KEY) }
  const to = { user: cursor.text(MAX_NAME), key: cursor.take(KEY) }
  const cwd = cursor.text(MAX_CWD)
  const count = cursor.take(2).readUInt16BE()
  if (count < 1 || count > MAX_WORDS) throw broken(`a command of ${count} words`)
  const argv: string[] = []
  for (let i = 0; i < count; i++) argv.push(cursor.text(MAX_ARGV))
  if (cursor.remaining > 0) throw broken('a request with more behind it')
  if (argv[0] === '' || ![...argv, cwd].every(isSayable)) throw broken('a word that no command can be given')
  return { nonce, at, from, to, argv, cwd }
}

/** True for what the system can hand to a command and UTF-8 can spell: no NUL, no half of a surrogate pair. */
export function isSayable(text: string): boolean {
  return Buffer.from(text).toString() === text && !text.includes('\0')
}

class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get remaining(): number {
    return this.#bytes.byteLength - this.#at
  }

  take(length: number): Buffer {
    if (length > this.remaining) throw broken('a request that is cut short')
    return this.#bytes.subarray(this.#at, (this.#at += length))
  }

  text(max: number): string {
    const length = this.take(4).readUInt32BE()
    if (length > max) throw broken(`a text of ${length} bytes`)
    try {
      return UTF8.decode(this.take(length))
    } catch (cause) {
      throw MsgError.is(cause) ? cause : broken('a text that is no UTF-8')
    }
  }
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.byteLength)
  return Buffer.concat([length, bytes])
}

const broken = (detail: string): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail: `remote-exec: ${detail}` })
/** A byte order mark is a character of the word. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const VERSION = 1
const NONCE = 16
/** The last time that a date can have, milliseconds since 1970. */
const MAX_TIME = 8_640_000_000_000_000
const KEY = 32
/** Bytes of a name as UTF-8; names have 32 characters. */
const MAX_NAME = 128
/** Bytes of a path. */
const MAX_CWD = 4_096
/** Words of a command, the command itself among them. */
export const MAX_WORDS = 256
/** Bytes of all words, 4 for each included. */
export const MAX_ARGV = 32_768
