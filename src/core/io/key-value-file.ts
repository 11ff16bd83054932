import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type Database from 'libsql'
import { MsgError } from '../errors.ts'
import { asMsgError, closeDatabase, inTransaction, openDatabase, type Row } from './database.ts'

/** What {@link KeyValueFile.list} looks for. */
export interface KeyQuery {
  readonly prefix?: string
  /** Begins behind this key. */
  readonly after?: string
  /** 1 to 1,000. @default 100 */
  readonly limit?: number
}

/** JSON values by key in a SQLite file, opened when it is first used; several processes may have it open. Nothing can be too large for its limits. */
export class KeyValueFile {
  readonly #path: string
  readonly #maxBytes: number
  #database: Database.Database | undefined
  #isClosed = false

  /** @param path - made with its directory when it does not exist. @param maxBytes - of all keys and values. */
  constructor(path: string, maxBytes: number = MAX_FILE) {
    this.#path = path
    this.#maxBytes = maxBytes
  }

  /** @throws MSG_ERR_LIMIT for a key that is too long, MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS, MSG_ERR_STORAGE_FAILED */
  async get(key: string): Promise<unknown> {
    checkKey(key)
    return this.#use((database) => {
      const row = database.prepare('SELECT value FROM entry WHERE key = ?').get(key) as Row | undefined
      return row && (JSON.parse(String(row['value'])) as unknown)
    })
  }

  /** @throws MSG_ERR_LIMIT, MSG_ERR_USAGE for what JSON cannot hold, and as `get` */
  async put(key: string, value: unknown): Promise<void> {
    checkKey(key)
    const text = jsonOf(value)
    if (text === undefined) throw new MsgError('MSG_ERR_USAGE', { detail: `what is kept as ${key} must be JSON` })
    const bytes = Buffer.byteLength(text)
    if (bytes > MAX_VALUE)
      throw new MsgError('MSG_ERR_LIMIT', { detail: `a value holds ${MAX_VALUE} bytes, this one has ${bytes}` })
    this.#use((database) =>
      inTransaction(database, () => {
        database
          .prepare(
            'INSERT INTO entry (key, value, bytes) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET value = ?2, bytes = ?3',
          )
          .run(key, text, bytes + Buffer.byteLength(key))
        const { total } = database.prepare('SELECT total FROM size').get() as { total: number }
        if (total > this.#maxBytes)
          throw new MsgError('MSG_ERR_LIMIT', { detail: `${this.#maxBytes} bytes can be kept in all` })
      }),
    )
  }

  async delete(key: string): Promise<void> {
    checkKey(key)
    this.#use((database) => database.prepare('DELETE FROM entry WHERE key = ?').run(key))
  }

  /** In the order of keys by code point. */
  async list({ prefix = '', after = '', limit = 100 }: KeyQuery = {}): Promise<Array<{ key: string; value: unknown }>> {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LISTED)
      throw new MsgError('MSG_ERR_USAGE', { detail: `1 to ${MAX_LISTED} can be listed, not ${limit}` })
    return this.#use((database) => {
      const rows = database
        // As text, libsql gives a key up to its first NUL only.
        .prepare(
          'SELECT CAST(key AS BLOB) AS key, value FROM entry WHERE key >= max(?1, ?2) AND key <> ?2 ORDER BY entry.key LIMIT ?3',
        )
        .all(prefix, after, limit) as Row[]
      const found = rows.map(({ key, value }) => ({ key: Buffer.from(key as Uint8Array).toString(), value }))
      // Keys that begin alike stand together: nothing behind them is looked at.
      const end = found.findIndex(({ key }) => !key.startsWith(prefix))
      return found
        .slice(0, end === -1 ? undefined : end)
        .map(({ key, value }) => ({ key, value: JSON.parse(String(value)) as unknown }))
    })
  }

  close(): void {
    this.#isClosed = true
    if (this.#database) closeDatabase(this.#database)
    this.#database = undefined
  }

  #use<T>(act: (database: Database.Database) => T): T {
    if (this.#isClosed) throw new MsgError('MSG_ERR_STORAGE_FAILED', { detail: `${this.#path} is closed` })
    try {
      if (!this.#database) {
        mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
        this.#database = openDatabase(this.#path, { migrations: MIGRATIONS })
      }
      return act(this.#database)
    } catch (error) {
      throw asMsgError(error, this.#path)
    }
  }
}

/** @returns `undefined` for what JSON cannot hold. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key)
  if (bytes < 1 || bytes > MAX_KEY)
    throw new MsgError('MSG_ERR_LIMIT', { detail: `a key has 1 to ${MAX_KEY} bytes, this one ${bytes}` })
}

/** Sums are kept, so that the limit costs no look at everything. */
const MIGRATIONS = [
  `CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
   CREATE TABLE size (total INTEGER NOT NULL);
   INSERT INTO size VALUES (0);
   CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN UPDATE size SET total = total + new.bytes; END;
   CREATE TRIGGER entry_changed AFTER UPDATE ON entry BEGIN UPDATE size SET total = total + new.bytes - old.bytes; END;
   CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN UPDATE size SET total = total - old.bytes; END`,
]
/** Bytes of UTF-8. */
const MAX_KEY = 256
/** Bytes of a value as JSON. */
const MAX_VALUE = 65_536
/** Bytes of all keys and values. */
const MAX_FILE = 67_108_864
/** Entries of one page. */
const MAX_LISTED = 1_000
