import type { Account } from '../control/accounts.ts'
import type { DirectorySnapshot, DirectoryWrite } from '../control/writes.ts'
import { MsgError } from '../errors.ts'
import type { Store, StoredAccount } from '../store/store.ts'
import type { ServerEvent } from './api.ts'

/**
 * A {@link Store} whose failures are told: to the console once when they begin and once when a write works again, and to whoever
 * asked as MSG_ERR_STORAGE_FAILED without the names of this machine's files.
 */
export class WatchedStore implements Store {
  readonly #store: Store
  readonly #publish: (event: ServerEvent) => void
  #isFailing = false

  constructor(store: Store, publish: (event: ServerEvent) => void) {
    this.#store = store
    this.#publish = publish
  }

  get size(): number {
    return this.#store.size
  }

  account(user: string): StoredAccount | undefined {
    return this.#guard(() => this.#store.account(user))
  }

  accountAt(virtualAddress: string): StoredAccount | undefined {
    return this.#guard(() => this.#store.accountAt(virtualAddress))
  }

  accounts(after: string, limit: number): Account[] {
    return this.#guard(() => this.#store.accounts(after, limit))
  }

  createAccount(account: Parameters<Store['createAccount']>[0]): StoredAccount | undefined {
    return this.#write(() => this.#store.createAccount(account))
  }

  replaceVerifier(user: string, expected: string, verifier: string): boolean {
    return this.#write(() => this.#store.replaceVerifier(user, expected, verifier))
  }

  putDevice(user: string, device: string, at: number): void {
    this.#write(() => this.#store.putDevice(user, device, at))
  }

  hasDevice(user: string, device: string): boolean {
    return this.#guard(() => this.#store.hasDevice(user, device))
  }

  apply(writes: readonly DirectoryWrite[]): void {
    // Nothing to write says nothing about whether writing works.
    if (writes.length > 0) this.#write(() => this.#store.apply(writes))
  }

  load(): DirectorySnapshot {
    return this.#guard(() => this.#store.load())
  }

  close(): void {
    this.#store.close()
  }

  #write<T>(act: () => T): T {
    const result = this.#guard(act)
    if (this.#isFailing) {
      this.#isFailing = false
      this.#publish({ type: 'storage.recovered' })
    }
    return result
  }

  #guard<T>(act: () => T): T {
    try {
      return act()
    } catch (cause) {
      if (MsgError.is(cause) && cause.code === 'MSG_ERR_SERVER_FULL') throw cause
      if (!this.#isFailing) {
        this.#isFailing = true
        this.#publish({ type: 'storage.failed', reason: (cause as Error).message })
      }
      const isFull = MsgError.is(cause) && (cause.cause as { code?: string } | undefined)?.code === 'SQLITE_FULL'
      const detail = isFull ? "the server's disk is full" : "the server's database cannot be used"
      throw new MsgError('MSG_ERR_STORAGE_FAILED', { detail, cause })
    }
  }
}
