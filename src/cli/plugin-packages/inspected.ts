import { MsgError } from '../../core/errors.ts'
import { visible } from '../../core/wire/visible.ts'
import type { Palette } from '../render/palette.ts'
import type { PluginPackage } from './command.ts'
import { declaredRows, rowLines, shown } from './describe.ts'
import { packageJson } from './json.ts'
import type { Probed } from './probe.ts'
import { probing } from './probing.ts'

/** A plugin and what importing it showed. */
export interface Inspected {
  readonly found: PluginPackage
  readonly probed: readonly Probed[]
  /** The first thing that is wrong with it. */
  readonly fault: string | undefined
}

/** Looks at all parts of a plugin. @param options - what the configuration says to it */
export async function inspectPackage(found: PluginPackage, options: unknown, signal: AbortSignal): Promise<Inspected> {
  const { declared, root } = found
  if (!declared) return { found, probed: [], fault: found.fault }
  const { server, client } = declared
  const commands = declared.commands.flatMap(({ path }) => path ?? [])
  try {
    const { parts: probed } = await probing({ root, server, client, commands, options }, signal)
    return { found, probed, fault: probed.find(({ fault }) => fault !== undefined)?.fault }
  } catch (error) {
    if (signal.aborted) throw error
    return { found, probed: [], fault: MsgError.of(error).detail }
  }
}

/** As `--json` prints it. */
export function inspectedJson({ found, probed, fault }: Inspected): object {
  const { declared } = found
  return {
    ...packageJson(found),
    id: idOf({ found, probed }) ?? null,
    description: declared?.description ?? null,
    author: declared?.author ?? null,
    hooks: declared?.hooks ?? [],
    scripts: declared?.scripts ?? [],
    dependencies: declared?.dependencies ?? {},
    optIn: isOptIn({ found, probed }),
    fault: fault ?? null,
    parts: probed.map(({ part, path, ms, fault: wrong, protocol, requires, registered, stopped }) => ({
      part,
      path,
      loadMs: ms,
      fault: wrong ?? null,
      protocol: protocol ?? null,
      requires: requires ?? [],
      handlers: registered?.handlers ?? [],
      hooks: registered?.hooks ?? [],
      streams: registered?.streams ?? false,
      stopped: stopped ?? null,
      commands: registered?.commands.map(({ name, short }) => ({ name, short: short ?? null })) ?? [],
    })),
  }
}

/** For people. */
export function inspectedLines({ found, probed, fault }: Inspected, palette: Palette): string[] {
  const { name, version, from, root, listed, declared } = found
  const id = idOf({ found, probed })
  const rows: Array<readonly [string, string]> = [
    ['package', `${palette.name(shown(name))} ${shown(version)}, ${from}`],
    ...(id === undefined ? [] : [['plugin', shown(id)] as const]),
    ...(listed?.source === undefined ? [] : [['source', shown(listed.source)] as const]),
    ['folder', shown(root)],
    ...(declared ? declaredRows({ ...declared, id: undefined, optIn: isOptIn({ found, probed }) }) : []),
    ...(declared?.api === undefined ? [] : [['made for', `plugin api ${declared.api}`] as const]),
    ...(declared && declared.commands.length > 0 && !declared.hasManifest
      ? [['note', palette.dim('no oclif.manifest.json: every start of msg imports its commands')] as const]
      : []),
  ]
  return [
    ...rowLines(rows).map((line) => line.slice(2)),
    ...probed.flatMap((part) => ['', ...partLines(part, palette)]),
    ...(fault === undefined || probed.some((part) => part.fault !== undefined)
      ? []
      : ['', `${palette.bad('broken:')} ${visible(fault)}`]),
  ]
}

function partLines(
  { part, path, ms, fault, protocol, requires = [], registered, stopped }: Probed,
  palette: Palette,
): string[] {
  const heading = `${palette.strong(part)} ${shown(path)} ${palette.dim(`loaded in ${ms} ms`)}`
  if (fault !== undefined) return [heading, `  ${palette.bad('broken:')} ${shown(fault)}`]
  const commands = registered?.commands.map(({ name, short }) => (short === undefined ? name : `${name} (${short})`))
  const rows = [
    ['protocol', protocol === undefined ? [] : [`version ${protocol}`]],
    ['requires', requires],
    ['handles', registered?.handlers ?? []],
    ['hooks', registered?.hooks ?? []],
    ['streams', registered?.streams === true ? ['accepted'] : []],
    [part === 'server' ? 'console' : 'prompt', commands ?? []],
    ['setup', stopped === undefined ? [] : [`ends early here (${stopped}); there may be more when it runs`]],
  ] as const
  return [
    heading,
    ...rowLines(rows.flatMap(([key, list]) => (list.length === 0 ? [] : [[key, shown(list.join(', '))] as const]))),
  ]
}

function idOf({ found, probed }: Pick<Inspected, 'found' | 'probed'>): string | undefined {
  return probed.find(({ id }) => id !== undefined)?.id ?? found.listed?.id ?? found.declared?.id
}

function isOptIn({ found, probed }: Pick<Inspected, 'found' | 'probed'>): boolean {
  return found.declared?.optIn === true || probed.some(({ optIn }) => optIn === true)
}
