import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { MsgError } from '../../core/errors.ts'

/** What a package's tarball holds: the names of all its files and the text of some. */
export interface TarballContent {
  /** Sizes in bytes by path inside the package, with `/`, as npm would unpack them. */
  readonly files: ReadonlyMap<string, number>
  /** Of the files that were asked for: those that are there. */
  readonly texts: ReadonlyMap<string, string>
  /** Of all files, bytes. */
  readonly unpackedBytes: number
}

/**
 * Reads a package's tarball without unpacking it.
 *
 * Nothing it says is believed: sizes, numbers and paths are checked on the way, and whatever npm and this reader could understand differently
 * is refused. Links are not counted as files: npm leaves them out.
 *
 * @param wanted - paths inside the package whose text is kept, and the most bytes each may have.
 * @throws MSG_ERR_PLUGIN_PACKAGE saying what is wrong
 */
export async function readTarball(path: string, wanted: Readonly<Record<string, number>>): Promise<TarballContent> {
  const reader = new TarReader(wanted)
  const raw = createReadStream(path)
  const source = (await isGzip(path)) ? raw.pipe(createGunzip()) : raw
  raw.on('error', (error) => source.destroy(error))
  try {
    for await (const chunk of source) if (!reader.handle(chunk as Buffer)) break
  } catch (error) {
    if (MsgError.is(error)) throw error
    throw refused(`it is no tarball of a package (${(error as Error).message})`, error)
  } finally {
    raw.destroy()
    source.destroy()
  }
  return reader.content()
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0)
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b
  } finally {
    await file.close()
  }
}

/** Reads tar headers as they come in, blocks of 512 bytes (POSIX.1-2017, pax interchange format, ustar). */
class TarReader {
  readonly #wanted: Readonly<Record<string, number>>
  readonly #files = new Map<string, number>()
  readonly #texts = new Map<string, string>()
  #bytes = 0
  #entries = 0
  #pending: Buffer = Buffer.alloc(0)
  #entry: Entry | undefined
  /** What an extended header says of the next entry. */
  #next: Readonly<Record<string, string>> = {}
  #isOver = false

  constructor(wanted: Readonly<Record<string, number>>) {
    this.#wanted = wanted
  }

