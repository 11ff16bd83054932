/**
 * What a transfer consists of: a list of entries, and one byte space, which is the bytes of all files one after the other in the
 * order of the list, cut into blocks of equal size. `byte-space.ts` tells which pieces of which files a block covers.
 *
 * ```
 * entries      a (5 bytes)   b/ (folder)   b/c (9 bytes)       b/d (2 bytes)
 * byte space   a a a a a                   c c c c c c c c c   d d
 * blocks of 4  |   0   |   1        |   2       |   3       |
 * ```
 *
 * @packageDocumentation
 */

/** One file or folder of a transfer. */
export interface Entry {
  /** '/'-separated, relative, NFC, 1 to {@link MAX_PATH} bytes of UTF-8. As offered by the other side: not to be trusted. */
  readonly path: string
  readonly kind: 'file' | 'folder'
  /** In bytes; 0 for a folder and for the one entry of a stream whose end is not known. */
  readonly size: number
  /** Permission bits, 0 to 0o777. */
  readonly mode: number
  /** Last change, whole milliseconds since 1970, 0 to {@link MAX_MTIME}; earlier ones count as 0. */
  readonly mtime: number
}

/** What a sender offers. The same manifest always has the same encoding (`manifest-codec.ts`), and so the same hash. */
export interface Manifest {
  /** What people see and the landed file or folder is called, 1 to {@link MAX_NAME} bytes of UTF-8. Not to be trusted. */
  readonly name: string
  /** `file`: exactly one entry, a file. `stream`: the same, from somewhere that is read once, in order. `folder`: any number. */
  readonly kind: 'file' | 'folder' | 'stream'
  /** At most {@link MAX_ENTRIES}. */
  readonly entries: readonly Entry[]
  /** Sum of all sizes in bytes; -1 for a stream until its end is known. */
  readonly size: number
  /** Bytes of a block, a power of two, {@link MIN_BLOCK_SIZE} to {@link MAX_BLOCK_SIZE}; the last block may be shorter. */
  readonly blockSize: number
}

/**
 * The block size for content of `size` bytes: the smallest from `preferred` on that cuts it into no more than 65,536 blocks, as
 * far as the largest block size goes.
 *
 * @param size - in bytes; -1 when unknown.
 * @param preferred - in bytes, a power of two in the allowed range. @default {@link DEFAULT_BLOCK_SIZE}
 */
export function blockSizeFor(size: number, preferred = DEFAULT_BLOCK_SIZE): number {
  let blockSize = preferred
  while (blockSize < MAX_BLOCK_SIZE && size > blockSize * USUAL_BLOCKS) blockSize *= 2
  return blockSize
}

/** True for a power of two in the allowed range. */
export function isBlockSize(n: number): boolean {
  return Number.isInteger(n) && n >= MIN_BLOCK_SIZE && n <= MAX_BLOCK_SIZE && (n & (n - 1)) === 0
}

/** Number of blocks of content; a stream of unknown size may have {@link MAX_BLOCKS}. */
export function blockCount({ size, blockSize }: Pick<Manifest, 'size' | 'blockSize'>): number {
  return size < 0 ? MAX_BLOCKS : Math.ceil(size / blockSize)
}

/** Length of one block in bytes; 0 behind the end. In a stream of unknown size every block counts as whole. */
export function blockLength({ size, blockSize }: Pick<Manifest, 'size' | 'blockSize'>, index: number): number {
  return size < 0 ? blockSize : Math.max(0, Math.min(blockSize, size - index * blockSize))
}

/** Smallest block, bytes: 256 KiB. */
export const MIN_BLOCK_SIZE = 262_144
/** Largest block, bytes: 16 MiB. */
export const MAX_BLOCK_SIZE = 16_777_216
/** Usual block, bytes: 1 MiB. */
export const DEFAULT_BLOCK_SIZE = 1_048_576
/** Most blocks of one transfer: their hashes fill 32 MiB, their bytes at the largest block size 16 TiB. */
export const MAX_BLOCKS = 1_048_576
/** Most files and folders of one transfer. */
export const MAX_ENTRIES = 1_000_000
/** Longest path of an entry, bytes of UTF-8. */
export const MAX_PATH = 4_096
/** Longest name of a transfer, bytes of UTF-8. */
export const MAX_NAME = 1_024
/** Longest encoded manifest, bytes: 256 MiB. */
export const MAX_MANIFEST = 268_435_456
/** Last instant that a `Date` can hold, milliseconds since 1970. */
export const MAX_MTIME = 8_640_000_000_000_000
/** Blocks that a transfer has at most while larger blocks can avoid more. */
const USUAL_BLOCKS = 65_536
