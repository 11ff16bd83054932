import type { Directory } from '../control/directory.ts'
import { NO_TOTALS } from '../control/relay.ts'
import { isPresent } from '../control/state.ts'
import type { Store } from '../store/store.ts'
import type { ServerAdmin, ServerRelays, ServerRoom, ServerSession, ServerUser } from './api.ts'
import type { ControlConnection } from './control-connection.ts'
import type { RelayHost } from './relay-host.ts'

/** What the console and the admin socket see of a server's users, sessions and rooms. */
export class Overview implements Pick<ServerAdmin, 'users' | 'sessions' | 'rooms' | 'members' | 'relays'> {
  readonly #store: Store
  readonly #directory: Directory
  readonly #connections: ReadonlySet<ControlConnection>

  readonly #relay: RelayHost | undefined

  /** @param connections - those signed in. @param relay - `undefined` where nothing is relayed. */
  constructor(store: Store, directory: Directory, connections: ReadonlySet<ControlConnection>, relay?: RelayHost) {
    this.#relay = relay
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

  async relays(): Promise<ServerRelays> {
    const relay = this.#relay
    const { inUse: _, ...totals } = relay?.totals ?? NO_TOTALS
    const channels = relay?.report() ?? []
    const nameOf = (user: string): string => this.#store.account(user)?.name ?? user
    return {
      enabled: relay !== undefined,
      ...totals,
      relays: channels.map(({ users, rate, since, ...channel }) => ({
        users: [nameOf(users[0]), nameOf(users[1])],
        ...channel,
        rate: Math.round(rate),
        since: new Date(since / 1_000).toISOString(),
      })),
    }
  }

  async members(
    room: string,
  ): Promise<{ room: string; owner: string; members: Array<{ user: string; present: boolean }> }> {
    return this.#directory.members(room)
  }
}

/** More than there can be. */
const ALL = 2 ** 31
