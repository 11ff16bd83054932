import { conversationOf, type ConversationKey } from '../../chat/conversation.ts'
import type { OutboxRow } from '../../chat/outbox.ts'
import { BulkInsert } from './bulk-insert.ts'
import type { Database, Statement } from './database.ts'

/** The durable outbox: which user has yet to acknowledge which message of the history. */
export class OutboxTable {
  readonly #database: Database
  readonly #insert: BulkInsert
  readonly #delete: Statement
  readonly #count: Statement

  constructor(database: Database) {
    this.#database = database
    this.#insert = new BulkInsert(database, 'INSERT INTO outbox (slot, recipient, n)', 3)
    this.#delete = database.prepare('DELETE FROM outbox WHERE slot = ? AND recipient = ? AND n BETWEEN ? AND ?')
    this.#count = database.prepare(
      'SELECT count(*) AS count FROM outbox WHERE slot = ? AND recipient = ? AND n BETWEEN ? AND ?',
    )
  }

  add(rows: readonly OutboxRow[]): void {
    this.#insert.run(rows.flatMap(({ slot, recipient, message }) => [slot, recipient, message.seq]))
  }

  /** Takes out finished rows. Runs of one recipient's rows with nothing of theirs between cost one statement. */
  remove(rows: readonly OutboxRow[]): void {
    const runs = new Map<string, { slot: number; recipient: string; numbers: number[] }>()
    for (const { slot, recipient, message } of rows) {
      const key = `${slot} ${recipient}`
      const run = runs.get(key)
      if (run) run.numbers.push(message.seq)
      else runs.set(key, { slot, recipient, numbers: [message.seq] })
    }
    for (const { slot, recipient, numbers } of runs.values()) {
      for (const [from, to] of this.#ranges(
        slot,
        recipient,
        numbers.sort((a, b) => a - b),
      ))
        this.#delete.run([slot, recipient, from, to])
    }
  }

  /**
   * What waits in these slots, in the order it was written.
   *
   * @param clock - turns milliseconds since 1970 into the caller's clock.
   */
  load(slots: readonly number[], clock: (at: number) => number = (at) => at): OutboxRow[] {
    return slots.flatMap((slot) =>
      (this.#database.prepare(LOAD).all([slot]) as Row[]).map(({ recipient, n, id, conversation, at, text }) => ({
        message: { id, conversation: conversationOf(conversation), seq: n, at, text },
        key: conversation,
        recipient,
        size: Buffer.byteLength(text),
        isCopy: false,
        slot,
        startedAt: clock(at),
      })),
    )
  }

  /** All of `numbers` in one range when nothing else of this recipient lies between, else runs of neighbours. */
  #ranges(slot: number, recipient: string, numbers: readonly number[]): Array<readonly [number, number]> {
    const [first, last] = [numbers[0]!, numbers.at(-1)!]
    if (last - first === numbers.length - 1) return [[first, last]]
    const { count } = this.#count.get([slot, recipient, first, last]) as { count: number }
    if (count === numbers.length) return [[first, last]]
    const ranges: Array<[number, number]> = []
    for (const n of numbers) {
      const range = ranges.at(-1)
      if (range?.[1] === n - 1) range[1] = n
      else ranges.push([n, n])
    }
    return ranges
  }
}

interface Row {
  readonly recipient: string
  readonly n: number
  readonly id: string
  readonly conversation: ConversationKey
  readonly at: number
  readonly text: string
}

const LOAD = `SELECT recipient, outbox.n, id, conversation, at, text FROM outbox JOIN history USING (n)
  WHERE outbox.slot = ? ORDER BY outbox.n`
