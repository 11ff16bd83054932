import type { ClientSession } from '../client/session.ts'
import type { LineCommand } from '../lines/command.ts'
import { helpCommand } from '../lines/help.ts'
import { CommandTable } from '../lines/table.ts'
import { ACCOUNT_COMMANDS } from './account.ts'
import { CONVERSATION_COMMANDS } from './conversation.ts'
import { FILE_COMMANDS } from './file.ts'
import { HISTORY_COMMANDS } from './history.ts'
import { PEOPLE_COMMANDS } from './people.ts'
import { PROGRAM_COMMANDS } from './program.ts'
import { ROOM_COMMANDS } from './room.ts'
import { SESSION_COMMANDS } from './session.ts'

/**
 * Every command of the running client: the one table that terminal, pipes and JSON share.
 *
 * @param added - what the plugins of the connected client bring.
 */
export function clientCommands(added?: () => readonly LineCommand<ClientSession>[]): CommandTable<ClientSession> {
  const table: CommandTable<ClientSession> = new CommandTable<ClientSession>(
    [
      ...PROGRAM_COMMANDS,
      ...ACCOUNT_COMMANDS,
      ...PEOPLE_COMMANDS,
      ...SESSION_COMMANDS,
      ...CONVERSATION_COMMANDS,
      ...HISTORY_COMMANDS,
      ...FILE_COMMANDS,
      ...ROOM_COMMANDS,
      helpCommand<ClientSession>(() => table),
    ],
    added,
  )
  return table
}

/** The table without plugins. */
export const CLIENT_COMMANDS = clientCommands()
