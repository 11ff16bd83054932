import { createHash } from 'node:crypto'

/**
 * Codec of the file beside a partial download that says which blocks are on the disk: one record after the other, each appended
 * after its block was written.
 *
 * | bytes | what |
 * |---|---|
 * | 4 | index of the block, big endian |
 * | 32 | its hash |
 * | 4 | first bytes of SHA-256 over the transfer's key and the 36 bytes before |
 *
 * A record that is cut short or damaged is passed over: its block is fetched again. The key in the checksum keeps records
 * of another transfer out.
 */
export const RECORD_SIZE = 40

/** @param key of the transfer. @param index from 0, below 2^32. @param hash 32 bytes. */
export function encodeRecord(key: string, index: number, hash: Uint8Array): Uint8Array {
  const record = Buffer.alloc(RECORD_SIZE)
  record.writeUInt32BE(index, 0)
  record.set(hash, 4)
  record.set(checksum(key, record.subarray(0, 36)), 36)
  return record
}

/** Hash of each block below `blocks` that the log names; the last record of a block counts. Throws nothing, whatever `bytes` are. */
export function decodeLog(key: string, bytes: Uint8Array, blocks: number): Map<number, Uint8Array> {
  const log = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = new Map<number, Uint8Array>()
  for (let at = 0; at + RECORD_SIZE <= log.length; at += RECORD_SIZE) {
    const index = log.readUInt32BE(at)
    const isRight = checksum(key, log.subarray(at, at + 36)).equals(log.subarray(at + 36, at + RECORD_SIZE))
    if (isRight && index < blocks) found.set(index, Uint8Array.from(log.subarray(at + 4, at + 36)))
  }
  return found
}

function checksum(key: string, record: Uint8Array): Buffer {
  return createHash('sha256').update(key).update(record).digest().subarray(0, 4)
}
