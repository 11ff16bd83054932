import { chmodSync } from 'node:fs'
import Libsql from 'libsql'
import { MsgError } from '../../errors.ts'
import { guarded } from './data-dir.ts'

/** The synchronous SQLite connection that the tables of a profile share. */
export type Database = InstanceType<typeof Libsql>
/** A prepared statement. */
export type Statement = ReturnType<Database['prepare']>

/**
 * Opens or makes a database for its owner only, in WAL mode, and brings it to the newest migration.
 *
 * @param migrations - SQL scripts in order; the database's `user_version` counts those that ran.
 * @throws MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS, MSG_ERR_VERSION when a newer msg wrote it.
 */
export function openDatabase(path: string, migrations: readonly string[]): Database {
  return readable(path, () => {
    const database = new Libsql(path)
    try {
      guarded(path, () => chmodSync(path, 0o600))
      database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
      migrate(database, path, migrations)
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

/** Runs `act` in one transaction; whatever it throws undoes all of it. */
export function transaction<T>(database: Database, act: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = act()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** Runs `act`; what SQLite says of a damaged or unusable file becomes the codes that say so. */
export function readable<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    if (MsgError.is(cause) || !(cause instanceof Error)) throw cause
    const code = String((cause as { code?: unknown }).code ?? '')
    if (/CORRUPT|NOTADB/.test(code)) throw new MsgError('MSG_ERR_STORE_CORRUPT', { detail: path, cause })
    if (/^SQLITE_(READONLY|CANTOPEN|PERM|FULL|IOERR|BUSY)/.test(code) || /Unable to open/.test(cause.message))
      throw new MsgError('MSG_ERR_DIRECTORY_ACCESS', { detail: `${path} (${code || 'cannot be opened'})`, cause })
    throw cause
  }
}

function migrate(database: Database, path: string, migrations: readonly string[]): void {
  const version = (): number => (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
  const known = version()
  if (known > migrations.length) throw new MsgError('MSG_ERR_VERSION', { detail: `${path} was written by a newer msg` })
  if (known === migrations.length) return
  transaction(database, () => {
    for (const script of migrations.slice(version())) database.exec(script)
    database.exec(`PRAGMA user_version = ${migrations.length}`)
  })
}
