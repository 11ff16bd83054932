import Database from 'libsql'
import type { ERRORS } from '../errors.ts'
import { MsgError, type ErrorCode } from '../errors.ts'

/** What {@link openDatabase} takes. */
export interface DatabaseOptions {
  /** SQL of each schema version, in order; those the file has not seen yet are run, each in its own transaction. */
  readonly migrations: readonly string[]
  /** Milliseconds to wait for another process's lock. @default 5,000 */
  readonly busyMs?: number
  /** Read all of it to see that it is whole: costs seconds for each gigabyte. @default true */
  readonly isChecked?: boolean
}

/** A row as libsql gives it: columns by name. */
export type Row = Record<string, unknown>

/**
 * Opens a SQLite file in WAL mode, checks that it is whole and brings its schema up to date.
 *
 * `synchronous=NORMAL`: a commit survives the death of the process; a power cut may take the last ones back, never half of one.
 *
 * @throws MSG_ERR_STORE_CORRUPT when the file is damaged, no database, or of a newer schema; MSG_ERR_DIRECTORY_ACCESS when it
 * cannot be opened or written.
 */
export function openDatabase(
  path: string,
  { migrations, busyMs = BUSY_MS, isChecked = true }: DatabaseOptions,
): Database.Database {
  let database: Database.Database | undefined
  try {
    database = new Database(path, { timeout: busyMs })
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    if (isChecked) check(database, path)
    migrate(database, migrations, path)
    return database
  } catch (cause) {
    database?.close()
    throw asMsgError(cause, path)
  }
}

/**
 * Closes, with everything in the main file: libsql lets go of a connection only when its prepared statements are collected, so
 * the checkpoint that SQLite makes at the last close would come too late.
 */
export function closeDatabase(database: Database.Database): void {
  if (!database.open) return
  try {
    database.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}

/** Runs `act` in one transaction: all of it, or nothing when it throws. */
export function inTransaction<T>(database: Database.Database, act: () => T): T {
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

/** The {@link MsgError} for something libsql threw while working on `path`. */
export function asMsgError(cause: unknown, path: string): MsgError {
  if (MsgError.is(cause)) return cause
  const { code, message } = cause as { code?: string; message: string }
  return new MsgError(CODES.find(([pattern]) => pattern.test(`${code} ${message}`))?.[1] ?? 'MSG_ERR_INTERNAL', {
    detail: `${path}: ${message}`,
    cause,
  })
}

function check(database: Database.Database, path: string): void {
  const rows = database.pragma('integrity_check(1)') as Row[]
  const verdict = String(rows[0]?.['integrity_check'])
  if (verdict !== 'ok')
    throw new MsgError('MSG_ERR_STORE_CORRUPT', { detail: `${path}: ${verdict.replaceAll('\n', ' ').slice(0, 200)}` })
}

function migrate(database: Database.Database, migrations: readonly string[], path: string): void {
  const { user_version: version } = database.pragma('user_version', { simple: true }) as unknown as {
    user_version: number
  }
  if (version > migrations.length) {
    throw new MsgError('MSG_ERR_STORE_CORRUPT', { detail: `${path} was written by a newer msg (schema ${version})` })
  }
  for (const [i, sql] of migrations.entries()) {
    if (i < version) continue
    inTransaction(database, () => database.exec(`${sql}; PRAGMA user_version = ${i + 1}`))
  }
}

/** What libsql says, and what it means; the first match counts. */
const CODES: ReadonlyArray<readonly [RegExp, ErrorCode & keyof typeof ERRORS]> = [
  [/SQLITE_(CORRUPT|NOTADB)/, 'MSG_ERR_STORE_CORRUPT'],
  [/SQLITE_BUSY/, 'MSG_ERR_DATA_DIR_BUSY'],
  [/SQLITE_(READONLY|CANTOPEN|PERM|FULL|IOERR)|Unable to open/, 'MSG_ERR_DIRECTORY_ACCESS'],
]
/** Long enough for another process's checkpoint, milliseconds. */
const BUSY_MS = 5_000
