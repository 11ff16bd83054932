import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { MsgError } from '../../core/errors.ts'
import type { TarballContent } from './tarball.ts'

/** A command that a package adds to msg. */
export interface DeclaredCommand {
  /** With colons, as oclif has it. */
  readonly id: string
  readonly aliases: readonly string[]
  readonly summary: string | undefined
  /** The module, inside the package. */
  readonly path: string | undefined
}

/** What a package says of itself. Text is the author's: escape it before showing it. */
export interface Declared {
  readonly name: string
  readonly version: string
  readonly description: string | undefined
  readonly author: string | undefined
  /** Version of the plugin interface it is made for; none for packages of commands only. */
  readonly api: number | undefined
  /** The plugin's id, when the package says it. */
  readonly id: string | undefined
  /** Paths of modules inside the package. */
  readonly server: string | undefined
  readonly client: string | undefined
  readonly optIn: boolean
  readonly commands: readonly DeclaredCommand[]
  /** Without it every start of msg imports all its commands to find out about them. */
  readonly hasManifest: boolean
  /** Moments at which it runs code of its own in every command of msg. */
  readonly hooks: readonly string[]
  /** Scripts that npm runs when it is installed, if allowed. */
  readonly scripts: readonly string[]
  readonly dependencies: Readonly<Record<string, string>>
}

/** A package's files, wherever they are: paths are inside the package, with `/`. */
export interface PackageFiles {
  readonly names: Iterable<string>
  has(path: string): boolean
  text(path: string): string | undefined
}

/** Files that {@link readDeclared} reads, and the most bytes each may have. */
export const READ_FILES = { 'package.json': 262_144, 'oclif.manifest.json': 2_097_152 } as const

/** The files of a package that is packed. */
export function filesOfTarball({ files, texts }: TarballContent): PackageFiles {
  return { names: files.keys(), has: (path) => files.has(path), text: (path) => texts.get(path) }
}

/** The files of a package that is a folder; only those that are asked for are looked at. */
export function filesOfFolder(root: string): PackageFiles {
  return {
    names: namesIn(root),
    has: (path) => existsSync(join(root, path)),
    text(path) {
      const stat = statSync(join(root, path), { throwIfNoEntry: false })
      if (!stat?.isFile()) return undefined
      const limit = READ_FILES[path as keyof typeof READ_FILES] ?? 0
      if (stat.size > limit) throw refused(`its ${path} has ${stat.size} bytes, and may have ${limit}`)
      return readFileSync(join(root, path), 'utf8')
    },
  }
}

