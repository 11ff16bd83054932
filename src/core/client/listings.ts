import type { Result } from '../control/methods.ts'
import type { Client } from './api.ts'
import type { Uplink } from './uplink.ts'

/** Every user the server knows, or those who are connected. */
export async function listUsers(uplink: Uplink, connected: boolean): ReturnType<Client['users']> {
  const pages = await allPages((after) => uplink.request('users.list', { connected, ...after }))
  return pages.flatMap(({ users }) => users)
}

/** Every room. */
export async function listRooms(uplink: Uplink): ReturnType<Client['rooms']> {
  const pages = await allPages((after) => uplink.request('rooms.list', after))
  return pages.flatMap(({ rooms }) => rooms)
}

/** Everybody in a room, as one page. @throws MSG_ERR_ROOM_UNKNOWN */
export async function listMembers(uplink: Uplink, room: string): Promise<Result<'room.members'>> {
  const pages = await allPages((after) => uplink.request('room.members', { room, ...after }))
  const { room: name, owner } = pages.at(-1)!
  return { room: name, owner, members: pages.flatMap(({ members }) => members), next: null }
}

/** Every page of a list, in order. @param fetch - gets the page after a cursor. */
async function allPages<Page extends { readonly next: string | null }>(
  fetch: (after: { after?: string }) => Promise<Page>,
): Promise<Page[]> {
  const pages: Page[] = []
  for (
    let next: string | null | undefined;
    next !== null && pages.length < MAX_PAGES;
    next = pages.at(-1)?.next ?? null
  )
    pages.push(await fetch(next === undefined ? {} : { after: next }))
  return pages
}

/** A server that never ends its list is not followed for ever. */
const MAX_PAGES = 10_000
