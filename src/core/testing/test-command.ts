import { MsgError } from '../errors.ts'
import type { PluginCommand } from '../plugins/commands.ts'

/** The words and options of a command, by their names; `true` is a switch that is on. */
export type TestValues = Readonly<Record<string, string | true>>

/** Runs a command as a console would, with words that are there already. @throws MSG_ERR_USAGE, and what the command throws */
export async function runCommand(
  commands: readonly PluginCommand[],
  name: string,
  values: TestValues,
  confirm: ((question: string) => Promise<boolean>) | undefined,
): Promise<object> {
  const command = commands.find((one) => one.name === name || one.short === name)
  if (!command) throw new MsgError('MSG_ERR_USAGE', { detail: `there is no command ${name}` })
  const missing = (command.arguments ?? []).find(({ name: word, optional }) => !optional && values[word] === undefined)
  if (missing) throw new MsgError('MSG_ERR_USAGE', { detail: `${name} needs <${missing.name}>` })
  const optional = (word: string): string | undefined => {
    const value = values[word]
    return typeof value === 'string' ? value : undefined
  }
  const fields = await command.run(
    {
      optional,
      has: (word) => values[word] !== undefined,
      text(word) {
        const text = optional(word)
        if (text === undefined) throw new MsgError('MSG_ERR_USAGE', { detail: `<${word}> is not given` })
        return text
      },
    },
    { signal: new AbortController().signal, confirm },
  )
  // What people are told must not throw either.
  command.text(fields, (text) => text)
  return fields
}