/** Files below a folder, without what the package depends on; looked for when they are asked for. */
function* namesIn(root: string, below = ''): Generator<string> {
  for (const entry of readdirSync(join(root, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules' && !entry.name.startsWith('.')) yield* namesIn(root, path)
    } else yield path
  }
}

/** Reads what a package declares. @throws MSG_ERR_PLUGIN_PACKAGE when it cannot be one of msg's plugins */
export function readDeclared(files: PackageFiles): Declared {
  const text = files.text('package.json')
  if (text === undefined) throw refused('there is no package.json in it')
  const pjson = objectOf(parse(text, 'package.json'))
  if (!pjson) throw refused('its package.json holds no object')
  const name = stringOf(pjson['name'])
  const version = stringOf(pjson['version'])
  if (name === undefined || name.length > 214 || !NAME.test(name) || RESERVED.includes(name))
    throw refused(`${JSON.stringify(name?.slice(0, 80) ?? null)} cannot be its name`)
  if (version === undefined || version.length > 128 || !VERSION.test(version))
    throw refused(`${name} has no version, or one that npm does not understand`)
  const msg = objectOf(pjson['msg']) ?? {}
  const oclif = objectOf(pjson['oclif']) ?? {}
  const scripts = objectOf(pjson['scripts']) ?? {}
  const manifest = files.text('oclif.manifest.json')
  if (manifest !== undefined) checkManifestVersion(manifest, name, version)
  return {
    name,
    version,
    description: stringOf(pjson['description']),
    author: personOf(pjson['author']),
    api: typeof msg['api'] === 'number' ? msg['api'] : undefined,
    id: stringOf(msg['id']),
    server: pathOf(msg['server'], 'msg.server'),
    client: pathOf(msg['client'], 'msg.client'),
    optIn: msg['optIn'] === true,
    commands: manifest === undefined ? commandsByName(oclif, files) : commandsOf(manifest),
    hasManifest: manifest !== undefined,
    hooks: Object.keys(objectOf(oclif['hooks']) ?? {}),
    scripts: [
      ...INSTALL_SCRIPTS.filter((script) => typeof scripts[script] === 'string'),
      ...(files.has('binding.gyp') ? ['node-gyp'] : []),
    ],
    dependencies: stringsOf({ ...objectOf(pjson['optionalDependencies']), ...objectOf(pjson['dependencies']) }),
  }
}

/** oclif warns at every start when they differ, and reads the commands instead. */
function checkManifestVersion(manifest: string, name: string, version: string): void {
  const said = stringOf(objectOf(parse(manifest, 'oclif.manifest.json'))?.['version'])
  const [release] = version.split('-')
  if (said?.split('-')[0] !== release)
    throw refused(`the oclif.manifest.json of ${name} ${version} is of ${said ?? 'no version'}; build it again`)
}

function commandsOf(manifest: string): DeclaredCommand[] {
  const { commands } = objectOf(parse(manifest, 'oclif.manifest.json')) ?? {}
  return Object.entries(objectOf(commands) ?? {}).map(([id, given]) => {
    const command = objectOf(given) ?? {}
    const path = Array.isArray(command['relativePath']) ? command['relativePath'].join('/') : undefined
    const aliases = [command['aliases'], command['hiddenAliases']].flatMap((list) => (Array.isArray(list) ? list : []))
    return { id, aliases: aliases.map(String), summary: stringOf(command['summary']), path }
  })
}

/** As oclif finds commands by the names of their files. */
function commandsByName(oclif: Readonly<Record<string, unknown>>, { names }: PackageFiles): DeclaredCommand[] {
  const folder = oclif['commands']
  if (typeof folder !== 'string') return []
  const base = `${posix.normalize(folder).replace(/\/$/u, '')}/`
  return [...names]
    .filter((path) => path.startsWith(base) && /\.(?:js|mjs|cjs)$/u.test(path) && !/\.(?:test|spec)\.\w+$/u.test(path))
    .map((path) => {
      const id = path
        .slice(base.length)
        .replace(/(?:\/?index)?\.\w+$/u, '')
        .replaceAll('/', ':')
      return { id, aliases: [], summary: undefined, path }
    })
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw refused(`its ${name} is no JSON`, cause)
  }
}

/** @throws MSG_ERR_PLUGIN_PACKAGE for what is no path inside the package */
function pathOf(value: unknown, key: string): string | undefined {
  if (value === undefined || value === null) return undefined
  const path = typeof value === 'string' ? posix.normalize(value.replaceAll('\\', '/')) : '..'
  if (path.startsWith('..') || path.startsWith('/') || path === '.' || path.includes('\0') || path.includes(':'))
    throw refused(`${key} is ${JSON.stringify(value)?.slice(0, 80)}, which is no path in it`)
  return path
}

function personOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  const { name, email } = objectOf(value) ?? {}
  const parts = [stringOf(name), stringOf(email) && `<${stringOf(email)}>`].filter((part) => part)
  return parts.length === 0 ? undefined : parts.join(' ')
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function stringsOf(object: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : [])),
  )
}

function refused(detail: string, cause?: unknown): MsgError {
  return new MsgError('MSG_ERR_PLUGIN_PACKAGE', { detail, cause })
}

const NAME = /^(?:@[a-z0-9-][a-z0-9-._]*\/)?[a-z0-9][a-z0-9-._]*$/u
const RESERVED = ['msg-cli', 'node_modules', 'favicon.ico']
/** Semantic Versioning 2.0.0. */
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9a-z-]+(?:\.[0-9a-z-]+)*)?(?:\+[0-9a-z-]+(?:\.[0-9a-z-]+)*)?$/iu
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall']
