import { join } from 'node:path'
import { makePrivateDir } from './data-dir.ts'
import { chmodSync } from 'node:fs'
import { asMsgError, closeDatabase, inTransaction, openDatabase } from '../../io/database.ts'
import type { Database } from './database.ts'
import { Devices } from './devices.ts'
import { History } from './history.ts'
import { MIGRATIONS } from './migrations.ts'
import { OutboxTable } from './outbox-table.ts'
import { Slots } from './slots.ts'
import { TransferTable } from './transfer-table.ts'

/** What a signed-in client keeps: one open `state.db` with its tables, and the slots this process holds. */
export class ProfileState {
  readonly #database: Database
  readonly #path: string
  readonly slots: Slots
  readonly history: History
  readonly outbox: OutboxTable
  readonly devices: Devices
  readonly transfers: TransferTable

  /**
   * @param dir - the profile's directory, made when missing.
   * @throws MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS, MSG_ERR_VERSION
   */
  constructor(dir: string) {
    makePrivateDir(dir)
    this.#path = join(dir, 'state.db')
    // A history may be gigabytes: damage is noticed when it is met.
    this.#database = openDatabase(this.#path, { migrations: MIGRATIONS, isChecked: false })
    try {
      chmodSync(this.#path, 0o600)
      this.slots = new Slots(this.#database, dir)
    } catch (error) {
      this.#database.close()
      throw asMsgError(error, this.#path)
    }
    this.history = new History(this.#database, this.slots)
    this.outbox = new OutboxTable(this.#database)
    this.devices = new Devices(this.#database)
    this.transfers = new TransferTable(this.#database)
  }

  /** Runs `act` in one transaction. */
  commit<T>(act: () => T): T {
    return this.read(() => inTransaction(this.#database, act))
  }

  /** Runs `act`, which only reads or writes single rows. */
  read<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw asMsgError(error, this.#path)
    }
  }

  /** Frees the slots and the file, with everything in the main file unless another process uses it too. */
  close(): void {
    this.slots.release()
    // Another process of the profile may be in the middle of something: then it moves the log itself.
    this.#database.exec('PRAGMA busy_timeout = 0')
    try {
      closeDatabase(this.#database)
    } catch {
      // What is in the write-ahead log is as safe there.
    }
  }
}
