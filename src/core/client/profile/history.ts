import type { ConversationKey } from '../../chat/conversation.ts'
import { BulkInsert } from './bulk-insert.ts'
import type { Database, Statement } from './database.ts'
import type { Slots } from './slots.ts'

/** One message as the history keeps it. */
export interface HistoryEntry {
  /** The sending device, as the `devices` table numbers it. */
  readonly device: number
  readonly id: string
  readonly conversation: ConversationKey
  readonly sender: string
  /** 0 received, 1 written here, 2 a copy from another connection of the same user. */
  readonly own: 0 | 1 | 2
  /** The sender's number; 0 for messages written here, whose number is their row. */
  readonly seq: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly text: string
}

/** Where a received message stands, so that it can be marked as seen. */
export interface SeenMark {
  readonly slot: number
  readonly table: 'history' | 'copies'
  readonly row: number
}

/** The history table: all messages of a profile, those that were received exactly once for each process that shows them. */
export class History {
  readonly #database: Database
  readonly #slots: Slots
  readonly #insertOwn: BulkInsert
  readonly #insertReceived: BulkInsert
  readonly #findRow: Statement
  readonly #insertCopy: Statement
  readonly #updateSeen: Record<SeenMark['table'], Statement>
  readonly #seen = new Map<string, SeenMark>()

  constructor(database: Database, slots: Slots) {
    this.#database = database
    this.#slots = slots
    this.#insertOwn = new BulkInsert(database, `INSERT INTO history (${COLUMNS})`, 9)
    this.#insertReceived = new BulkInsert(database, `INSERT OR IGNORE INTO history (${COLUMNS})`, 9)
    this.#findRow = database.prepare('SELECT n, slot FROM history WHERE device = ? AND id = ?')
    this.#insertCopy = database.prepare('INSERT OR IGNORE INTO copies (slot, n) VALUES (?, ?)')
    this.#updateSeen = {
      history: database.prepare('UPDATE slots SET seen = max(seen, ?) WHERE slot = ?'),
      copies: database.prepare('UPDATE slots SET seen_copy = max(seen_copy, ?) WHERE slot = ?'),
    }
  }

  /** Adds messages written here. @returns the row of each. */
  addOwn(entries: readonly HistoryEntry[]): number[] {
    const rows: number[] = []
    for (const { length, lastRowid } of this.#insertOwn.run(this.#values(entries)))
      for (let i = length - 1; i >= 0; i--) rows.push(lastRowid - i)
    return rows
  }

  /** Adds messages received. @returns the mark of each that is new to this process; `undefined` for duplicates. */
  addReceived(entries: readonly HistoryEntry[]): Array<SeenMark | undefined> {
    const marks: Array<SeenMark | undefined> = []
    const slot = this.#slots.own
    for (const { start, length, changes, lastRowid } of this.#insertReceived.run(this.#values(entries))) {
      const first = lastRowid - changes + 1
      if (changes === length) for (let i = 0; i < length; i++) marks.push({ slot, table: 'history', row: first + i })
      else {
        const given = new Set<number>()
        for (const entry of entries.slice(start, start + length))
          marks.push(this.#find(entry, changes > 0 ? first : Infinity, given))
      }
    }
    return marks
  }

  /** The message was handed to somebody. Written by {@link History.storeSeen}. */
  markSeen(mark: SeenMark): void {
    const key = `${mark.slot}${mark.table}`
    const last = this.#seen.get(key)
    if (!last || mark.row > last.row) this.#seen.set(key, mark)
  }

  get hasSeen(): boolean {
    return this.#seen.size > 0
  }

  /** Writes what was marked: a slot's messages are handed over in the order of their rows, so one number a slot says it all. */
  storeSeen(): void {
    for (const { slot, table, row } of this.#seen.values()) this.#updateSeen[table].run([row, slot])
    this.#seen.clear()
  }

  /** Messages that processes of these slots received and showed to nobody, oldest first; at most 10,000 a slot. */
  unseen(slots: readonly number[]): Array<{ readonly entry: HistoryEntry; readonly mark: SeenMark }> {
    return slots.flatMap((slot) => [
      ...(this.#database.prepare(UNSEEN).all([slot]) as Row[]).map((row) =>
        unseen(row, { slot, table: 'history', row: row.n }),
      ),
      ...(this.#database.prepare(UNSEEN_COPIES).all([slot]) as Row[]).map((row) =>
        unseen(row, { slot, table: 'copies', row: row.c! }),
      ),
    ])
  }

  #values(entries: readonly HistoryEntry[]): Array<string | number> {
    const values: Array<string | number> = []
    const slot = this.#slots.own
    for (const { device, id, conversation, sender, own, seq, at, text } of entries)
      values.push(device, id, conversation, sender, own, seq, at, text, slot)
    return values
  }

  /** @param first - rows from here on are new. @param given - new rows that an earlier entry of the chunk has taken. */
  #find({ device, id }: HistoryEntry, first: number, given: Set<number>): SeenMark | undefined {
    const { n, slot } = this.#findRow.get([device, id]) as Row
    const own = this.#slots.own
    if (n >= first) {
      if (given.has(n)) return undefined
      given.add(n)
      return { slot: own, table: 'history', row: n }
    }
    if (this.#slots.has(slot)) return undefined
    const { changes, lastInsertRowid } = this.#insertCopy.run([own, n])
    return changes === 1 ? { slot: own, table: 'copies', row: Number(lastInsertRowid) } : undefined
  }
}

interface Row extends HistoryEntry {
  readonly n: number
  readonly c?: number
  readonly slot: number
}

function unseen(
  { device, id, conversation, sender, own, seq, at, text }: Row,
  mark: SeenMark,
): { entry: HistoryEntry; mark: SeenMark } {
  return { entry: { device, id, conversation, sender, own, seq, at, text }, mark }
}

const COLUMNS = 'device, id, conversation, sender, own, seq, at, text, slot'
const UNSEEN = `SELECT history.* FROM history JOIN slots USING (slot)
  WHERE slot = ? AND n > seen AND own <> 1 ORDER BY n LIMIT 10000`
const UNSEEN_COPIES = `SELECT history.*, c FROM copies JOIN slots ON slots.slot = copies.slot JOIN history USING (n)
  WHERE copies.slot = ? AND c > seen_copy ORDER BY c LIMIT 10000`
