import type { Palette } from './palette.ts'
import { tableLines } from './table.ts'
import { count } from './time.ts'
import { visible } from '../../core/wire/visible.ts'

/** Users with their status and virtual address. */
export function usersTable(
  users: ReadonlyArray<{ user: string; status: string; virtualAddress: string }>,
  palette: Palette,
  none: string,
): string[] {
  return tableLines(
    ['user', 'status', 'address'].map(palette.dim),
    users.map((user) => [palette.name(visible(user.user)), statusText(user.status, palette), user.virtualAddress]),
    none,
  )
}

/** Rooms with their owner and size. */
export function roomsTable(
  rooms: ReadonlyArray<{ room: string; owner: string; members: number }>,
  palette: Palette,
): string[] {
  return tableLines(
    ['room', 'owner', 'members'].map(palette.dim),
    rooms.map((room) => [palette.room(visible(room.room)), palette.name(visible(room.owner)), String(room.members)]),
    'There are no rooms. `room create <room>` makes one.',
  )
}

/** The members of one room; the owner is said. */
export function membersTable(
  { room, owner, members }: { room: string; owner: string; members: ReadonlyArray<{ user: string; present: boolean }> },
  palette: Palette,
): string[] {
  return [
    `${palette.room(visible(room))}: ${count(members.length, 'member')}`,
    ...members.map(({ user, present }) => {
      const notes = [...(user === owner ? ['owner'] : []), ...(present ? [] : ['away'])]
      return `  ${palette.name(visible(user))}${notes.length > 0 ? palette.dim(` (${notes.join(', ')})`) : ''}`
    }),
  ]
}

/** A presence word in its colour. */
export function statusText(status: string, palette: Palette): string {
  return status === 'active' ? palette.good(status) : palette.dim(status)
}
