import type { Directory } from '../control/directory.ts'
import { isPresent } from '../control/state.ts'
import type { Store } from '../store/store.ts'
import type { ServerAdmin, ServerRoom, ServerSession, ServerUser } from './api.ts'
import type { ControlConnection } from './control-connection.ts'

/** What the console and the admin socket see of a server's users, sessions and rooms. */
export class Overview implements Pick<ServerAdmin, 'users' | 'sessions' | 'rooms' | 'members'> {
  readonly #store: Store
  readonly #directory: Directory
  readonly #connections: ReadonlySet<ControlConnection>

  /** @param connections - those signed in. */
  constructor(store: Store, directory: Directory, connections: ReadonlySet<ControlConnection>) {
    this.#store = store
    this.#directory = directory
    this.#connections = connections
  }

  async users({ connected = false }: { connected?: boolean } = {}): Promise<ServerUser[]> {
    const addresses = new Map<string, string[]>()
    for (const { user = '', address } of this.#connections)
      addresses.set(user, [...(addresses.get(user) ?? []), address])
    return this.#store
      .accounts('', ALL)
      .map(({ user, name, virtualAddress }): ServerUser => {
        const live = this.#directory.user(user)
        const found = addresses.get(user) ?? []
        return {
          user: name,
          status: live && isPresent(live) ? live.status : 'offline',
          virtualAddress,
          connections: found.length,
          addresses: [...new Set(found)],
        }
      })
      .filter(({ status }) => !connected || status !== 'offline')
  }

  async sessions(): Promise<ServerSession[]> {
    return this.#directory.listings
      .allSessions()
      .map(({ since, ...session }) => ({ ...session, since: new Date(since / 1_000).toISOString() }))
  }

  async rooms(): Promise<ServerRoom[]> {
    return this.#directory.listings.allRooms()
  }

  async members(
    room: string,
  ): Promise<{ room: string; owner: string; members: Array<{ user: string; present: boolean }> }> {
    return this.#directory.members(room)
  }
}

/** More than there can be. */
const ALL = 2 ** 31
