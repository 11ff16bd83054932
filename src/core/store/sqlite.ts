import type Database from 'libsql'
import type { DirectorySnapshot, DirectoryWrite } from '../control/writes.ts'
import { accountNumber, MAX_ACCOUNTS, virtualAddress } from '../control/virtual-address.ts'
import { MsgError } from '../errors.ts'
import { asMsgError, closeDatabase, inTransaction, openDatabase, type Row } from '../io/database.ts'
import { MAX_DEVICES, type Store, type StoredAccount } from './store.ts'

/** The embedded {@link Store}: one SQLite file. */
export class SqliteStore implements Store {
  readonly #path: string
  readonly #database: Database.Database
  readonly #statements = new Map<string, Database.Statement>()
  #size: number

  /**
   * @param path - made when it does not exist; its directory must.
   * @throws MSG_ERR_STORE_CORRUPT, MSG_ERR_DIRECTORY_ACCESS
   */
  constructor(path: string) {
    this.#path = path
    this.#database = openDatabase(path, { migrations: MIGRATIONS })
    this.#size = Number(this.#get('SELECT count(*) AS n FROM account')?.['n'])
  }

  get size(): number {
    return this.#size
  }

  account(user: string): StoredAccount | undefined {
    return toAccount(this.#get('SELECT * FROM account WHERE user = ?', user))
  }

  accountAt(address: string): StoredAccount | undefined {
    const number = accountNumber(address)
    return number === undefined ? undefined : toAccount(this.#get('SELECT * FROM account WHERE number = ?', number))
  }

  accounts(after: string, limit: number): StoredAccount[] {
    const rows = this.#all('SELECT * FROM account WHERE user > ? ORDER BY user LIMIT ?', after, limit)
    return rows.flatMap((row) => toAccount(row) ?? [])
  }

  createAccount({ user, name, verifier }: { user: string; name: string; verifier: string }): StoredAccount | undefined {
    const number = this.#size + 1
    if (number > MAX_ACCOUNTS) throw new MsgError('MSG_ERR_SERVER_FULL', { detail: 'no virtual address is left' })
    const changes = this.#run(
      'INSERT INTO account (user, name, number, verifier) VALUES (?, ?, ?, ?) ON CONFLICT (user) DO NOTHING',
      user,
      name,
      number,
      verifier,
    )
    if (changes === 0) return undefined
    this.#size = number
    return { user, name, verifier, virtualAddress: virtualAddress(number) }
  }

  replaceVerifier(user: string, expected: string, verifier: string): boolean {
    return this.#run('UPDATE account SET verifier = ? WHERE user = ? AND verifier = ?', verifier, user, expected) > 0
  }

  putDevice(user: string, device: string, at: number): void {
    this.#run(
      'INSERT INTO device (user, key, used_at) VALUES (?, ?, ?) ON CONFLICT (user, key) DO UPDATE SET used_at = excluded.used_at',
      user,
      device,
      at,
    )
    this.#run(
      'DELETE FROM device WHERE user = ?1 AND key IN (SELECT key FROM device WHERE user = ?1 ORDER BY used_at DESC LIMIT -1 OFFSET ?2)',
      user,
      MAX_DEVICES,
    )
  }

  hasDevice(user: string, device: string): boolean {
    return this.#get('SELECT 1 AS found FROM device WHERE user = ? AND key = ?', user, device) !== undefined
  }

  apply(writes: readonly DirectoryWrite[]): void {
    if (writes.length === 0) return
    try {
      inTransaction(this.#database, () => {
        for (const write of writes) this.#apply(write)
      })
    } catch (cause) {
      throw asMsgError(cause, this.#path)
    }
  }

  load(): DirectorySnapshot {
    const members = new Map<string, string[]>()
    for (const row of this.#all('SELECT room, user FROM member ORDER BY rowid')) {
      const room = String(row['room'])
      members.set(room, [...(members.get(room) ?? []), String(row['user'])])
    }
    return {
      sessions: this.#all('SELECT a, b, since FROM session ORDER BY rowid').map((row) => ({
        users: [String(row['a']), String(row['b'])],
        since: Number(row['since']),
      })),
      rooms: this.#all('SELECT room, name, owner FROM room ORDER BY rowid').map((row) => ({
        room: String(row['room']),
        name: String(row['name']),
        owner: String(row['owner']),
        members: members.get(String(row['room'])) ?? [],
      })),
    }
  }

  close(): void {
    this.#statements.clear()
    closeDatabase(this.#database)
  }

  #apply(write: DirectoryWrite): void {
    switch (write.op) {
      case 'session.put':
        this.#run(
          'INSERT INTO session (a, b, since) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET since = excluded.since',
          ...write.users,
          write.since,
        )
        return
      case 'session.delete':
        this.#run('DELETE FROM session WHERE a = ? AND b = ?', ...write.users)
        return
      case 'room.put':
        this.#run(
          'INSERT INTO room (room, name, owner) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
          write.room,
          write.name,
          write.owner,
        )
        return
      case 'room.owner':
        this.#run('UPDATE room SET owner = ? WHERE room = ? AND owner = ?', write.to, write.room, write.from)
        return
      case 'room.delete':
        this.#run('DELETE FROM room WHERE room = ?', write.room)
        return
      case 'member.put':
        this.#run(
          'INSERT INTO member (room, user) SELECT room, ? FROM room WHERE room = ? ON CONFLICT DO NOTHING',
          write.user,
          write.room,
        )
        return
      case 'member.delete':
        this.#run('DELETE FROM member WHERE room = ? AND user = ?', write.room, write.user)
    }
  }

  #get(sql: string, ...values: unknown[]): Row | undefined {
    return this.#guard(() => this.#statement(sql).get(...values) as Row | undefined)
  }

  #all(sql: string, ...values: unknown[]): Row[] {
    return this.#guard(() => this.#statement(sql).all(...values) as Row[])
  }

  /** @returns how many rows changed. */
  #run(sql: string, ...values: unknown[]): number {
    return this.#guard(() => this.#statement(sql).run(...values).changes)
  }

  #statement(sql: string): Database.Statement {
    const statement = this.#statements.get(sql) ?? this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #guard<T>(act: () => T): T {
    try {
      return act()
    } catch (cause) {
      throw asMsgError(cause, this.#path)
    }
  }
}

function toAccount(row: Row | undefined): StoredAccount | undefined {
  if (!row) return undefined
  return {
    user: String(row['user']),
    name: String(row['name']),
    verifier: String(row['verifier']),
    virtualAddress: virtualAddress(Number(row['number'])),
  }
}

/** Accounts are never deleted, so numbers are dense and the next one is the count plus one. */
const MIGRATIONS = [
  `
  CREATE TABLE account (user TEXT PRIMARY KEY, name TEXT NOT NULL, number INTEGER NOT NULL UNIQUE, verifier TEXT NOT NULL) STRICT;
  CREATE TABLE device (
    user TEXT NOT NULL REFERENCES account (user), key TEXT NOT NULL, used_at INTEGER NOT NULL, PRIMARY KEY (user, key)
  ) STRICT;
  CREATE TABLE session (a TEXT NOT NULL, b TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (a, b)) STRICT;
  CREATE TABLE room (room TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL) STRICT;
  CREATE TABLE member (
    room TEXT NOT NULL REFERENCES room (room) ON DELETE CASCADE, user TEXT NOT NULL, PRIMARY KEY (room, user)
  ) STRICT
  `,
]
