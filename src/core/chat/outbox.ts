import { ChatSender } from './chat-sender.ts'
import type { ConversationKey } from './conversation.ts'
import { Fifo } from './fifo.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { ChatMessage } from './frames.ts'

/** One message on its way to one user, whatever number of connections that user has. */
export interface OutboxRow {
  readonly message: ChatMessage
  readonly key: ConversationKey
  /** The user it goes to. */
  readonly recipient: string
  /** Text in bytes. */
  readonly size: number
  /** A copy for the sender's own other connections: never stored, over when nobody is left to take it. */
  readonly isCopy: boolean
  /** Where the sender's store keeps it; the planner only carries it. */
  readonly slot: number
  /** Caller's clock when it was sent, milliseconds; the planner only carries it. */
  readonly startedAt: number
}

/** What becomes of a row. `finished` comes once and last. */
export interface OutboxEvent {
  readonly type: 'sent' | 'delivered' | 'refused' | 'finished'
  readonly row: OutboxRow
}

/**
 * Plans which row goes to which connection, and knows when it is sent, delivered and finished.
 *
 * A row waits until its conversation is open with its recipient (`openThread`) and goes to every connection of that user
 * (`addLane`), in order. A link that comes back gets everything unacknowledged again (`handleLinkDown`): the receiver drops what it
 * has. A row is finished when one connection acknowledged it and no other that is still there has yet to.
 */
export class Outbox {
  readonly #boxes = new Map<string, Box>()
  readonly #lanes = new Map<string, Lane>()
  #events: OutboxEvent[] = []
  #rows = 0
  #undelivered = 0

  /** Rows that are not finished, copies included. */
  get size(): number {
    return this.#rows
  }

  /** Rows, without copies, that no connection of their recipient has acknowledged. */
  get undelivered(): number {
    return this.#undelivered
  }

