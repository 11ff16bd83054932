import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { MsgError } from '../errors.ts'

/**
 * Makes a directory, and those above it, for this user alone.
 *
 * @throws MSG_ERR_DIRECTORY_ACCESS
 */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path}: ${(cause as Error).message}`, cause })
  }
}

/**
 * Writes a file that only this user may read: whole or not at all, whatever happens meanwhile.
 *
 * @throws MSG_ERR_DIRECTORY_ACCESS
 */
export function writeFileAtomically(path: string, content: string | Uint8Array): void {
  const partial = `${path}.${process.pid}.new`
  try {
    writeFileSync(partial, content, { mode: PRIVATE, flush: true })
    renameSync(partial, path)
  } catch (cause) {
    rmSync(partial, { force: true })
    throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path}: ${(cause as Error).message}`, cause })
  }
}

/**
 * Sees to it that only this user may read a file that somebody else is about to write: makes it, empty, when it does not exist.
 *
 * A file that exists is not opened: closing it would let go of every lock that this process has on it (POSIX `fcntl`).
 *
 * @throws MSG_ERR_DIRECTORY_ACCESS when it cannot be made.
 */
export function makePrivate(path: string): void {
  try {
    if (!existsSync(path)) closeSync(openSync(path, 'wx', PRIVATE))
    else if ((statSync(path).mode & OTHERS) !== 0 && statSync(path).isFile()) chmodSync(path, PRIVATE)
  } catch (cause) {
    // Somebody made it a moment ago; or it is another user's, whose business its mode is.
    if (['EEXIST', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '')) return
    throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path}: ${(cause as Error).message}`, cause })
  }
}

const PRIVATE = 0o600
/** What group and others may do. */
const OTHERS = 0o077
