import { MsgError } from '../errors.ts'
import { type Instant } from '../time/instant.ts'
import { TokenBucket } from '../time/token-bucket.ts'
import { RangeSet, type Range } from '../wire/range-set.ts'
import { blockCount, blockLength, type Manifest } from './manifest.ts'

/** A block to send. */
export interface SendBlock {
  readonly receiver: string
  readonly transfer: string
  readonly index: number
  /** In bytes; of a stream whose end is not known, at most this. */
  readonly length: number
}

/** What is asked of one transfer by one receiver. */
interface Queue {
  readonly transfer: string
  readonly content: Pick<Manifest, 'size' | 'blockSize'>
  readonly asked: RangeSet
  /** 0 goes first. */
  priority: number
  isPaused: boolean
}

/** One who asks. */
interface Receiver {
  readonly queues: Map<string, Queue>
  /** Bytes it got, in the measure of {@link SendPlan}'s fairness. */
  served: number
}

/**
 * Decides which of the blocks that were asked goes next, over all transfers and receivers of a process.
 *
 * Receivers share evenly by bytes; a receiver's own transfers go by priority, then in the order they were opened; a transfer's blocks
 * ascend. One rate limit holds for all together. After every call: `pollBlock` until `undefined`, send each; call again at
 * `pollDeadline`, and when a stream that was full takes bytes again. Memory: the ranges asked, at most 4,096 for each transfer and receiver.
 */
export class SendPlan {
  readonly #receivers = new Map<string, Receiver>()
  #limit: TokenBucket | undefined
  #deadline: Instant | undefined
  /** What the receiver that was served last had got before: where who joins begins. */
  #turn = 0

  /** @param rate - bytes per second for all together. @default no limit */
  constructor(now: Instant, rate?: number) {
    this.setRate(now, rate)
  }

  /** @param rate - bytes per second, at least 1; `undefined` lifts the limit. */
  setRate(now: Instant, rate: number | undefined): void {
    // A tenth of a second: larger blocks leave a debt.
    this.#limit =
      rate === undefined ? undefined : new TokenBucket(now, { perSecond: rate, burst: Math.max(1, rate / 10) })
    this.#deadline = undefined
  }

  /** A receiver may ask for blocks of a transfer from now on. What it asked of the same one before is forgotten. */
  open(receiver: string, transfer: string, content: Pick<Manifest, 'size' | 'blockSize'>): void {
    const { queues } = this.#receiver(receiver)
    queues.delete(transfer)
    queues.set(transfer, { transfer, content, asked: new RangeSet(), priority: 0, isPaused: false })
  }

  /**
   * @param priority - of the whole transfer from now on; 0 goes first.
   * @throws MSG_ERR_TRANSFER_UNKNOWN when it is not open; MSG_ERR_PROTOCOL for blocks that there are not; MSG_ERR_LIMIT for too many ranges.
   */
  handleWant(receiver: string, transfer: string, ranges: readonly Readonly<Range>[], priority = 0): void {
    const queue = this.#queue(receiver, transfer)
    if (!queue) throw new MsgError('MSG_ERR_TRANSFER_UNKNOWN', { detail: transfer })
    const blocks = blockCount(queue.content)
    if (ranges.some(({ end }) => end > blocks))
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'asked for blocks that there are not' })
    this.#join(receiver)
    queue.priority = priority
    for (const { start, end } of ranges) queue.asked.add(start, end)
    if (queue.asked.ranges.length > MAX_RANGES_ASKED)
      throw new MsgError('MSG_ERR_LIMIT', { detail: 'ranges of blocks asked for' })
  }

  /** Blocks are not wanted any more; those under way still arrive. */
  handleCancel(receiver: string, transfer: string, ranges: readonly Readonly<Range>[]): void {
    const queue = this.#queue(receiver, transfer)
    for (const { start, end } of ranges) queue?.asked.remove(start, end)
  }

  /** Nothing of a transfer goes to that receiver until `continue`; what is asked is kept. */
  pause(receiver: string, transfer: string): void {
    const queue = this.#queue(receiver, transfer)
    if (queue) queue.isPaused = true
  }

  continue(receiver: string, transfer: string): void {
    this.#join(receiver)
    const queue = this.#queue(receiver, transfer)
    if (queue) queue.isPaused = false
  }

  /** A transfer is over for a receiver. */
  close(receiver: string, transfer: string): void {
    const queues = this.#receivers.get(receiver)?.queues
    queues?.delete(transfer)
    if (queues?.size === 0) this.#receivers.delete(receiver)
  }

  /** A receiver's link is gone, and with it all it asked. */
  removeReceiver(receiver: string): void {
    this.#receivers.delete(receiver)
  }

  /** Blocks that wait to be sent to a receiver. */
  waiting(receiver: string): number {
    let blocks = 0
    for (const { asked } of this.#receivers.get(receiver)?.queues.values() ?? [])
      for (const { start, end } of asked.ranges) blocks += end - start
    return blocks
  }

  /**
   * The next block to send; it counts as sent.
   *
   * @param canTake - false for receivers whose stream is full.
   */
  pollBlock(
    now: Instant,
    canTake: (receiver: string, transfer: string) => boolean = () => true,
  ): SendBlock | undefined {
    this.#deadline = undefined
    let least: { readonly id: string; readonly receiver: Receiver; readonly queue: Queue } | undefined
    for (const [id, receiver] of this.#receivers) {
      if (least && receiver.served >= least.receiver.served) continue
      const queue = nextQueue(receiver, (transfer) => canTake(id, transfer))
      if (queue) least = { id, receiver, queue }
    }
    if (!least) return undefined
    const { id, receiver, queue } = least
    const index = queue.asked.ranges[0]!.start
    const length = blockLength(queue.content, index)
    const wait = this.#limit?.take(now, length) ?? 0
    if (wait > 0) {
      this.#deadline = now + wait
      return undefined
    }
    queue.asked.takeFirst(1)
    this.#turn = receiver.served
    receiver.served += length
    return { receiver: id, transfer: queue.transfer, index, length }
  }

  /** When the rate limit lets the next block go; `undefined` when it is not what keeps blocks back. */
  pollDeadline(): Instant | undefined {
    return this.#deadline
  }

  #receiver(id: string): Receiver {
    const found = this.#receivers.get(id)
    if (found) return found
    const receiver: Receiver = { queues: new Map(), served: 0 }
    this.#receivers.set(id, receiver)
    return receiver
  }

  #queue(receiver: string, transfer: string): Queue | undefined {
    return this.#receivers.get(receiver)?.queues.get(transfer)
  }

  /** Who asked for nothing meanwhile has no claim to what the others got then, nor do they to what it got before. */
  #join(id: string): void {
    const receiver = this.#receivers.get(id)
    if (receiver && !isBusy(receiver)) receiver.served = Math.max(receiver.served, this.#turn)
  }
}

const isReady = ({ isPaused, asked }: Queue): boolean => !isPaused && !asked.isEmpty
const isBusy = ({ queues }: Receiver): boolean => [...queues.values()].some(isReady)

function nextQueue({ queues }: Receiver, canTake: (transfer: string) => boolean): Queue | undefined {
  let first: Queue | undefined
  for (const queue of queues.values())
    if (isReady(queue) && (!first || queue.priority < first.priority) && canTake(queue.transfer)) first = queue
  return first
}

/** Ranges that one receiver may have asked of one transfer: what an honest one asks at a time is a window. */
const MAX_RANGES_ASKED = 4_096
