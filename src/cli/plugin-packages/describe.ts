import { visible } from '../../core/wire/visible.ts'
import { bytesText } from '../bytes.ts'
import type { Palette } from '../render/palette.ts'
import type { Declared } from './declared.ts'
import type { Candidate } from './install.ts'

/** What a package declares, for whoever decides about it. @param api - version of the plugin interface that this msg has */
export function candidateLines(candidate: Candidate, api: number, runsScripts: boolean, palette: Palette): string[] {
  const { declared, source, bytes, unpackedBytes, files, previous } = candidate
  const { name, version } = declared
  const change = previous === undefined || previous === version ? '' : palette.dim(` (installed is ${previous})`)
  const rows: Array<readonly [string, string]> = [
    ['author', declared.author === undefined ? palette.dim('not said') : shown(declared.author)],
    ['from', `${shown(source)} (${bytesText(bytes)} packed, ${bytesText(unpackedBytes)} in ${files} files)`],
    ...declaredRows(declared),
    [
      'made for',
      declared.api === undefined ? palette.dim('not said') : `plugin api ${declared.api}; this msg has ${api}`,
    ],
    ['needs', dependenciesText(declared, palette)],
    ['scripts', scriptsText(declared, runsScripts, palette)],
  ]
  return [
    `${palette.strong(shown(name))} ${shown(version)}${change}`,
    ...(declared.description === undefined ? [] : [`  ${shown(declared.description)}`]),
    ...rowLines(rows),
  ]
}

/** What it adds to msg. */
export function declaredRows(declared: Declared): Array<readonly [string, string]> {
  const { id, hooks, optIn, commands } = declared
  return [
    ...(id === undefined ? [] : [['plugin', shown(id)] as const]),
    ['extends', extendsText(declared)],
    ...(commands.length === 0 ? [] : [['commands', commandsText(declared)] as const]),
    ...(hooks.length === 0 ? [] : [['hooks', `${shown(hooks.join(', '))}: it runs in every command of msg`] as const]),
    ...(optIn ? [['option', 'does nothing until the configuration turns it on'] as const] : []),
  ]
}

/** `server, client, 2 commands`. */
export function extendsText({ server, client, commands }: Pick<Declared, 'server' | 'client' | 'commands'>): string {
  const { length } = commands
  const parts = [
    ...(server === undefined ? [] : ['server']),
    ...(client === undefined ? [] : ['client']),
    ...(length === 0 ? [] : [`${length} command${length === 1 ? '' : 's'}`]),
  ]
  return parts.join(', ') || 'nothing'
}

/** Two columns. What comes from others must be escaped. */
export function rowLines(rows: ReadonlyArray<readonly [string, string]>): string[] {
  const width = Math.max(...rows.map(([key]) => key.length))
  return rows.map(([key, text]) => `  ${key.padEnd(width)}  ${text}`)
}

function commandsText({ commands }: Declared): string {
  const names = commands.map(({ id }) => `msg ${id.replaceAll(':', ' ')}`)
  const more = names.length - MAX_LISTED
  return shown(names.slice(0, MAX_LISTED).join(', ')) + (more > 0 ? `, and ${more} more` : '')
}

function dependenciesText({ dependencies }: Declared, { dim }: Palette): string {
  const entries = Object.entries(dependencies).map(([name, range]) => `${name} ${range}`)
  if (entries.length === 0) return dim('nothing else')
  const more = entries.length - MAX_LISTED
  return shown(entries.slice(0, MAX_LISTED).join(', ')) + (more > 0 ? `, and ${more} more` : '')
}

function scriptsText({ scripts }: Declared, runsScripts: boolean, { dim, bad }: Palette): string {
  if (runsScripts)
    return bad(`${scripts.join(', ') || 'none of its own'}; those of what it needs run too (--allow-scripts)`)
  return scripts.length === 0 ? dim('none') : `${scripts.join(', ')}: not run (--allow-scripts runs them)`
}

/** An author's text, escaped and cut. */
export function shown(text: string): string {
  const safe = visible(text)
  return safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN)}…` : safe
}

const MAX_LISTED = 12
/** UTF-16 units of one field. */
const MAX_SHOWN = 400
