import { lstatSync } from 'node:fs'
import { linkHost } from './host-link.ts'
import { changeList, isElsewhere, packagesDir, prefixOf, rootIn, type Listed } from './list.ts'

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
  for (const { type, root, hasOwnLink } of plugins)
    if (type === 'link' && hasOwnLink === true && lstatSync(root, { throwIfNoEntry: false })) linkHost(root, host)
}
