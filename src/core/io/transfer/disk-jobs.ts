import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  opendirSync,
  readSync,
  statSync,
  writeSync,
  type Stats,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { MsgError } from '../../errors.ts'
import { blockHash, equalHashes } from '../../transfer/hash.ts'
import { DirectWrites } from './direct-writes.ts'
import { NO_FOLLOW } from './folder-handle.ts'

/** A piece of a file. */
export interface FileSegment {
  readonly path: string
  /** In bytes. */
  readonly position: number
  /** In bytes. */
  readonly length: number
}

/** What tells one state of a file from another. */
export interface FileState {
  /** In bytes. */
  readonly size: number
  /** Milliseconds since 1970 with all the fractions that the system keeps. */
  readonly mtimeMs: number
  readonly ino: number
}

/** A file or folder found in a folder. */
export interface FoundEntry extends FileState {
  readonly name: string
  readonly kind: 'file' | 'folder'
  /** Permission bits. */
  readonly mode: number
}

/** What is in a folder. */
export interface FoundFolder {
  /** By name, in order of UTF-16 units: the same on every system. */
  readonly entries: readonly FoundEntry[]
  /** Names of symlinks, sockets, devices and of what cannot be read. */
  readonly skipped: readonly string[]
}

/**
 * What the disk thread does for others: synchronous, because one thread with plain system calls costs a tenth of the CPU that
 * promises do for small files (docs/adr/0011). `bytes` is always shared memory.
 */
export const DISK_JOBS = {
  hash: ({ bytes }: { readonly bytes: Uint8Array }): Uint8Array => blockHash(bytes),

  /**
   * Fills `bytes` with pieces of files that must be as they were. @returns their hash.
   *
   * @throws MSG_ERR_TRANSFER_CHANGED
   */
  read: ({
    bytes,
    segments,
  }: {
    readonly bytes: Uint8Array
    readonly segments: readonly SourceSegment[]
  }): Uint8Array => {
    fill(bytes, segments, (stats, { path, state }) => {
      if (!isUnchanged(stats, state)) throw changed(path)
    })
    return blockHash(bytes)
  },

  /** Fills `bytes` with pieces of files that this program wrote. @returns their hash, or nothing when a piece is missing. */
  readBack: ({
    bytes,
    segments,
  }: {
    readonly bytes: Uint8Array
    readonly segments: readonly FileSegment[]
  }): Uint8Array | undefined => {
    try {
      fill(bytes, segments, (stats) => {
        if (!isOwnFile(stats)) throw changed('')
      })
    } catch (error) {
      if (MsgError.is(error) || ['ENOENT', 'ELOOP', 'EISDIR', 'ENXIO'].includes(codeOf(error))) return undefined
      throw error
    }
    return blockHash(bytes)
  },

  /** @throws MSG_ERR_TRANSFER_CHANGED when a file is not as it was. */
  confirm: ({
    files,
  }: {
    readonly files: ReadonlyArray<{ readonly path: string; readonly state: FileState }>
  }): void => {
    for (const { path, state } of files)
      if (
        !isUnchanged(
          asChanged(path, () => lstatSync(path)),
          state,
        )
      )
        throw changed(path)
  },

  /**
   * Writes a block into its files, which it makes when they do not exist.
   *
   * @throws MSG_ERR_TRANSFER_INTEGRITY when `hash` is given and not the bytes': nothing was written.
   */
  write: ({ bytes, offset, segments, hash, record }: WriteJob): void => {
    if (hash && !equalHashes(blockHash(bytes), hash))
      throw new MsgError('MSG_ERR_TRANSFER_INTEGRITY', { detail: 'a block' })
    let at = offset
    for (const { path, position, length, isLarge = false } of segments) {
      const part = bytes.subarray(at, at + length)
      const write = (flags: number): void => writeOwn(path, part, position, flags)
      if (!isLarge || !directWritesFor(path).try(part, position, write)) write(0)
      at += length
    }
    if (record) append(record.path, record.bytes)
  },

  /** @throws MSG_ERR_LIMIT for a folder of more than `limit` entries. */
  list: ({ path, limit }: { readonly path: string; readonly limit: number }): FoundFolder => {
    const entries: FoundEntry[] = []
    const skipped: string[] = []
    const folder = opendirSync(path, { bufferSize: 1_024 })
    try {
      for (let found = folder.readSync(); found; found = folder.readSync()) {
        if (entries.length + skipped.length >= limit) throw new MsgError('MSG_ERR_LIMIT', { detail: `${limit} files` })
        const entry = describe(path, found.name)
        if (entry) entries.push(entry)
        else skipped.push(found.name)
      }
    } finally {
      folder.closeSync()
    }
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    return { entries, skipped: skipped.sort() }
  },
}

