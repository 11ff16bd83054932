import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { MsgError } from '../../core/errors.ts'

/** A package in oclif's list of a user's plugins. What oclif does not know of it, it leaves alone. */
export interface Listed {
  readonly name: string
  /** `user`: installed; `link`: a folder elsewhere. */
  readonly type: 'user' | 'link'
  /** The package's folder, absolute. */
  readonly root: string
  readonly version?: string | undefined
  /** Of the plugin, as its halves say; none when it has only commands. */
  readonly id?: string | undefined
  /** What was asked for: a file, a folder, a name with a range, an address. */
  readonly source?: string | undefined
  /** Of the tarball, as npm writes it. */
  readonly integrity?: string | undefined
  /** The link to msg in its folder was made with it, and goes with it. */
  readonly hasOwnLink?: boolean | undefined
}

/** Where packages are installed: each has a folder of its own in it, with what it depends on. */
export function packagesDir(dataDir: string): string {
  return join(dataDir, 'plugin-packages')
}

/** The folder of one package. */
export function prefixOf(dataDir: string, name: string): string {
  return join(packagesDir(dataDir), name.replace('/', '+'))
}

/** Where a package is in its folder. */
export function rootIn(prefix: string, name: string): string {
  return join(prefix, 'node_modules', ...name.split('/'))
}

/** The user's plugins. @throws MSG_ERR_CONFIG_INVALID when the list cannot be read */
export function readList(dataDir: string): Listed[] {
  const { oclif } = readFile(dataDir)
  const plugins = Array.isArray(oclif?.plugins) ? oclif.plugins : []
  return plugins.filter((entry): entry is Listed => typeof (entry as Partial<Listed>)?.name === 'string')
}

/** Changes the list: read and written without a pause between. Goes away when nothing is left in it. */
export function changeList(dataDir: string, change: (list: readonly Listed[]) => readonly Listed[]): void {
  const path = join(dataDir, 'package.json')
  const { oclif, ...rest } = readFile(dataDir)
  const plugins = change(readList(dataDir))
  if (plugins.length === 0 && Object.keys(rest).every((key) => OWN_KEYS.includes(key))) {
    rmSync(path, { force: true })
    return
  }
  const fresh = `${path}.${process.pid}`
  mkdirSync(dirname(path), { recursive: true })
  const content = { name: 'msg-plugins', private: true, ...rest, oclif: { ...oclif, schema: 1, plugins } }
  writeFileSync(fresh, `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(fresh, path)
}

/** True for packages that lie where their data directory was before it was moved. */
export function isElsewhere(dataDir: string, { type, root }: Listed): boolean {
  return type === 'user' && typeof root === 'string' && !root.startsWith(packagesDir(dataDir) + sep)
}

function readFile(dataDir: string): { oclif?: { plugins?: unknown } } & Record<string, unknown> {
  const path = join(dataDir, 'package.json')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return {}
  }
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail: `${path} is no JSON`, cause })
  }
}

const OWN_KEYS = ['name', 'private', 'dependencies']
