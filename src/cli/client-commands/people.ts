import { MsgError } from '../../core/errors.ts'
import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { visible } from '../../core/wire/visible.ts'
import { linkLines, networkLine, socketLines } from '../render/links.ts'
import { usersTable } from '../render/lists.ts'
import { peerLines } from '../render/paths.ts'

const users = lineCommand({
  name: 'users',
  short: 'lu',
  summary: 'everybody on this server',
  run: async (session: ClientSession) => ({ users: await session.client.users() }),
  text: ({ users }, palette) => usersTable(users, palette, 'Nobody has registered yet.'),
})

const connected = lineCommand({
  name: 'connected',
  short: 'lcu',
  summary: 'who is here now',
  run: async (session: ClientSession) => ({ users: await session.client.users({ connected: true }) }),
  text: ({ users }, palette) => usersTable(users, palette, 'Nobody is connected.'),
})

const peers = lineCommand({
  name: 'peers',
  summary: 'who you are linked to, by which path, why, since when and how fast',
  run: async (session: ClientSession) => ({ peers: session.client.peers() }),
  text: ({ peers }, palette) => peerLines(peers, palette),
})

const links = lineCommand({
  name: 'links',
  summary: 'what every link measures: round trip, loss, speed, window, datagram size; and what your router does',
  run: async (session: ClientSession) => session.client.links(),
  text: ({ links, socket, network }, palette) => [
    ...linkLines(links, palette),
    ...(socket ? socketLines(socket, palette) : []),
    ...(network ? [networkLine(network, palette)] : []),
  ],
})

const verify = lineCommand({
  name: 'verify',
  summary: 'the safety number to compare aloud; --mark records that you did',
  arguments: [{ name: 'user', kind: 'user', optional: true }],
  options: { mark: {} },
  async run(session: ClientSession, values) {
    const user = values.optional('user') ?? otherOf(session)
    return { user, devices: await session.client.verify(user, { mark: values.has('mark') }) }
  },
  text({ user, devices }, palette) {
    const shown = palette.name(visible(user))
    if (devices.length === 0) return [`No device of ${shown} is linked, so there is no number to compare.`]
    return devices.flatMap(({ device, number, verified }) => [
      `Safety number with ${shown}${verified ? palette.good(' (verified)') : ''}:`,
      ...digitRows(number).map((row) => `    ${palette.strong(row)}`),
      palette.dim(`    device ${visible(device)}`),
    ])
  },
})

/** Commands about other people. */
export const PEOPLE_COMMANDS = [users, connected, peers, links, verify]

/** Without a name the other of the open session is meant. */
function otherOf({ client }: ClientSession): string {
  if (client.conversation?.kind === 'session') return client.conversation.user
  throw new MsgError('MSG_ERR_USAGE', { detail: 'verify needs <user> while no session is open' })
}

/** Twelve groups of five digits in three rows, as people read them aloud. */
function digitRows(number: string): string[] {
  const groups = number.match(/\d{5}/gu) ?? [number]
  return [0, 4, 8].map((start) => groups.slice(start, start + 4).join(' ')).filter((row) => row !== '')
}
