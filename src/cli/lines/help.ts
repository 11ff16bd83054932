import { tableLines } from '../render/table.ts'
import { lineCommand, type LineCommand } from './command.ts'
import { parseLine } from './parse.ts'
import type { CommandTable } from './table.ts'

/** `help [command]` of a console. @param table - asked when it runs, since the table holds this command too. */
export function helpCommand<Context>(table: () => CommandTable<Context>): LineCommand<Context> {
  return lineCommand<Context, { commands: Array<{ short: string; usage: string; summary: string }> }>({
    name: 'help',
    short: '?',
    summary: 'what can be typed here',
    arguments: [{ name: 'command', kind: 'command', optional: true, rest: true }],
    async run(_context, values) {
      const rows = table().help()
      const wanted = values.optional('command')
      if (wanted === undefined) return { commands: rows }
      // A name that is none fails as it would when typed.
      const found = table().find(wanted) ?? parseLine(table(), wanted)
      return { commands: rows.filter((row) => row.usage.split(' ')[0] === found.command.name.split(' ')[0]) }
    },
    text({ commands }, palette) {
      const rows = commands.map(({ short, usage, summary }) => [palette.name(usage), short, palette.dim(summary)])
      return tableLines(['command', 'short', ''].map(palette.dim), rows, '')
    },
  })
}
