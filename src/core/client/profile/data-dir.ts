import { chmodSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { MsgError } from '../../errors.ts'
import { makeDirectory, writeFileAtomically } from '../../io/files.ts'
import { defaultDataDir } from '../../io/paths.ts'

/**
 * Where a client keeps its profiles: `dataDir`, else MSG_DATA_DIR, else `msg` in the XDG data directory.
 *
 * ```
 * <data dir>/                       0700
 *   known-servers.json              fingerprints trusted on first use, by host:port
 *   servers/<server>/last-user      who signed in last
 *   servers/<server>/@<user>/       one profile
 *     device.key                    32 secret bytes
 *     state.db                      outbox, history, peers' devices
 *     slots/<n>.lock                held by the process that owns slot n
 * ```
 */
export function dataDirOf(dataDir?: string, env: NodeJS.ProcessEnv = process.env): string {
  return resolve(dataDir ?? defaultDataDir(env))
}

/** Makes `path` and what is above it, for its owner only; one that is there already is closed to others. @throws MSG_ERR_DIRECTORY_ACCESS */
export function makePrivateDir(path: string): void {
  makeDirectory(path)
  guarded(path, () => chmodSync(path, 0o700))
}

/** The file's text, or `undefined` when there is none. @throws MSG_ERR_DIRECTORY_ACCESS */
export function readPrivateFile(path: string): Buffer | undefined {
  return guarded(path, () => {
    try {
      return readFileSync(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  })
}

/** Replaces a file in one step, and makes its directory: both for their owner only. @throws MSG_ERR_DIRECTORY_ACCESS */
export function writePrivateFile(path: string, content: string | Uint8Array): void {
  makePrivateDir(dirname(path))
  writeFileAtomically(path, content)
}

/** Runs `act`; what the file system refuses is MSG_ERR_DIRECTORY_ACCESS with the path and the reason. */
export function guarded<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined || MsgError.is(cause)) throw cause
    throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path} (${code})`, cause })
  }
}
