import type { ClientSession } from '../client/session.ts'
import type { LineCommand } from '../lines/command.ts'
import { pluginLineCommand } from '../lines/plugin-command.ts'

/** What the plugins of the connected client bring, as commands of the prompt. */
export function pluginCommands({ connection }: ClientSession): LineCommand<ClientSession>[] {
  return (connection?.commands ?? []).map((command) =>
    pluginLineCommand(command, ({ ask, ended }: ClientSession) => ({
      signal: ended,
      confirm: ask && ((question) => ask.confirm(question)),
    })),
  )
}
