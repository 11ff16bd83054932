import Database from 'libsql'
import { asMsgError } from './database.ts'

/**
 * An exclusive lock on a file, held by this process until it lets go or dies, however it dies.
 *
 * It is SQLite's own lock on an otherwise empty database: the kernel frees it with the process, nothing has to be cleaned up,
 * and it works the same on every platform. Two locks in one process exclude each other too.
 */
export class FileLock {
  readonly #database: Database.Database

  private constructor(database: Database.Database) {
    this.#database = database
  }

  /**
   * Takes the lock without waiting.
   *
   * @returns `undefined` when somebody else holds it.
   * @throws MSG_ERR_DIRECTORY_ACCESS when the file cannot be made or opened.
   */
  static acquire(path: string): FileLock | undefined {
    let database: Database.Database | undefined
    try {
      database = new Database(path, { timeout: 0 })
      database.exec('BEGIN EXCLUSIVE')
      return new FileLock(database)
    } catch (cause) {
      database?.close()
      if ((cause as { code?: string }).code?.startsWith('SQLITE_BUSY')) return undefined
      throw asMsgError(cause, path)
    }
  }

  /** Lets go. Safe to call again. */
  release(): void {
    if (this.#database.open) this.#database.close()
  }
}