/** A piece of a file that must not have changed. */
export interface SourceSegment extends FileSegment {
  readonly state: FileState
}

/** A piece of a file to be written. */
export interface WrittenSegment extends FileSegment {
  /** True for a file that would fill the page cache. @default false */
  readonly isLarge?: boolean
}

/** What `write` takes. */
export interface WriteJob {
  /** The whole block. */
  readonly bytes: Uint8Array
  /** Where the first segment begins in `bytes`. */
  readonly offset: number
  readonly segments: readonly WrittenSegment[]
  readonly hash?: Uint8Array | undefined
  /** What is appended to the file at `path` once the block is written. */
  readonly record?: { readonly path: string; readonly bytes: Uint8Array } | undefined
}

/** True when a file with these `stats` has not been touched since `state`. */
export function isUnchanged(stats: Stats, { size, mtimeMs, ino }: FileState): boolean {
  return stats.isFile() && stats.size === size && stats.mtimeMs === mtimeMs && stats.ino === ino
}

/** A plain file with one name: who links another file here cannot have it written. */
function isOwnFile(stats: Stats): boolean {
  return stats.isFile() && stats.nlink <= 1
}

function fill<T extends FileSegment>(
  bytes: Uint8Array,
  segments: readonly T[],
  check: (stats: Stats, segment: T) => void,
): void {
  let at = 0
  for (const segment of segments) {
    const { path, position, length } = segment
    // Without waiting: a file that became a pipe must not hold this thread.
    const fd = asChanged(path, () => openSync(path, constants.O_RDONLY | NO_FOLLOW | (constants.O_NONBLOCK ?? 0)))
    try {
      check(fstatSync(fd), segment)
      for (let done = 0; done < length;) {
        const read = readSync(fd, bytes, at + done, length - done, position + done)
        if (read === 0) throw changed(path)
        done += read
      }
    } finally {
      closeSync(fd)
    }
    at += length
  }
}

function writeOwn(path: string, bytes: Uint8Array, position: number, flags: number): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | NO_FOLLOW | flags, 0o600)
  try {
    if (!isOwnFile(fstatSync(fd)))
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path} is no file of msg` })
    writeAll(fd, bytes, position)
  } finally {
    closeSync(fd)
  }
}

/** Each disk has a pace of its own. */
function directWritesFor(path: string): DirectWrites {
  const { dev } = statSync(dirname(path))
  const known = disks.get(dev)
  if (known) return known
  if (disks.size >= MAX_DISKS) disks.clear()
  const writes = new DirectWrites()
  disks.set(dev, writes)
  return writes
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, position + done)
}

/** Appends all of `bytes` or nothing: half a record would hide those after it. */
function append(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, constants.O_WRONLY | NO_FOLLOW)
  try {
    const { size } = fstatSync(fd)
    try {
      writeAll(fd, bytes, size)
    } catch (error) {
      ftruncateSync(fd, size)
      throw error
    }
  } finally {
    closeSync(fd)
  }
}

function describe(folder: string, name: string): FoundEntry | undefined {
  try {
    const stats = lstatSync(join(folder, name))
    const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : undefined
    return kind && { name, kind, mode: stats.mode & 0o777, size: stats.size, mtimeMs: stats.mtimeMs, ino: stats.ino }
  } catch {
    return undefined
  }
}

function asChanged<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ENXIO'].includes(codeOf(cause))) throw changed(path, cause)
    throw cause
  }
}

const changed = (path: string, cause?: unknown): MsgError =>
  new MsgError('MSG_ERR_TRANSFER_CHANGED', { detail: path, cause })
/** By the number of the device. */
const disks = new Map<number, DirectWrites>()
const MAX_DISKS = 64
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? ''
