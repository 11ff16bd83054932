import { isUtf8 } from 'node:buffer'
import { MsgError } from '../errors.ts'
import { Reader } from '../wire/reader.ts'
import { varintSize, Writer } from '../wire/writer.ts'
import {
  blockCount,
  isBlockSize,
  MAX_BLOCKS,
  MAX_ENTRIES,
  MAX_MANIFEST,
  MAX_MTIME,
  MAX_NAME,
  MAX_PATH,
  type Entry,
  type Manifest,
} from './manifest.ts'

/**
 * Encodes a manifest; equal manifests have equal bytes. Integers are varints in their shortest form:
 *
 * ```
 * version (1), kind (0 file | 1 folder | 2 stream), block size, size + 1 (0: not known), name length, name,
 * entry count, then for each entry: kind (0 file | 1 folder), mode, mtime, size, path length, path
 * ```
 *
 * @throws MSG_ERR_LIMIT for more entries, longer names or more blocks than a manifest may have.
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { entries, name } = manifest
  bounded('entries', MAX_ENTRIES, entries.length)
  bounded('blocks', MAX_BLOCKS, Math.max(0, blockCount(manifest)))
  const head = [VERSION, KINDS.indexOf(manifest.kind), manifest.blockSize, manifest.size + 1]
  const nameSize = bounded('bytes of a name', MAX_NAME, Buffer.byteLength(name))
  let length = head.reduce((sum, value) => sum + varintSize(value), 0)
  length += varintSize(nameSize) + nameSize + varintSize(entries.length)
  for (const { path, mode, mtime, size } of entries) {
    const pathSize = bounded('bytes of a path', MAX_PATH, Buffer.byteLength(path))
    length += 1 + varintSize(mode) + varintSize(mtime) + varintSize(size) + varintSize(pathSize) + pathSize
  }
  const bytes = Buffer.allocUnsafe(bounded('bytes of a manifest', MAX_MANIFEST, length))
  const writer = new Writer(bytes)
  for (const value of head) writer.varint(value)
  const text = (value: string): void => {
    const size = Buffer.byteLength(value)
    writer.varint(size)
    bytes.write(value, writer.offset)
    writer.skip(size)
  }
  text(name)
  writer.varint(entries.length)
  for (const { kind, path, mode, mtime, size } of entries) {
    writer.u8(kind === 'folder' ? 1 : 0)
    writer.varint(mode)
    writer.varint(mtime)
    writer.varint(size)
    text(path)
  }
  return bytes
}

/**
 * Reads what {@link encodeManifest} wrote. Takes memory in proportion to `bytes`.
 *
 * @throws MSG_ERR_PROTOCOL unless it is exactly what `encodeManifest` writes for some manifest; MSG_ERR_LIMIT for what is too
 * long, too large or too many; MSG_ERR_VERSION.
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  bounded('bytes of a manifest', MAX_MANIFEST, bytes.byteLength)
  const reader = new Reader(bytes)
  if (varint(reader) !== VERSION) throw new MsgError('MSG_ERR_VERSION', { detail: 'a manifest of another version' })
  const kind = KINDS[varint(reader)]
  if (kind === undefined) throw broken('of no kind')
  const blockSize = varint(reader)
  if (!isBlockSize(blockSize)) throw broken('with blocks of a strange size')
  const size = varint(reader) - 1
  if (size < 0 && kind !== 'stream') throw broken('without a size')
  bounded('blocks', MAX_BLOCKS, blockCount({ size, blockSize }))
  const name = text(reader, MAX_NAME)
  const count = bounded('entries', MAX_ENTRIES, varint(reader))
  if (count * MIN_ENTRY > reader.remaining) throw broken('cut short')
  if (kind !== 'folder' && count !== 1) throw broken('of one file with other entries')
  const entries: Entry[] = []
  let sum = 0
  for (let i = 0; i < count; i++) {
    const entry = decodeEntry(reader)
    if (kind !== 'folder' && entry.kind !== 'file') throw broken('of one file that is a folder')
    sum += entry.size
    entries.push(entry)
  }
  if (reader.remaining > 0) throw broken('with bytes left over')
  if (sum !== Math.max(0, size)) throw broken('whose sizes do not add up')
  return { name, kind, entries, size, blockSize }
}

function decodeEntry(reader: Reader): Entry {
  const kind = varint(reader)
  if (kind > 1) throw broken('with an entry of no kind')
  const mode = varint(reader)
  if (mode > 0o777) throw broken('with a mode that is none')
  const mtime = varint(reader)
  if (mtime > MAX_MTIME) throw broken('with a time that no clock shows')
  const size = varint(reader)
  if (kind === 1 && size > 0) throw broken('with a folder that has bytes')
  return { path: text(reader, MAX_PATH), kind: kind === 1 ? 'folder' : 'file', size, mode, mtime }
}

function text(reader: Reader, limit: number): string {
  const size = bounded('bytes of a name', limit, varint(reader))
  if (size === 0) throw broken('with an empty name')
  const bytes = reader.bytes(size)
  if (!isUtf8(bytes)) throw broken('with text that is not UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, size).toString()
}

/** A varint in its shortest form: otherwise one content would have many names. */
function varint(reader: Reader): number {
  const before = reader.remaining
  const value = reader.varint()
  if (before - reader.remaining !== varintSize(value)) throw broken('with a number spelt at length')
  return value
}

function bounded(what: string, limit: number, value: number): number {
  if (value > limit) throw new MsgError('MSG_ERR_LIMIT', { detail: `${value} ${what}, at most ${limit}` })
  return value
}

const broken = (how: string): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail: `a manifest ${how}` })

/** Values of `kind` by their position. */
const KINDS = ['file', 'folder', 'stream'] as const
const VERSION = 1
/** Kind, mode, mtime, size, path length and a path of one byte. */
const MIN_ENTRY = 6
