import type { ServerAdmin } from '../../core/index.ts'
import { lineCommand, type LineCommand } from '../lines/command.ts'
import { helpCommand } from '../lines/help.ts'
import { CommandTable } from '../lines/table.ts'
import { membersTable, roomsTable } from '../render/lists.ts'
import { relaysLines, serverSessionsTable, serverStatusLines, serverUsersTable } from '../render/server-lists.ts'

const users = lineCommand({
  name: 'users',
  short: 'lu',
  summary: 'everybody who has an account',
  run: async (admin: ServerAdmin) => ({ users: await admin.users() }),
  text: ({ users }, palette) => serverUsersTable(users, palette, 'Nobody has registered yet.'),
})

const connected = lineCommand({
  name: 'connected',
  short: 'lcu',
  summary: 'who is connected now',
  run: async (admin: ServerAdmin) => ({ users: await admin.users({ connected: true }) }),
  text: ({ users }, palette) => serverUsersTable(users, palette, 'Nobody is connected.'),
})

const sessions = lineCommand({
  name: 'sessions',
  short: 'ls',
  summary: 'who talks to whom',
  run: async (admin: ServerAdmin) => ({ sessions: await admin.sessions() }),
  text: ({ sessions }, palette) => serverSessionsTable(sessions, palette),
})

const rooms = lineCommand({
  name: 'rooms',
  short: 'lr',
  summary: 'the rooms, their owners and sizes',
  run: async (admin: ServerAdmin) => ({ rooms: await admin.rooms() }),
  text: ({ rooms }, palette) => roomsTable(rooms, palette),
})

const members = lineCommand({
  name: 'members',
  short: 'lru',
  summary: 'who is in a room',
  arguments: [{ name: 'room', kind: 'room' }],
  run: (admin: ServerAdmin, values) => admin.members(values.text('room')),
  text: (members, palette) => membersTable(members, palette),
})

const relays = lineCommand({
  name: 'relays',
  summary: 'what goes through the relay, and between whom',
  run: (admin: ServerAdmin) => admin.relays(),
  text: (relays, palette) => relaysLines(relays, palette),
})

const status = lineCommand({
  name: 'status',
  summary: 'ports, fingerprint, counts and memory',
  run: (admin: ServerAdmin) => admin.status(),
  text: (status, palette) => serverStatusLines(status, palette),
})

const stop = lineCommand({
  name: 'stop',
  short: 'x',
  summary: 'tell the clients, then stop',
  async run(admin: ServerAdmin) {
    await admin.stop()
    return {}
  },
  text: () => [],
})

/**
 * Every command of the server's console. `msg server <command>` asks the same through the admin socket.
 *
 * @param added - what plugins bring.
 */
export function serverCommands(added?: () => readonly LineCommand<ServerAdmin>[]): CommandTable<ServerAdmin> {
  const table: CommandTable<ServerAdmin> = new CommandTable<ServerAdmin>(
    [users, connected, sessions, rooms, members, relays, status, stop, helpCommand<ServerAdmin>(() => table)],
    added,
  )
  return table
}

/** The table without plugins. */
export const SERVER_COMMANDS = serverCommands()
