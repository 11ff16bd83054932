import { MsgError } from '../../core/errors.ts'
import type { Declared, PackageFiles } from './declared.ts'
import type { Probed } from './probe.ts'

/** Another package that is loaded: one of oclif's list. */
export interface Other {
  readonly name: string
  /** The program's own packages and those of a checkout are `core`. */
  readonly type: string
  readonly commands: readonly { readonly id: string; readonly aliases?: readonly string[] }[]
}

/** Words that a console has without plugins. */
export interface Words {
  readonly commands: readonly { readonly name: string; readonly short?: string | undefined }[]
}

/**
 * What can be said before anything of a package runs.
 *
 * @param api - the version of the plugin interface that this program has
 * @throws MSG_ERR_PLUGIN_PACKAGE, MSG_ERR_PLUGIN_API, MSG_ERR_PLUGIN_TAKEN
 */
export function checkDeclared(declared: Declared, files: PackageFiles, others: readonly Other[], api: number): void {
  const { name, server, client, commands, dependencies } = declared
  const hasHalf = server !== undefined || client !== undefined
  if (!hasHalf && commands.length === 0)
    throw refused(
      `${name} is no plugin of msg: its package.json has neither msg.server nor msg.client, and it has no commands`,
    )
  if (declared.api !== undefined || hasHalf) {
    const made =
      declared.api === undefined ? 'does not say which api it is made for (msg.api)' : `is made for api ${declared.api}`
    if (declared.api !== api)
      throw new MsgError('MSG_ERR_PLUGIN_API', { detail: `${name} ${made}, this msg has api ${api}` })
  }
  for (const [key, path] of [
    ['msg.server', server],
    ['msg.client', client],
  ] as const)
    if (path !== undefined && !files.has(path))
      throw refused(`${name} says that ${key} is ${path}, which is not there; build it first`)
  for (const { id, path } of commands)
    if (path !== undefined && !files.has(path))
      throw refused(`${name} says that the command ${spaced(id)} is ${path}, which is not there; build it first`)
  if (HOST_NAME in dependencies)
    throw refused(`${name} depends on msg-cli, and would bring a copy of it; peerDependencies is where that belongs`)
  const same = others.find((other) => other.name === name && !isPlugin(other))
  if (same) throw taken(`${name} is the name of a part of msg itself`)
  for (const other of others) {
    if (other.name === name) continue
    const theirs = new Set(other.commands.flatMap(({ id, aliases = [] }) => [id, ...aliases].map(spaced)))
    const common = commands.flatMap(({ id, aliases }) => [id, ...aliases]).find((id) => theirs.has(spaced(id)))
    if (common !== undefined)
      throw taken(`the command “msg ${spaced(common)}” of ${name} is there already, from ${other.name}`)
  }
}

/** What came of importing a package, and the others it must get on with. */
export interface Checked {
  readonly name: string
  readonly declared: Pick<Declared, 'id'>
  readonly probed: readonly Probed[]
}

/**
 * What can be said once a package was imported.
 *
 * @throws MSG_ERR_PLUGIN_PACKAGE when a part of it does not load; MSG_ERR_PLUGIN_TAKEN
 * @returns the plugin's id; undefined for packages of commands only
 */
export function checkProbed(
  { name, declared, probed }: Checked,
  others: readonly Omit<Checked, 'declared'>[],
  words: { readonly client: Words; readonly server: Words },
): string | undefined {
  const faulty = probed.find(({ fault }) => fault !== undefined)
  if (faulty) throw refused(`${name} does not load: ${faulty.path}: ${faulty.fault}`)
  const ids = [...new Set(probed.flatMap(({ id }) => id ?? []))]
  if (ids.length > 1) throw refused(`the halves of ${name} are of different plugins, ${ids.join(' and ')}`)
  const [id] = ids
  if (declared.id !== undefined && declared.id !== id)
    throw refused(`${name} says that its id is ${declared.id}, and its halves say ${id}`)
  for (const other of others)
    if (id !== undefined && other.probed.some((part) => part.id === id))
      throw taken(`the plugin ${id} is there already, from ${other.name}`)
  for (const part of ['client', 'server'] as const) {
    const wanted = wordsOf(probed, part)
    const owners = [
      {
        name: 'msg itself',
        words: words[part].commands.flatMap(({ name, short }) => (short ? [name, short] : [name])),
      },
      ...others.map((other) => ({ name: other.name, words: wordsOf(other.probed, part) })),
    ]
    for (const owner of owners) {
      const common = wanted.find((word) => owner.words.includes(word))
      const where = part === 'client' ? "at the client's prompt" : "on the server's console"
      if (common !== undefined)
        throw taken(`“${common}” ${where}, which ${name} adds, is there already, from ${owner.name}`)
    }
  }
  return id
}

function wordsOf(probed: readonly Probed[], part: 'client' | 'server'): string[] {
  return probed
    .filter((candidate) => candidate.part === part)
    .flatMap(({ registered }) => registered?.commands ?? [])
    .flatMap(({ name, short }) => (short === undefined ? [name] : [name, short]))
}

/** One of msg's, rather than a part of the program. */
function isPlugin({ type, ...rest }: Other): boolean {
  return type !== 'core' || 'msg' in ((rest as { pjson?: object }).pjson ?? {})
}

function spaced(id: string): string {
  return id.replaceAll(':', ' ')
}

function refused(detail: string): MsgError {
  return new MsgError('MSG_ERR_PLUGIN_PACKAGE', { detail })
}

function taken(detail: string): MsgError {
  return new MsgError('MSG_ERR_PLUGIN_TAKEN', { detail })
}

const HOST_NAME = 'msg-cli'
