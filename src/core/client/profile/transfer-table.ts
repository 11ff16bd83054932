import type { TransferRecord } from '../../transfers/api.ts'
import type { Database } from './database.ts'

/** One transfer as the profile remembers it, until it is over. */
export interface TransferRow extends TransferRecord {
  /** The process that has it. */
  readonly slot: number
}

/** Transfers that are not over, so that the next process goes on with them. */
export class TransferTable {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  put({ id, direction, user, slot, offer, paths, state }: TransferRow): void {
    this.#database
      .prepare(
        'INSERT OR REPLACE INTO transfers (id, direction, user, slot, offer, paths, state) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run([id, direction, user, slot, Buffer.from(offer), JSON.stringify(paths), state])
  }

  remove(id: string, direction: 'in' | 'out', user: string): void {
    this.#database
      .prepare('DELETE FROM transfers WHERE id = ? AND direction = ? AND user = ?')
      .run([id, direction, user])
  }

  /** What the processes of these slots left. */
  load(slots: readonly number[]): TransferRow[] {
    return slots.flatMap((slot) =>
      (this.#database.prepare('SELECT * FROM transfers WHERE slot = ?').all([slot]) as StoredRow[]).map(
        ({ paths, offer, ...row }) => ({ ...row, offer: Buffer.from(offer), paths: JSON.parse(paths) as string[] }),
      ),
    )
  }
}

/** Blobs come as the driver likes. */
type StoredRow = Omit<TransferRow, 'paths' | 'offer'> & { readonly paths: string; readonly offer: ArrayBuffer }
