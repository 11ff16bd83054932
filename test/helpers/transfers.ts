import type { TransferFrame } from '../../src/core/transfer/frames.ts'
import type { BlockStreamDecoder, BlockStreamEvent } from '../../src/core/transfer/block-stream.ts'
import { TransferFrameDecoder } from '../../src/core/transfer/frame-decoder.ts'
import { blockHash } from '../../src/core/transfer/hash.ts'
import { DEFAULT_BLOCK_SIZE, type Entry, type Manifest } from '../../src/core/transfer/manifest.ts'

/** A file's entry. */
export const fileEntry = (size: number, path = 'a.bin', more: Partial<Entry> = {}): Entry => ({
  path,
  kind: 'file',
  size,
  mode: 0o644,
  mtime: 1_700_000_000_000,
  ...more,
})

/** A folder's entry. */
export const folderEntry = (path: string): Entry => ({ path, kind: 'folder', size: 0, mode: 0o755, mtime: 0 })

/** A manifest of one file of `size` bytes. */
export const fileManifest = (size: number, blockSize = DEFAULT_BLOCK_SIZE): Manifest => ({
  name: 'a.bin',
  kind: 'file',
  entries: [fileEntry(size)],
  size,
  blockSize,
})

/** A transfer's id that ends in `n`. */
export const transferId = (n: number): string => n.toString(16).padStart(32, '0')

/** A hash, different for each `n`. */
export const someHash = (n: number): Uint8Array => Uint8Array.from(blockHash(Uint8Array.of(n, n >>> 8, n >>> 16)))

/** Where to cut `bytes` so that it arrives in pieces: ascending, each once, the end included. */
export function endsOf(bytes: Uint8Array, cuts: readonly number[]): number[] {
  return [...new Set(cuts.map((cut) => cut % (bytes.byteLength + 1))), bytes.byteLength].sort((a, b) => a - b)
}

/** Decodes frames that arrive cut up; each piece's memory is overwritten after its turn, as a stream's buffers are. */
export function decodeFrames(bytes: Uint8Array, cuts: readonly number[] = []): TransferFrame[] {
  const decoder = new TransferFrameDecoder()
  const frames: TransferFrame[] = []
  let start = 0
  for (const end of endsOf(bytes, cuts)) {
    const piece = Uint8Array.from(bytes.subarray(start, end))
    decoder.handleBytes(piece)
    for (let frame = decoder.pollFrame(); frame; frame = decoder.pollFrame()) frames.push(frame)
    piece.fill(0xaa)
    start = end
  }
  return frames
}

/** Everything a block stream holds, pieces copied. `onTurn` is called after each piece of it. */
export function decodeBlocks(
  decoder: BlockStreamDecoder,
  bytes: Uint8Array,
  cuts: readonly number[] = [],
  onTurn: () => void = () => {},
): BlockStreamEvent[] {
  const events: BlockStreamEvent[] = []
  let start = 0
  for (const end of endsOf(bytes, cuts)) {
    const piece = Uint8Array.from(bytes.subarray(start, end))
    decoder.handleBytes(piece)
    for (let event = decoder.pollEvent(); event; event = decoder.pollEvent())
      events.push(event.type === 'bytes' ? { ...event, bytes: Uint8Array.from(event.bytes) } : event)
    piece.fill(0xaa)
    onTurn()
    start = end
  }
  return events
}
