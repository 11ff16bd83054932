import type { Account, AccountIndex } from '../control/accounts.ts'
import type { DirectorySnapshot, DirectoryWrite } from '../control/writes.ts'

/** An account with what only sign-in looks at. */
export interface StoredAccount extends Account {
  /** The password's argon2id string. */
  readonly verifier: string
}

/**
 * What a server keeps: accounts with their device keys, open sessions, rooms. Synchronous; when a call returns, a killed process
 * has lost nothing of it.
 *
 * Users and rooms are keyed by canonical name. Every method throws MSG_ERR_INTERNAL when the storage fails.
 */
export interface Store extends AccountIndex {
  account(user: string): StoredAccount | undefined
  accountAt(virtualAddress: string): StoredAccount | undefined
  /** How many accounts there are. */
  readonly size: number
  /**
   * Makes an account unless there is one, and gives it the next virtual address.
   *
   * @returns the new account, or `undefined` when the name is taken.
   * @throws MSG_ERR_SERVER_FULL when every virtual address is given away.
   */
  createAccount(account: {
    readonly user: string
    readonly name: string
    readonly verifier: string
  }): StoredAccount | undefined
  /** Sets a new password verifier if the present one is `expected`. @returns whether it was. */
  replaceVerifier(user: string, expected: string, verifier: string): boolean
  /**
   * Remembers a device key, or that it was used again. Beyond {@link MAX_DEVICES} the one unused for longest is forgotten.
   *
   * @param device - Ed25519 public key in base64url.
   * @param at - milliseconds since the Unix epoch.
   */
  putDevice(user: string, device: string, at: number): void
  hasDevice(user: string, device: string): boolean
  /** Applies changes of the directory, all or none. */
  apply(writes: readonly DirectoryWrite[]): void
  /** Open sessions and rooms as they were left. */
  load(): DirectorySnapshot
  close(): void
}

/** Device keys kept of one account. */
export const MAX_DEVICES = 64
