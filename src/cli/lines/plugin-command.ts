import { visible } from '../../core/wire/visible.ts'
import type { PluginCommand } from '../../core/index.ts'
import type { LineCommand } from './command.ts'

/** What surrounds it while it runs. */
type Surroundings = Parameters<PluginCommand['run']>[1]

/** A command of a plugin as a command of a console. @param surroundings - of a context */
export function pluginLineCommand<Context>(
  command: PluginCommand,
  surroundings: (context: Context) => Surroundings,
): LineCommand<Context> {
  const { name, short, key, summary, arguments: words = [], options = {}, background = false } = command
  return {
    name,
    ...(short === undefined ? {} : { short }),
    ...(key === undefined ? {} : { key }),
    summary: key === undefined ? summary : `${summary} (Ctrl-${key.toUpperCase()})`,
    arguments: words,
    options,
    background,
    ...(command.complete ? { complete: (typed) => candidates(command, typed) } : {}),
    run: (context, values) => command.run(values, surroundings(context)),
    text: (fields) => command.text(fields, (text) => visible(text)),
  }
}

/** Nobody waits long for a plugin's candidates, and what goes wrong there is no matter of who types. */
async function candidates(command: PluginCommand, words: readonly string[]): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), PATIENCE_MS)
  })
  try {
    const found = await Promise.race([(async () => (await command.complete?.(words)) ?? [])(), late])
    // The terminal is given them as they are, and they may be names that others gave.
    return found.filter((one: unknown) => typeof one === 'string' && visible(one) === one)
  } catch {
    return []
  } finally {
    clearTimeout(timer)
  }
}

/** As long as other names take to be learnt, milliseconds. */
const PATIENCE_MS = 400
