import type { Client } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import type { ClientSession } from '../client/session.ts'
import type { LineCommand } from '../lines/command.ts'

/** What the plugins of the connected client bring, as commands of the prompt. */
export function pluginCommands({ connection }: ClientSession): LineCommand<ClientSession>[] {
  return (connection?.commands ?? []).map(lineCommandOf)
}

function lineCommandOf(command: Client['commands'][number]): LineCommand<ClientSession> {
  const { name, summary, arguments: words = [], options = {}, background = false } = command
  return {
    name,
    summary,
    arguments: words,
    options,
    background,
    run: (session, values) => {
      const { ask, ended } = session
      return command.run(values, { signal: ended, confirm: ask && ((question) => ask.confirm(question)) })
    },
    text: (fields) => command.text(fields, (text) => visible(text)),
  }
}
