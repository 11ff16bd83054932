// What oclif is loaded with: this package, in a checkout the plugins that are built in it, and those of the user, which find this msg to import from.
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// scripts/setup.js makes it.
const own = join(root, 'plugins', 'node_modules')

export const loadOptions = {
  root,
  ...(existsSync(join(own, 'package.json')) ? { pluginAdditions: { core: ['*'], path: own } } : {}),
}

const dataDir = dataDirectory()
const plugins = listed()
if (plugins.some((entry) => !isAtHome(entry))) {
  const { mendPackages } = await import('../dist/cli/plugin-packages/mend.js')
  mendPackages(dataDir, root, plugins)
}

/** As oclif has it: `config.dataDir`. */
function dataDirectory() {
  const { MSG_DATA_DIR, XDG_DATA_HOME, LOCALAPPDATA, HOME } = process.env
  const local = process.platform === 'win32' && LOCALAPPDATA
  return MSG_DATA_DIR || join(XDG_DATA_HOME || local || join(HOME || homedir(), '.local', 'share'), 'msg')
}

/** The list of the user's plugins; oclif says what is wrong with it. */
function listed() {
  try {
    const { oclif } = JSON.parse(readFileSync(join(dataDir, 'package.json'), 'utf8'))
    return oclif.plugins.filter((entry) => typeof entry?.root === 'string')
  } catch {
    return []
  }
}

/** True for a package that lies where the list says and finds this msg. */
function isAtHome({ type, root: folder, hasOwnLink }) {
  if (!existsSync(join(folder, 'package.json'))) return false
  const packages = join(dataDir, 'plugin-packages')
  if (type === 'user') return folder.startsWith(packages) && leadsHere(packages)
  return hasOwnLink !== true || leadsHere(folder)
}

function leadsHere(folder) {
  const modules = join(folder, 'node_modules')
  try {
    return resolve(modules, readlinkSync(join(modules, 'msg-cli'))) === root
  } catch {
    return false
  }
}
