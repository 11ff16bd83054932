import { join } from 'node:path'
import { makePrivateDir } from './data-dir.ts'
import { openDatabase, readable, transaction, type Database } from './database.ts'
import { Devices } from './devices.ts'
import { History } from './history.ts'
import { MIGRATIONS } from './migrations.ts'
import { OutboxTable } from './outbox-table.ts'
import { Slots } from './slots.ts'

/** What a signed-in client keeps: one open `state.db` with its tables, and the slots this process holds. */
export class ProfileState {
  readonly #database: Database
  readonly #path: string
  readonly slots: Slots
  readonly history: History
  readonly outbox: OutboxTable
  readonly devices: Devices

  /**
   * @param dir - the profile's directory, made when missing.
   * @throws MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS, MSG_ERR_VERSION
   */
  constructor(dir: string) {
    makePrivateDir(dir)
    this.#path = join(dir, 'state.db')
    this.#database = openDatabase(this.#path, MIGRATIONS)
    try {
      this.slots = readable(this.#path, () => new Slots(this.#database, dir))
    } catch (error) {
      this.#database.close()
      throw error
    }
    this.history = new History(this.#database, this.slots)
    this.outbox = new OutboxTable(this.#database)
    this.devices = new Devices(this.#database)
  }

  /** Runs `act` in one transaction. */
  commit<T>(act: () => T): T {
    return readable(this.#path, () => transaction(this.#database, act))
  }

  /** Frees the slots and the file. */
  close(): void {
    this.slots.release()
    this.#database.close()
  }
}
