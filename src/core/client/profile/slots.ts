import { join } from 'node:path'
import { FileLock } from '../../io/file-lock.ts'
import { makePrivateDir } from './data-dir.ts'
import type { Database } from './database.ts'

/**
 * The slots of a profile that this process holds. Rows of the outbox and of the history belong to a slot; a slot belongs to the
 * process that holds its lock file, and to nobody when that process is gone, however it went.
 *
 * A process takes every slot that is free: the lowest is its own, the others' rows it adopts.
 */
export class Slots {
  readonly #database: Database
  readonly #dir: string
  readonly #locks = new Map<number, FileLock>()
  /** Where this process writes new rows. */
  readonly own: number

  /** @param dir - the profile's directory. */
  constructor(database: Database, dir: string) {
    this.#database = database
    this.#dir = join(dir, 'slots')
    makePrivateDir(this.#dir)
    this.adopt()
    let own = Math.min(...this.#locks.keys())
    for (let next = 1; own === Infinity; next++) if (this.#take(next)) own = next
    this.own = own
    database.prepare('INSERT OR IGNORE INTO slots (slot, seen, seen_copy) VALUES (?, 0, 0)').run([own])
  }

  /** Slots held, this process's own first. */
  get held(): readonly number[] {
    return [...this.#locks.keys()].sort((a, b) => a - b)
  }

  has(slot: number): boolean {
    return this.#locks.has(slot)
  }

  /** Takes the slots that nobody holds. @returns those that are new. */
  adopt(): number[] {
    const known = this.#database.prepare('SELECT slot FROM slots ORDER BY slot').all() as Array<{ slot: number }>
    return known.map(({ slot }) => slot).filter((slot) => !this.#locks.has(slot) && this.#take(slot))
  }

  release(): void {
    for (const lock of this.#locks.values()) lock.release()
    this.#locks.clear()
  }

  #take(slot: number): boolean {
    const lock = FileLock.acquire(join(this.#dir, `${slot}.lock`))
    if (lock) this.#locks.set(slot, lock)
    return lock !== undefined
  }
}
