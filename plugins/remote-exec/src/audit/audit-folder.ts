import { join } from 'node:path'

/**
 * Where the log of who is signed in is kept: a folder for each device, below what configuration says or msg's data directory.
 *
 * @param env - the environment of msg. @param home - of who runs it
 */
export function auditFolder(
  configured: string | undefined,
  { user, device }: { readonly user: string; readonly device: string },
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): string {
  const data = env['MSG_DATA_DIR'] ?? join(env['XDG_DATA_HOME'] ?? join(home, '.local', 'share'), 'msg')
  const key = device
    .replace(/^SHA256:/u, '')
    .replace(/[^A-Za-z0-9]/gu, '')
    .slice(0, 12)
  return join(configured ?? join(data, 'remote-exec'), `${user.replace(/[^\w-]/gu, '_')}-${key}`)
}
