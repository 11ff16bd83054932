import type { DirectorySnapshot, DirectoryWrite } from '../control/writes.ts'
import { MAX_ACCOUNTS, virtualAddress } from '../control/virtual-address.ts'
import { MsgError } from '../errors.ts'
import { MAX_DEVICES, type Store, type StoredAccount } from './store.ts'

/** A {@link Store} that forgets everything with the process: for tests and for trying things out. */
export class MemoryStore implements Store {
  readonly #accounts = new Map<string, StoredAccount>()
  readonly #addresses = new Map<string, StoredAccount>()
  /** By user, then by device key: when it was last used. */
  readonly #devices = new Map<string, Map<string, number>>()
  readonly #sessions = new Map<string, { users: readonly [string, string]; since: number }>()
  readonly #rooms = new Map<string, { name: string; owner: string; members: Set<string> }>()

  get size(): number {
    return this.#accounts.size
  }

  account(user: string): StoredAccount | undefined {
    return this.#accounts.get(user)
  }

  accountAt(address: string): StoredAccount | undefined {
    return this.#addresses.get(address)
  }

  accounts(after: string, limit: number): StoredAccount[] {
    return [...this.#accounts.values()]
      .filter(({ user }) => user > after)
      .sort((a, b) => (a.user < b.user ? -1 : 1))
      .slice(0, limit)
  }

  createAccount(given: { user: string; name: string; verifier: string }): StoredAccount | undefined {
    if (this.#accounts.has(given.user)) return undefined
    if (this.size >= MAX_ACCOUNTS) throw new MsgError('MSG_ERR_SERVER_FULL', { detail: 'no virtual address is left' })
    const account = { ...given, virtualAddress: virtualAddress(this.size + 1) }
    this.#accounts.set(account.user, account)
    this.#addresses.set(account.virtualAddress, account)
    return account
  }

  replaceVerifier(user: string, expected: string, verifier: string): boolean {
    const account = this.#accounts.get(user)
    if (account?.verifier !== expected) return false
    const next = { ...account, verifier }
    this.#accounts.set(user, next)
    this.#addresses.set(next.virtualAddress, next)
    return true
  }

  putDevice(user: string, device: string, at: number): void {
    const devices = this.#devices.get(user) ?? new Map<string, number>()
    this.#devices.set(user, devices.set(device, at))
    if (devices.size <= MAX_DEVICES) return
    const [oldest] = [...devices].reduce((a, b) => (b[1] < a[1] ? b : a))
    devices.delete(oldest)
  }

  hasDevice(user: string, device: string): boolean {
    return this.#devices.get(user)?.has(device) ?? false
  }

  apply(writes: readonly DirectoryWrite[]): void {
    for (const write of writes) this.#apply(write)
  }

  load(): DirectorySnapshot {
    return {
      sessions: [...this.#sessions.values()],
      rooms: [...this.#rooms].map(([room, { name, owner, members }]) => ({ room, name, owner, members: [...members] })),
    }
  }

  close(): void {}

  #apply(write: DirectoryWrite): void {
    switch (write.op) {
      case 'session.put':
        this.#sessions.set(write.users.join('\n'), { users: write.users, since: write.since })
        return
      case 'session.delete':
        this.#sessions.delete(write.users.join('\n'))
        return
      case 'room.put':
        if (!this.#rooms.has(write.room))
          this.#rooms.set(write.room, { name: write.name, owner: write.owner, members: new Set() })
        return
      case 'room.owner': {
        const room = this.#rooms.get(write.room)
        if (room?.owner === write.from) room.owner = write.to
        return
      }
      case 'room.delete':
        this.#rooms.delete(write.room)
        return
      case 'member.put':
        this.#rooms.get(write.room)?.members.add(write.user)
        return
      case 'member.delete':
        this.#rooms.get(write.room)?.members.delete(write.user)
    }
  }
}
