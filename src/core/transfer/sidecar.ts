import { createHash } from 'node:crypto'
import { MsgError } from '../errors.ts'
import { Reader } from '../wire/reader.ts'
import { varintSize, Writer } from '../wire/writer.ts'
import { Bitmap, type ReadonlyBitmap } from './bitmap.ts'
import { HASH_SIZE } from './hash.ts'
import { decodeManifest } from './manifest-codec.ts'
import { blockCount, MAX_BLOCKS, MAX_MANIFEST, type Manifest } from './manifest.ts'

/**
 * What is kept beside a partial file: a head, written once before the first block, then one record appended for each block after
 * its bytes are on the disk.
 *
 * ```
 * head    magic 8 ("msgpart1"), manifest length varint, encoded manifest, known (0 | 1),
 *         if known: count varint, that many block hashes of 32; checksum 32
 * record  index 4, hash 32, checksum 8
 * ```
 *
 * A checksum is SHA-256: of everything before it for the head; for a record the first 8 bytes of it over the head's checksum and the 36 bytes
 * before, so that no record counts for another download. Records have one size: a damaged one is passed over and costs its block
 * only, and an unfinished one at the end is to be cut off (`length`) before the next is appended.
 *
 * @packageDocumentation
 */
export interface SidecarState {
  readonly manifest: Manifest
  /** As it was encoded: what hashes are made of. */
  readonly encodedManifest: Uint8Array
  /** All block hashes, 32 bytes each, when they were known from the start; else `undefined`. */
  readonly known: Uint8Array | undefined
  /** Blocks that were verified and written. */
  readonly verified: ReadonlyBitmap
  /** Their hashes. */
  readonly hashes: ReadonlyMap<number, Uint8Array>
  /** Good for {@link encodeRecord}. */
  readonly key: Uint8Array
  /** Bytes up to the end of the last whole record: the file is cut there before anything is appended. */
  readonly length: number
}

/** @param known - all block hashes, when they are known before the first block comes. */
export function encodeHead(
  encodedManifest: Uint8Array,
  known?: Uint8Array,
): { readonly bytes: Uint8Array; readonly key: Uint8Array } {
  const count = (known?.byteLength ?? 0) / HASH_SIZE
  const size = MAGIC.byteLength + varintSize(encodedManifest.byteLength) + encodedManifest.byteLength + 1
  const bytes = Buffer.alloc(size + (known ? varintSize(count) + known.byteLength : 0) + CHECKSUM)
  const writer = new Writer(bytes)
  writer.bytes(MAGIC)
  writer.varint(encodedManifest.byteLength)
  writer.bytes(encodedManifest)
  writer.u8(known ? 1 : 0)
  if (known) {
    writer.varint(count)
    writer.bytes(known)
  }
  const key = sha256(bytes.subarray(0, writer.offset))
  writer.bytes(key)
  return { bytes, key }
}

/** One verified block; {@link RECORD_SIZE} bytes. @param key - of the head. */
export function encodeRecord(key: Uint8Array, index: number, hash: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(RECORD_SIZE)
  bytes.writeUInt32BE(index, 0)
  bytes.set(hash, 4)
  bytes.set(sha256(key, bytes.subarray(0, BODY)).subarray(0, RECORD_SIZE - BODY), BODY)
  return bytes
}

/**
 * Reads a sidecar, whatever became of it: no block counts that was not recorded.
 *
 * @throws MSG_ERR_TRANSFER_INTEGRITY when its head is not whole: then nothing is known, and the download starts again.
 */
export function decodeSidecar(bytes: Uint8Array): SidecarState {
  const { manifest, encodedManifest, known, key, end } = decodeHead(bytes)
  const blocks = blockCount(manifest)
  const verified = new Bitmap(blocks)
  const hashes = new Map<number, Uint8Array>()
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = end
  for (; at + RECORD_SIZE <= file.byteLength; at += RECORD_SIZE) {
    const body = file.subarray(at, at + BODY)
    const checksum = file.subarray(at + BODY, at + RECORD_SIZE)
    if (
      !sha256(key, body)
        .subarray(0, RECORD_SIZE - BODY)
        .equals(checksum)
    )
      continue
    const index = body.readUInt32BE(0)
    const hash = Uint8Array.from(body.subarray(4))
    if (
      index >= blocks ||
      (known && Buffer.compare(hash, known.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE)) !== 0)
    )
      continue
    verified.add(index)
    hashes.set(index, hash)
  }
  return { manifest, encodedManifest, known, verified, hashes, key, length: at }
}

function decodeHead(
  bytes: Uint8Array,
): Pick<SidecarState, 'manifest' | 'encodedManifest' | 'known' | 'key'> & { readonly end: number } {
  try {
    const reader = new Reader(bytes)
    if (Buffer.compare(reader.bytes(MAGIC.byteLength), MAGIC) !== 0) throw damaged('no sidecar')
    const length = reader.varint()
    if (length > MAX_MANIFEST) throw damaged('a manifest too long')
    const encodedManifest = reader.bytes(length)
    const flag = reader.u8()
    const count = flag === 1 ? reader.varint() : 0
    if (flag > 1 || count > MAX_BLOCKS) throw damaged('too many hashes')
    const known = flag === 1 ? reader.bytes(count * HASH_SIZE) : undefined
    const end = bytes.byteLength - reader.remaining + CHECKSUM
    const key = sha256(bytes.subarray(0, end - CHECKSUM))
    if (Buffer.compare(reader.bytes(CHECKSUM), key) !== 0) throw damaged('a wrong checksum')
    const manifest = decodeManifest(encodedManifest)
    if (known && count !== blockCount(manifest)) throw damaged('hashes of another number')
    return { manifest, encodedManifest, known, key, end }
  } catch (cause) {
    if (MsgError.is(cause)) throw damaged('what was kept of the download is damaged', cause)
    throw cause
  }
}

function sha256(...parts: Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const damaged = (detail: string, cause?: unknown): MsgError =>
  new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail, cause })

/** Size of one record, bytes. */
export const RECORD_SIZE = 44
const BODY = 4 + HASH_SIZE
const CHECKSUM = 32
const MAGIC = Buffer.from('msgpart1', 'latin1')