  /** Users with rows that nobody acknowledged. */
  waitingUsers(): string[] {
    return [...this.#boxes.values()].filter((box) => box.undelivered > 0).map(({ user }) => user)
  }

  /** Undelivered rows of one user, or of one conversation with all its members. */
  queued(filter: { readonly user: string } | { readonly key: ConversationKey }): number {
    if ('user' in filter) return this.#boxes.get(filter.user)?.undelivered ?? 0
    let count = 0
    for (const box of this.#boxes.values())
      for (const entry of box.entries)
        if (entry.row.key === filter.key && !entry.isDelivered && !entry.row.isCopy) count++
    return count
  }

  /** Conversations with rows that nobody acknowledged, with the user they wait for. */
  waitingThreads(): Array<{ readonly user: string; readonly key: ConversationKey }> {
    return [...this.#boxes.values()].flatMap(({ user, entries }) => {
      const keys = new Set<ConversationKey>()
      for (const { row, isDelivered } of entries) if (!row.isCopy && !isDelivered) keys.add(row.key)
      return [...keys].map((key) => ({ user, key }))
    })
  }

  /** True when a link to `user` is up. */
  isReachable(user: string): boolean {
    for (const lane of this.#boxes.get(user)?.lanes ?? []) if (lane.isUp) return true
    return false
  }

  /** True when rows wait for `user` whose conversation is this one. */
  hasWaiting(user: string, key: ConversationKey): boolean {
    for (const entry of this.#boxes.get(user)?.entries ?? [])
      if (entry.row.key === key && !entry.isDelivered) return true
    return false
  }

  /** Rows of one sender are added in the order they are to be read. A copy with nobody to take it is dropped. */
  add(row: OutboxRow): void {
    const box = this.#box(row.recipient)
    if (row.isCopy && box.lanes.size === 0) return
    const entry: Entry = { row, isSent: false, isDelivered: false, outstanding: 0, ackedBy: undefined }
    box.entries.add(entry)
    this.#rows++
    if (!row.isCopy) {
      box.undelivered++
      this.#undelivered++
    }
    if (isOpen(box, row)) for (const lane of box.lanes) queue(lane, entry)
  }

  /** The conversation is open with `user` now: what waited for that goes. */
  openThread(user: string, key: ConversationKey): void {
    const box = this.#box(user)
    if (box.threads.has(key)) return
    box.threads.add(key)
    for (const lane of box.lanes) {
      const held = new Set([...lane.queue, ...lane.sender.items()])
      for (const entry of box.entries) if (entry.row.key === key && !held.has(entry)) queue(lane, entry)
    }
  }

  /** The conversation is over: what was not sent waits; what was sent may still be acknowledged. */
  closeThread(user: string, key: ConversationKey): void {
    const box = this.#boxes.get(user)
    if (!box?.threads.delete(key)) return
    for (const lane of box.lanes) {
      for (const entry of lane.queue.drain()) {
        if (isOpen(box, entry.row)) lane.queue.push(entry)
        else this.#release(box, entry)
      }
    }
  }

  /** Forgets rows that can never be taken any more. @returns them. */
  drop(user: string, key: ConversationKey): OutboxRow[] {
    const box = this.#boxes.get(user)
    if (!box) return []
    const entries = [...box.entries].filter((entry) => entry.row.key === key && entry.outstanding === 0)
    for (const entry of entries) this.#finish(box, entry)
    return entries.map(({ row }) => row)
  }

  /** A connection of `user` is there; it takes what no other has once its link is up. */
  addLane(instance: string, user: string): void {
    if (this.#lanes.has(instance)) return
    const box = this.#box(user)
    const lane = new Lane(instance, box)
    this.#lanes.set(instance, lane)
    box.lanes.add(lane)
    for (const entry of box.entries) if (!entry.isDelivered && isOpen(box, entry.row)) queue(lane, entry)
  }

  /** The connection is gone and no row waits for it any more. */
  removeLane(instance: string): void {
    const lane = this.#lanes.get(instance)
    if (!lane) return
    this.#lanes.delete(instance)
    lane.box.lanes.delete(lane)
    for (const entry of [...lane.sender.drain(), ...lane.queue.drain()]) this.#release(lane.box, entry)
  }

  handleLinkUp(instance: string): void {
    const lane = this.#lanes.get(instance)
    if (!lane) return
    this.handleLinkDown(instance)
    lane.isUp = true
  }

  /** What was not acknowledged on that link goes again, first. */
  handleLinkDown(instance: string): void {
    const lane = this.#lanes.get(instance)
    if (!lane) return
    lane.isUp = false
    const again = lane.sender.drain()
    if (again.length > 0) {
      const later = lane.queue.drain()
      for (const entry of again) {
        if (isOpen(lane.box, entry.row)) lane.queue.push(entry)
        else this.#release(lane.box, entry)
      }
      for (const entry of later) lane.queue.push(entry)
    }
    lane.sender = new ChatSender()
  }

  /** Messages on this link that are sent or to be sent, not acknowledged. */
  outstanding(instance: string): number {
    const lane = this.#lanes.get(instance)
    return lane ? lane.sender.inFlight + lane.queue.length : 0
  }

  /** Messages sent on this link and not acknowledged. */
  inFlight(instance: string): number {
    return this.#lanes.get(instance)?.sender.inFlight ?? 0
  }

  /** Appends what may go on this link now. @returns how many messages. */
  pollFrames(instance: string, out: FrameWriter): number {
    const lane = this.#lanes.get(instance)
    if (!lane?.isUp) return 0
    let count = 0
    while (lane.queue.length > 0 && lane.sender.hasWindow && !out.isFull) {
      const entry = lane.queue.shift()!
      const { row } = entry
      out.message(row.message, row.size)
      lane.sender.handleSent(entry, row.size)
      count++
      if (!entry.isSent) {
        entry.isSent = true
        this.#events.push({ type: 'sent', row })
      }
    }
    return count
  }

  /** @throws MSG_ERR_PROTOCOL as {@link ChatSender.handleAck} does. */
  handleAck(instance: string, count: number): void {
    const lane = this.#lanes.get(instance)
    if (!lane) return
    for (const { item: entry, isRefused } of lane.sender.handleAck(count)) {
      if (isRefused) this.#events.push({ type: 'refused', row: entry.row })
      else if (!entry.isDelivered) {
        entry.isDelivered = true
        if (!entry.row.isCopy) {
          lane.box.undelivered--
          this.#undelivered--
        }
        this.#events.push({ type: 'delivered', row: entry.row })
      }
      if (!isRefused) (entry.ackedBy ??= []).push(instance)
      this.#release(lane.box, entry)
    }
  }

  /** @throws MSG_ERR_PROTOCOL as {@link ChatSender.handleRefused} does. */
  handleRefused(instance: string, ordinal: number): void {
    this.#lanes.get(instance)?.sender.handleRefused(ordinal)
  }

  /** Everything that happened since the last call. */
  pollEvents(): OutboxEvent[] {
    const events = this.#events
    if (events.length > 0) this.#events = []
    return events
  }

  #box(user: string): Box {
    let box = this.#boxes.get(user)
    if (!box)
      this.#boxes.set(user, (box = { user, entries: new Set(), threads: new Set(), lanes: new Set(), undelivered: 0 }))
    return box
  }

  /** One connection less has the row to take. */
  #release(box: Box, entry: Entry): void {
    entry.outstanding--
    if (entry.outstanding === 0 && (entry.isDelivered || entry.row.isCopy)) this.#finish(box, entry)
  }

  #finish(box: Box, entry: Entry): void {
    if (!box.entries.delete(entry)) return
    this.#rows--
    if (!entry.isDelivered && !entry.row.isCopy) {
      box.undelivered--
      this.#undelivered--
    }
    this.#events.push({ type: 'finished', row: entry.row })
    if (box.entries.size === 0 && box.lanes.size === 0 && box.threads.size === 0) this.#boxes.delete(box.user)
  }
}

interface Entry {
  readonly row: OutboxRow
  isSent: boolean
  isDelivered: boolean
  /** Lanes that have it queued or in flight. */
  outstanding: number
  /** Connections that have it, so that they are not sent it again. */
  ackedBy: string[] | undefined
}

interface Box {
  readonly user: string
  readonly entries: Set<Entry>
  readonly threads: Set<ConversationKey>
  readonly lanes: Set<Lane>
  undelivered: number
}

/** One connection of a recipient. */
class Lane {
  readonly instance: string
  readonly box: Box
  readonly queue = new Fifo<Entry>()
  sender = new ChatSender<Entry>()
  isUp = false

  constructor(instance: string, box: Box) {
    this.instance = instance
    this.box = box
  }
}

function queue(lane: Lane, entry: Entry): void {
  if (entry.ackedBy?.includes(lane.instance)) return
  entry.outstanding++
  lane.queue.push(entry)
}

/** Copies go whatever is open: own connections are always welcome to them. */
function isOpen(box: Box, row: OutboxRow): boolean {
  return row.isCopy || box.threads.has(row.key)
}
