import type { Instant } from '../time/instant.ts'
import type { Range } from '../wire/range-set.ts'
import { RateLimit } from './rate-limit.ts'
import { Turns } from './turns.ts'
import { WantList } from './want-list.ts'

/** A transfer that others may ask blocks of. */
export interface SentTransfer {
  /** Bytes of every block but the last. */
  readonly blockSize: number
  /** Bytes in all; undefined for a stream whose end is not known: its blocks are asked as they are there. */
  readonly size: number | undefined
  /** Lower goes first. @default 0 */
  readonly priority?: number
}

/** What to send next, or when to ask again; undefined when nothing is to be sent. */
export type SendTurn =
  | { readonly receiver: string; readonly transfer: string; readonly index: number }
  | { readonly at: Instant }
  | undefined

/**
 * Decides which of the blocks that receivers asked for is sent next.
 *
 * Transfers of the lowest priority number go first. Among them receivers take turns, so that each gets the same number of bytes.
 * The transfers of one receiver take turns, too, unless the receiver itself prefers one. What is paused, held or limited does not keep others waiting.
 *
 * Memory: bounded for each receiver, so that nobody takes room from others: {@link MAX_RANGES} of one transfer, {@link MAX_RECEIVER_RANGES} of all.
 */
export class SendPlan {
  readonly #transfers = new Map<string, Transfer>()
  readonly #receivers = new Map<string, Receiver>()
  readonly #limit: RateLimit
  readonly #levels = new Map<number, Turns<Receiver>>()
  /** Counts what was taken. */
  #turn = 0

  /** @param bytesPerSecond - of everything together. @default no limit */
  constructor(now: Instant, bytesPerSecond = Infinity) {
    this.#limit = new RateLimit(now, bytesPerSecond)
  }

