import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { visible } from '../../core/wire/visible.ts'
import { linkHost } from './host-link.ts'
import { changeList, isElsewhere, packagesDir, prefixOf, readList, rootIn, type Listed } from './list.ts'

/**
 * Makes a user's packages find the msg that runs, wherever it and they have moved to.
 *
 * @param plugins - the list, as it stands in `<dataDir>/package.json`
 */
export function mendPackages(dataDir: string, host: string, plugins: readonly Listed[]): void {
  if (plugins.some((entry) => isElsewhere(dataDir, entry)))
    changeList(dataDir, (list) =>
      list.map((entry) =>
        isElsewhere(dataDir, entry) ? { ...entry, root: rootIn(prefixOf(dataDir, entry.name), entry.name) } : entry,
      ),
    )
  if (plugins.some(({ type }) => type === 'user')) linkHost(packagesDir(dataDir), host)
  const missing = readList(dataDir).filter(({ root }) => !isThere(root))
  for (const { type, root, hasOwnLink } of plugins)
    if (type === 'link' && hasOwnLink === true && isThere(root)) linkHost(root, host)
  for (const { name, root } of missing)
    process.stderr.write(
      visible(`warning: the plugin ${name} is gone from ${root}; msg plugins uninstall ${name} takes it off the list`) +
        '\n',
    )
  if (missing.length > 0) quietOclif()
}

function isThere(root: string): boolean {
  return existsSync(join(root, 'package.json'))
}

/** Its own warning about the same is a page long, and says nothing that helps. */
function quietOclif(): void {
  const listeners = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    if (warning.message.startsWith('could not find package.json')) return
    for (const listener of listeners) listener(warning)
  })
}
