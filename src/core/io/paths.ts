import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where msg keeps data unless told otherwise: MSG_DATA_DIR, else `msg` in the XDG data directory (Windows: the local application data). */
export function defaultDataDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env['MSG_DATA_DIR']) return env['MSG_DATA_DIR']
  if (env['XDG_DATA_HOME']) return join(env['XDG_DATA_HOME'], 'msg')
  if (process.platform === 'win32' && env['LOCALAPPDATA']) return join(env['LOCALAPPDATA'], 'msg')
  return join(homedir(), '.local', 'share', 'msg')
}
