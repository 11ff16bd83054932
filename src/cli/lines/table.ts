import { usageOf, type LineCommand } from './command.ts'

/** The commands of one console. Long and short names are unique across it. */
export class CommandTable<Context> {
  readonly commands: readonly LineCommand<Context>[]
  readonly #byName = new Map<string, LineCommand<Context>>()

  constructor(commands: readonly LineCommand<Context>[]) {
    this.commands = commands
    for (const command of commands) {
      for (const name of [command.name, command.short]) if (name !== undefined) this.#byName.set(name, command)
    }
  }

  /**
   * The command a line starts with, two words before one, and what follows its name.
   *
   * @returns `undefined` when it starts with none. `rest` lacks the one blank that ended the name; the rest is verbatim.
   */
  find(line: string): { command: LineCommand<Context>; rest: string } | undefined {
    for (const pattern of [TWO_WORDS, ONE_WORD]) {
      const match = pattern.exec(line)
      const name = match?.[1]?.toLowerCase().replace(/\s+/gu, ' ')
      const command = name === undefined ? undefined : this.#byName.get(name)
      if (command) return { command, rest: match?.[2] ?? '' }
    }
    return undefined
  }

  /** Every name a command answers to, long ones first. */
  words(): string[] {
    return [
      ...this.commands.map((command) => command.name),
      ...this.commands.flatMap((command) => (command.short === undefined ? [] : [command.short])),
    ]
  }

  /** Help: one row per command (short name, usage, summary), in the table's order. */
  help(): Array<{ short: string; usage: string; summary: string }> {
    return this.commands.map((command) => ({
      short: command.short ?? '',
      usage: usageOf(command),
      summary: command.summary,
    }))
  }
}

const TWO_WORDS = /^\s*(\S+\s+\S+)(?:\s([\s\S]*))?$/u
const ONE_WORD = /^\s*(\S+)(?:\s([\s\S]*))?$/u
