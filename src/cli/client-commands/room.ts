import type { ClientSession } from '../client/session.ts'
import { lineCommand } from '../lines/command.ts'
import { membersTable, roomsTable } from '../render/lists.ts'
import { visible } from '../../core/wire/visible.ts'

const rooms = lineCommand({
  name: 'rooms',
  short: 'lr',
  summary: 'the rooms of this server',
  run: async (session: ClientSession) => ({ rooms: await session.client.rooms() }),
  text: ({ rooms }, palette) => roomsTable(rooms, palette),
})

const members = lineCommand({
  name: 'members',
  short: 'lru',
  summary: 'who is in a room',
  arguments: [{ name: 'room', kind: 'room' }],
  async run(session: ClientSession, values) {
    const { room, owner, members } = await session.client.members(values.text('room'))
    return { room, owner, members }
  },
  text: (members, palette) => membersTable(members, palette),
})

const create = lineCommand({
  name: 'room create',
  short: 'cnr',
  summary: 'make a room and enter it',
  arguments: [{ name: 'room' }],
  run: (session: ClientSession, values) => session.client.createRoom(values.text('room')),
  text: ({ room }, palette) => [`Room ${palette.room(visible(room))} is open, and you are in it.`],
})

const enter = lineCommand({
  name: 'enter',
  short: 'or',
  summary: 'enter a room; its members will be linked to you',
  arguments: [{ name: 'room', kind: 'room' }],
  run: (session: ClientSession, values) => session.client.enterRoom(values.text('room')),
  text: ({ room, owner }, palette) => [
    `You are in ${palette.room(visible(room))} (owner ${palette.name(visible(owner))}).`,
  ],
})

const close = lineCommand({
  name: 'room close',
  short: 'cr',
  summary: 'close a room you created, for everybody',
  arguments: [{ name: 'room', kind: 'room', optional: true }],
  run: (session: ClientSession, values) => session.client.closeRoom(values.optional('room')),
  text: ({ room }, palette) => [`Room ${palette.room(visible(room))} is closed.`],
})

/** Commands about rooms. */
export const ROOM_COMMANDS = [rooms, members, create, enter, close]