  /** Blocks that are asked and not sent. */
  get pending(): number {
    let count = 0
    for (const { queues } of this.#receivers.values()) for (const { wants } of queues.values()) count += wants.count
    return count
  }

  /** Blocks of one transfer that a receiver asked for and that are not sent. */
  pendingOf(receiver: string, id: string): number {
    return this.#receivers.get(receiver)?.queues.get(id)?.wants.count ?? 0
  }

  addTransfer(now: Instant, id: string, transfer: SentTransfer): void {
    this.#transfers.set(id, { priority: 0, ...transfer, limit: new RateLimit(now, Infinity), isPaused: false })
  }

  /** Nobody is sent anything of it any more. */
  removeTransfer(id: string): void {
    this.#transfers.delete(id)
    for (const receiver of [...this.#receivers.keys()]) this.#drop(receiver, id)
  }

  setPriority(id: string, priority: number): void {
    const transfer = this.#transfers.get(id)
    if (!transfer) return
    transfer.priority = priority
    for (const queue of this.#queuesOf(id)) this.#join(queue)
    const used = new Set([...this.#transfers.values()].map((other) => other.priority))
    for (const level of this.#levels.keys()) if (!used.has(level)) this.#levels.delete(level)
  }

  /** @param bytesPerSecond - of one transfer, or of everything together; Infinity means no limit. */
  setRate(now: Instant, bytesPerSecond: number, id?: string): void {
    const limit = id === undefined ? this.#limit : this.#transfers.get(id)?.limit
    limit?.setRate(now, bytesPerSecond)
  }

  /** This side sends nothing of it until {@link continue}. */
  pause(id: string): void {
    const transfer = this.#transfers.get(id)
    if (transfer) transfer.isPaused = true
  }

  continue(id: string): void {
    const transfer = this.#transfers.get(id)
    if (!transfer?.isPaused) return
    transfer.isPaused = false
    for (const queue of this.#queuesOf(id)) this.#join(queue)
  }

  /**
   * A receiver asks for blocks. What is more than is remembered is left out, as if it had been lost: the receiver asks again.
   *
   * @param priority - the receiver's own: among what it asked for, lower goes first. @default 0
   * @returns false when it asks for what does not exist: nothing of it is remembered.
   */
  handleWant(receiver: string, id: string, ranges: readonly Readonly<Range>[], priority = 0): boolean {
    const transfer = this.#transfers.get(id)
    if (!transfer) return false
    const count = transfer.size === undefined ? Infinity : Math.ceil(transfer.size / transfer.blockSize)
    if (ranges.some(({ start, end }) => start < 0 || end > count)) return false
    const asking = this.#receivers.get(receiver)
    const known = asking?.queues.get(id)
    // Each range that is there may cut a new one in two.
    const bound = ranges.length + (known?.wants.ranges ?? 0)
    if (bound > MAX_RANGES || (asking?.ranges ?? 0) + bound > MAX_RECEIVER_RANGES) return true
    const queue = known ?? this.#open(receiver, id)
    queue.priority = priority
    const { ranges: before, count: pending } = queue.wants
    for (const { start, end } of ranges) queue.wants.add(start, end)
    queue.receiver.ranges += queue.wants.ranges - before
    if (pending === 0) this.#join(queue)
    return true
  }

  /** A receiver does not need these blocks any more. @returns false when that makes more ranges than are remembered: all of them go. */
  handleCancel(receiver: string, id: string, ranges: readonly Readonly<Range>[]): boolean {
    const queue = this.#receivers.get(receiver)?.queues.get(id)
    if (!queue) return true
    const before = queue.wants.ranges
    for (const { start, end } of ranges) queue.wants.remove(start, end)
    queue.receiver.ranges += queue.wants.ranges - before
    if (queue.wants.ranges <= MAX_RANGES && queue.receiver.ranges <= MAX_RECEIVER_RANGES) return true
    this.#drop(receiver, id)
    return false
  }

  /** A receiver wants nothing of a transfer until {@link handleContinue}; what it asked for is remembered. */
  handlePause(receiver: string, id: string): void {
    const queue = this.#receivers.get(receiver)?.queues.get(id)
    if (queue) queue.isPaused = true
    else if (this.#transfers.has(id)) this.#open(receiver, id).isPaused = true
  }

  handleContinue(receiver: string, id: string): void {
    const queue = this.#receivers.get(receiver)?.queues.get(id)
    if (!queue?.isPaused) return
    queue.isPaused = false
    this.#join(queue)
  }

  /** A receiver stops one transfer: what it asked of that is forgotten. */
  handleStop(receiver: string, id: string): void {
    this.#drop(receiver, id)
  }

  /** A receiver goes away: what it asked for is forgotten. */
  removeReceiver(receiver: string): void {
    for (const id of [...(this.#receivers.get(receiver)?.queues.keys() ?? [])]) this.#drop(receiver, id)
  }

  /** Its link takes no more for now: others are served until {@link release}. */
  hold(receiver: string): void {
    const found = this.#receivers.get(receiver)
    if (found) found.isHeld = true
  }

  release(receiver: string): void {
    const found = this.#receivers.get(receiver)
    if (!found?.isHeld) return
    found.isHeld = false
    for (const queue of found.queues.values()) this.#join(queue)
  }

  /** Takes the next block: it counts as sent. */
  pollNext(now: Instant): SendTurn {
    let best: Queue | undefined
    let at = Infinity
    for (const { queues, isHeld } of this.#receivers.values()) {
      if (isHeld) continue
      for (const queue of queues.values()) {
        if (queue.wants.count === 0 || queue.isPaused || queue.transfer.isPaused) continue
        const wait = Math.max(this.#limit.wait(now), queue.transfer.limit.wait(now))
        if (wait > 0) at = Math.min(at, now + wait)
        else if (!best || this.#isBefore(queue, best)) best = queue
      }
    }
    if (!best) return at === Infinity ? undefined : { at }
    return this.#take(now, best)
  }

  #take(now: Instant, queue: Queue): SendTurn {
    const { receiver, transfer, id } = queue
    const before = queue.wants.ranges
    const index = queue.wants.take()!
    receiver.ranges += queue.wants.ranges - before
    const { blockSize, size } = transfer
    const bytes = size === undefined ? blockSize : Math.min(blockSize, size - index * blockSize)
    this.#limit.handlePassed(now, bytes)
    transfer.limit.handlePassed(now, bytes)
    this.#level(transfer.priority).handleServed(receiver, bytes)
    queue.turn = ++this.#turn
    return { receiver: receiver.id, transfer: id, index }
  }

  /** A queue that is not empty may be served again. */
  #join({ wants, transfer, receiver }: Queue): void {
    if (wants.count > 0) this.#level(transfer.priority).join(receiver)
  }

  /** The turns among the transfers of a priority. */
  #level(priority: number): Turns<Receiver> {
    let level = this.#levels.get(priority)
    if (!level) this.#levels.set(priority, (level = new Turns()))
    return level
  }

  #isBefore(a: Queue, b: Queue): boolean {
    const { priority } = a.transfer
    if (priority !== b.transfer.priority) return priority < b.transfer.priority
    if (a.receiver === b.receiver) return a.priority === b.priority ? a.turn < b.turn : a.priority < b.priority
    const level = this.#level(priority)
    return level.served(a.receiver) < level.served(b.receiver)
  }

  #queuesOf(id: string): Queue[] {
    return [...this.#receivers.values()].flatMap(({ queues }) => queues.get(id) ?? [])
  }

  #open(receiver: string, id: string): Queue {
    let found = this.#receivers.get(receiver)
    if (!found) this.#receivers.set(receiver, (found = { id: receiver, queues: new Map(), ranges: 0, isHeld: false }))
    const transfer = this.#transfers.get(id)!
    const queue: Queue = { id, receiver: found, transfer, wants: new WantList(), priority: 0, turn: 0, isPaused: false }
    found.queues.set(id, queue)
    return queue
  }

  #drop(receiver: string, id: string): void {
    const found = this.#receivers.get(receiver)
    const queue = found?.queues.get(id)
    if (!found || !queue) return
    found.ranges -= queue.wants.ranges
    found.queues.delete(id)
    if (found.queues.size > 0) return
    this.#receivers.delete(receiver)
    for (const level of this.#levels.values()) level.remove(found)
  }
}

interface Transfer extends SentTransfer {
  priority: number
  readonly limit: RateLimit
  isPaused: boolean
}

interface Receiver {
  readonly id: string
  /** By transfer. */
  readonly queues: Map<string, Queue>
  /** Of all queues. */
  ranges: number
  isHeld: boolean
}

/** What one receiver wants of one transfer. */
interface Queue {
  readonly id: string
  readonly receiver: Receiver
  readonly transfer: Transfer
  readonly wants: WantList
  priority: number
  /** When it was served last. */
  turn: number
  isPaused: boolean
}

/** Of one receiver for one transfer: a window is a few hundred blocks at most. */
export const MAX_RANGES = 1_024
/** Of one receiver for all transfers: some hundred kilobytes. */
export const MAX_RECEIVER_RANGES = 4_096
