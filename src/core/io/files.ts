import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
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
    writeFileSync(partial, content, { mode: 0o600, flush: true })
    renameSync(partial, path)
  } catch (cause) {
    throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path}: ${(cause as Error).message}`, cause })
  }
}
