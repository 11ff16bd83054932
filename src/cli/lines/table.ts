import { usageOf, type LineCommand } from './command.ts'

/** The commands of one console. Long and short names are unique across it. */
export class CommandTable<Context> {
  readonly #own: readonly LineCommand<Context>[]
  readonly #added: () => readonly LineCommand<Context>[]
  readonly #byName = new Map<string, LineCommand<Context>>()

  /** @param added - commands that come and go, as plugins bring them; of two with one name the table's own counts. */
  constructor(commands: readonly LineCommand<Context>[], added: () => readonly LineCommand<Context>[] = () => []) {
    this.#own = commands
    this.#added = added
    for (const command of commands) {
      for (const name of [command.name, command.short]) if (name !== undefined) this.#byName.set(name, command)
    }
  }

  get commands(): readonly LineCommand<Context>[] {
    return [...this.#own, ...this.#others()]
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
      const command = name === undefined ? undefined : this.#named(name)
      if (command) return { command, rest: match?.[2] ?? '' }
    }
    return undefined
  }

  #named(name: string): LineCommand<Context> | undefined {
    const others = this.#byName.has(name) ? [] : this.#others()
    return (
      this.#byName.get(name) ??
      others.find((command) => command.name === name) ??
      others.find(({ short }) => short === name)
    )
  }

  /** Names and short names that another command has are not taken from it. */
  #others(): LineCommand<Context>[] {
    const taken = new Set(this.#byName.keys())
    const others = this.#added().filter(({ name }) => !taken.has(name))
    for (const { name } of others) taken.add(name)
    return others.map((command) => {
      const { short, ...rest } = command
      if (short === undefined || !taken.has(short)) {
        if (short !== undefined) taken.add(short)
        return command
      }
      return rest
    })
  }

  /** The command that a key runs. */
  keyed(key: string): LineCommand<Context> | undefined {
    return this.commands.find((command) => command.key === key)
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
