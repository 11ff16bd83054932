import { join, relative, isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MsgError } from '../core/errors.ts'
import { visible } from '../core/wire/visible.ts'
import type { ConfiguredPlugin } from '../core/index.ts'

/** A package of oclif's plugin list, as far as it matters here. */
interface Package {
  readonly name: string
  readonly root: string
  readonly pjson: object
}

/** Halves of plugins, in the order of the list. */
type Halves = readonly ConfiguredPlugin[]
type Half = ConfiguredPlugin['plugin']

/**
 * The server halves of the installed plugins. Their modules are loaded now: only commands that need them call this.
 *
 * @param optionsOf - what configuration says to the plugin with this id; `false` leaves it out.
 * @param warn - told of those that cannot be loaded; the rest goes on.
 */
export async function serverHalves(
  packages: Iterable<Package>,
  optionsOf: (id: string) => unknown,
  warn: (message: string) => void,
): Promise<Halves> {
  return configured(await loadHalves(packages, 'server', warn), optionsOf)
}

/** The client halves of the installed plugins, as {@link serverHalves} loads the others. */
export async function clientHalves(
  packages: Iterable<Package>,
  optionsOf: (id: string) => unknown,
  warn: (message: string) => void,
): Promise<Halves> {
  return configured(await loadHalves(packages, 'client', warn), optionsOf)
}

function configured(halves: readonly Omit<ConfiguredPlugin, 'options'>[], optionsOf: (id: string) => unknown): Halves {
  return halves.flatMap((half) => {
    const options = optionsOf(half.plugin.protocol.id)
    return options === false ? [] : [{ ...half, options }]
  })
}

async function loadHalves(
  packages: Iterable<Package>,
  side: 'server' | 'client',
  warn: (message: string) => void,
): Promise<Omit<ConfiguredPlugin, 'options'>[]> {
  const halves: Omit<ConfiguredPlugin, 'options'>[] = []
  const owners = new Map<string, string>()
  for (const { name, root, pjson } of packages) {
    const { msg, version } = pjson as { msg?: Readonly<Record<string, unknown>>; version?: unknown }
    if (msg?.[side] === undefined) continue
    try {
      if (msg['api'] !== PLUGIN_API)
        throw new Error(`it is made for api ${String(msg['api'])}, this msg has ${PLUGIN_API}`)
      const plugin = await loadHalf(root, msg[side])
      const { id } = plugin.protocol
      const owner = owners.get(id)
      if (owner !== undefined) throw new Error(`the plugin ${id} is there already, from ${owner}`)
      owners.set(id, name)
      halves.push({ plugin, package: { name, version: String(version) } })
    } catch (cause) {
      const [line = ''] = String((cause as Partial<Error> | undefined)?.message ?? cause).split('\n')
      const { message } = new MsgError('MSG_ERR_PLUGIN_LOAD', { detail: `${name} (${line})`, cause })
      warn(visible(`${message}; msg plugins inspect ${name} tells more, msg plugins uninstall ${name} removes it`))
    }
  }
  return halves
}

async function loadHalf(root: string, given: unknown): Promise<Half> {
  const path = join(root, String(given))
  const below = relative(root, path)
  if (typeof given !== 'string' || below.startsWith('..') || isAbsolute(below))
    throw new Error(`${JSON.stringify(given)} is no path in the package`)
  const { default: half } = (await import(pathToFileURL(path).href)) as { default?: Half }
  if (typeof half?.setup !== 'function' || typeof half.protocol?.id !== 'string')
    throw new Error(`${given} exports no half of a plugin`)
  return half
}

/** Version of the plugin interface: what `msg.api` in a plugin's package.json must say. */
export const PLUGIN_API = 1