  /** @returns false once the archive is over: what follows is padding. */
  handle(chunk: Buffer): boolean {
    this.#pending = this.#pending.byteLength === 0 ? chunk : Buffer.concat([this.#pending, chunk])
    while (!this.#isOver && this.#step()) continue
    return !this.#isOver
  }

  content(): TarballContent {
    if (this.#entry) throw refused('it ends in the middle of a file')
    if (this.#entries === 0) throw refused('it is no tarball of a package')
    return { files: this.#files, texts: this.#texts, unpackedBytes: this.#bytes }
  }

  /** @returns false when more has to come in first. */
  #step(): boolean {
    const entry = this.#entry
    if (!entry) {
      if (this.#pending.byteLength < BLOCK) return false
      const header = this.#take(BLOCK)
      if (header.every((byte) => byte === 0)) this.#isOver = true
      else this.#entry = this.#begin(header)
      return true
    }
    if (entry.left === 0) {
      this.#entry = undefined
      this.#end(entry)
      return true
    }
    if (this.#pending.byteLength === 0) return false
    const part = this.#take(Math.min(entry.left, this.#pending.byteLength))
    entry.left -= part.byteLength
    entry.parts?.push(part)
    return true
  }

  #take(bytes: number): Buffer {
    const part = this.#pending.subarray(0, bytes)
    this.#pending = this.#pending.subarray(bytes)
    return part
  }

  #begin(header: Buffer): Entry {
    if (++this.#entries > MAX_ENTRIES) throw refused(`it has more than ${MAX_ENTRIES} files`)
    if (octal(header, 148, 8) !== sumOf(header)) throw refused('it is damaged, or no tarball of a package')
    const type = header[156] === 0 ? '0' : String.fromCharCode(header[156] ?? 0)
    const isExtension = type === 'x' || type === 'g' || type === 'L' || type === 'K'
    const said = isExtension ? {} : this.#next
    if (!isExtension) this.#next = {}
    const size = said['size'] === undefined ? octal(header, 124, 12) : decimal(said['size'])
    const isUstar = text(header, 257, 5) === 'ustar'
    const prefix = isUstar ? text(header, 345, 155) : ''
    const name = said['path'] ?? (prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`)
    const left = Math.ceil(size / BLOCK) * BLOCK
    if (isExtension) {
      if (size > MAX_EXTENSION_BYTES) throw refused('a header in it is too large')
      return { type, size, left, parts: [] }
    }
    this.#bytes += size
    if (this.#bytes > MAX_UNPACKED_BYTES) throw refused(`it unpacks to more than ${MAX_UNPACKED_BYTES} bytes`)
    if (type !== '0' && type !== '7') return { type, size, left }
    const path = pathInside(name)
    if (path === undefined) return { type, size, left }
    if (this.#files.has(path)) throw refused(`it has ${JSON.stringify(path.slice(0, 80))} twice`)
    this.#files.set(path, size)
    const limit = Object.hasOwn(this.#wanted, path) ? this.#wanted[path] : undefined
    if (limit === undefined) return { type, size, left }
    if (size > limit) throw refused(`its ${path} has ${size} bytes, and may have ${limit}`)
    return { type, size, left, path, parts: [] }
  }

  #end({ type, size, path, parts = [] }: Entry): void {
    const content = (): string => Buffer.concat(parts).subarray(0, size).toString('utf8')
    if (path !== undefined) this.#texts.set(path, content())
    else if (type === 'x') this.#next = { ...this.#next, ...records(content()) }
    else if (type === 'L') this.#next = { ...this.#next, path: content().replace(/\0.*$/su, '') }
    else if (type === 'g' && ['path', 'size'].some((key) => key in records(content())))
      throw refused('a header in it is for all files at once')
  }
}

interface Entry {
  readonly type: string
  readonly size: number
  /** Bytes that are still to come, padding included. */
  left: number
  readonly path?: string
  readonly parts?: Buffer[]
}

/** As npm unpacks: without the first folder. @returns undefined for what npm leaves out. @throws MSG_ERR_PLUGIN_PACKAGE for odd ones */
function pathInside(name: string): string | undefined {
  const parts = name.split('/')
  const isOdd = parts.some((part) => part === '' || part === '.' || part === '..') || /[\\\0]|^[a-z]:/iu.test(name)
  if (isOdd) throw refused(`it has a file outside of its folder, ${JSON.stringify(name.slice(0, 80))}`)
  return parts.length === 1 ? undefined : parts.slice(1).join('/')
}

function text(header: Buffer, from: number, length: number): string {
  const field = header.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? length : end).toString('utf8')
}

function octal(header: Buffer, from: number, length: number): number {
  const digits = text(header, from, length).trim()
  if (!/^[0-7]{1,11}$/u.test(digits))
    throw refused('it is damaged, or no tarball of a package: a number cannot be read')
  return Number.parseInt(digits, 8)
}

function decimal(digits: string): number {
  if (!/^\d{1,12}$/u.test(digits)) throw refused('it is damaged, or no tarball of a package: a number cannot be read')
  return Number(digits)
}

/** The header's checksum: its bytes added up, those of the checksum itself taken as blanks. */
function sumOf(header: Buffer): number {
  let sum = 0
  for (const [i, byte] of header.entries()) sum += i >= 148 && i < 156 ? 0x20 : byte
  return sum
}

/** pax records: `<length> <key>=<value>\n`. */
function records(content: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (let rest = Buffer.from(content); rest.byteLength > 0;) {
    const length = Number.parseInt(rest.toString('latin1', 0, 12), 10)
    if (!(length > 3 && length <= rest.byteLength)) throw refused('a header in it cannot be read')
    const record = rest.subarray(0, length).toString('utf8')
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/su.exec(record) ?? []
    if (key === undefined || value === undefined) throw refused('a header in it cannot be read')
    found[key] = value
    rest = rest.subarray(length)
  }
  return found
}

function refused(detail: string, cause?: unknown): MsgError {
  return new MsgError('MSG_ERR_PLUGIN_PACKAGE', { detail, cause })
}

const BLOCK = 512
/** Far over any plugin; they bound what a tarball costs to read. */
const MAX_ENTRIES = 20_000
const MAX_UNPACKED_BYTES = 268_435_456
const MAX_EXTENSION_BYTES = 65_536
