import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { MsgError } from '../../errors.ts'

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
  if (dataDir) return resolve(dataDir)
  if (env['MSG_DATA_DIR']) return resolve(env['MSG_DATA_DIR'])
  const xdg = env['XDG_DATA_HOME']
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.local', 'share'), 'msg')
}

/** Makes `path` and what is above it, for its owner only. @throws MSG_ERR_DIRECTORY_ACCESS */
export function makePrivateDir(path: string): void {
  guarded(path, () => {
    const made = mkdirSync(path, { recursive: true, mode: 0o700 })
    if (made === undefined) chmodSync(path, 0o700)
  })
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

/** Replaces a file in one step, readable by its owner only: a crash leaves the old one or the new one. @throws MSG_ERR_DIRECTORY_ACCESS */
export function writePrivateFile(path: string, content: string | Uint8Array): void {
  makePrivateDir(dirname(path))
  guarded(path, () => {
    const temporary = `${path}.${process.pid}.tmp`
    try {
      writeFileSync(temporary, content, { mode: 0o600, flush: true })
      renameSync(temporary, path)
    } finally {
      rmSync(temporary, { force: true })
    }
  })
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
