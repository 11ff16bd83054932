// What oclif is loaded with: this package, and in a checkout the plugins that are built in it.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// scripts/setup.js makes it.
const own = join(root, 'plugins', 'node_modules')

export const loadOptions = {
  root,
  ...(existsSync(join(own, 'package.json')) ? { pluginAdditions: { core: ['*'], path: own } } : {}),
}
