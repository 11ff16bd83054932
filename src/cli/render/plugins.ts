import type { PluginStatus } from '../../core/index.ts'
import type { Palette } from './palette.ts'
import { count } from './time.ts'
import { visible } from '../../core/wire/visible.ts'

/** What each plugin of a server or client has registered, and how it fares: a line each, and more below those that have something to tell. */
export function pluginLines(plugins: readonly PluginStatus[], palette: Palette): string[] {
  return plugins.flatMap((plugin) => [headLine(plugin, palette), ...detailLines(plugin, palette)])
}

function headLine({ id, version, package: origin, state, reason, setupMs }: PluginStatus, palette: Palette): string {
  const from = origin === null ? '' : palette.dim(` (${visible(origin)})`)
  const name = `${palette.dim('plugin')} ${palette.strong(visible(id))} ${version}${from}`
  if (state === 'running') return `${name}: started in ${setupMs} ms`
  return `${name}: ${state === 'failed' ? palette.bad('failed') : 'off'}${reason === null ? '' : `, ${visible(reason)}`}`
}

function detailLines(
  { handles, hooks, commands, streams, metrics, faults, lastFault }: PluginStatus,
  palette: Palette,
): string[] {
  const rows: Array<readonly [string, readonly string[]]> = [
    ['messages', handles],
    ['hooks', hooks],
    ['commands', commands],
    ['streams', streams ? ['accepts them'] : []],
    ['metrics', Object.entries(metrics).map(([name, value]) => `${name} ${value}`)],
    ['faults', faults === 0 ? [] : [`${count(faults, 'fault')}, the last: ${visible(lastFault ?? '')}`]],
  ]
  return rows
    .filter(([, items]) => items.length > 0)
    .map(([label, items]) => `  ${palette.dim(label.padEnd(LABEL_CHARS))}${items.join(', ')}`)
}

/** The longest label and two blanks, characters. */
const LABEL_CHARS = 10
