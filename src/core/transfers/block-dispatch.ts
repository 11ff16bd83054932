import { now } from '../io/clock.ts'
import type { Block } from '../io/transfer/block-source.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import { SendPlan } from '../transfer/send-plan.ts'
import type { Range } from '../wire/range-set.ts'
import { BlockLane } from './block-lane.ts'
import type { Content } from './content.ts'
import type { FilesLink } from './files-link.ts'

/** What a {@link BlockDispatch} is built with. */
export interface BlockDispatchDeps {
  readonly router: StreamRouter
  /** A block has left this process; `bytes` is its length. */
  readonly onSent: (id: string, files: FilesLink, bytes: number) => void
  /** Everything that was asked of a transfer on a link is on its way. */
  readonly onIdle: (id: string, files: FilesLink) => void
  /** A block cannot be read: nothing more of this transfer is sent. */
  readonly onFailed: (id: string, error: unknown) => void
}

/**
 * Sends the blocks that receivers ask for: which is next is the {@link SendPlan}'s to say, for all transfers and links of the process.
 * At most {@link READ_AHEAD} blocks of a link are read ahead of it, and nothing unasked.
 */
export class BlockDispatch {
  readonly #deps: BlockDispatchDeps
  readonly #plan = new SendPlan(now())
  readonly #contents = new Map<string, Content>()
  readonly #queues = new Map<string, Queue>()
  /** Blocks read or on their way to the link, by receiver. */
  readonly #busy = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(deps: BlockDispatchDeps) {
    this.#deps = deps
  }

  /** @param priority - lower goes first. */
  add(id: string, content: Content, priority: number): void {
    const { blockSize, size } = content.source.manifest
    this.#contents.set(id, content)
    this.#plan.addTransfer(now(), id, { blockSize, size: size < 0 ? undefined : size, priority })
  }

  /** Nobody is sent anything of it any more. */
  remove(id: string): void {
    this.#contents.delete(id)
    this.#plan.removeTransfer(id)
    for (const queue of [...this.#queues.values()]) if (queue.id === id) this.#drop(queue)
  }

  /** @returns false for what there is not: nothing of it is sent. */
  want(files: FilesLink, id: string, ranges: readonly Readonly<Range>[], priority: number): boolean {
    const queue = this.#queueOf(files, id)
    const isTaken = queue !== undefined && this.#plan.handleWant(queue.receiver, id, ranges, priority)
    this.#pump()
    return isTaken
  }

  cancel(files: FilesLink, id: string, ranges: readonly Readonly<Range>[]): void {
    const queue = this.#queues.get(keyOf(files, id))
    if (queue) this.#plan.handleCancel(queue.receiver, id, ranges)
  }

  /** A receiver wants nothing for now. */
  handlePause(files: FilesLink, id: string): void {
    const queue = this.#queueOf(files, id)
    if (queue) this.#plan.handlePause(queue.receiver, id)
  }

  handleContinue(files: FilesLink, id: string): void {
    const queue = this.#queues.get(keyOf(files, id))
    if (queue) this.#plan.handleContinue(queue.receiver, id)
    this.#pump()
  }

  /** A receiver wants nothing more of a transfer. */
  handleStop(files: FilesLink, id: string): void {
    const queue = this.#queues.get(keyOf(files, id))
    if (queue) this.#drop(queue)
  }

  /** A link is gone: what it asked for is forgotten. */
  handleClosed(files: FilesLink): void {
    for (const queue of [...this.#queues.values()]) if (queue.files === files) this.#drop(queue)
  }

  /** True when nothing that this link asked of a transfer is left to send. */
  isIdle(files: FilesLink, id: string): boolean {
    const queue = this.#queues.get(keyOf(files, id))
    return queue === undefined || (queue.sending === 0 && this.#plan.pendingOf(queue.receiver, id) === 0)
  }

  pause(id: string): void {
    this.#plan.pause(id)
  }

  continue(id: string): void {
    this.#plan.continue(id)
    this.#pump()
  }

  setPriority(id: string, priority: number): void {
    this.#plan.setPriority(id, priority)
  }

  /** @param bytesPerSecond - of one transfer, or of everything; Infinity for no limit. */
  setRate(bytesPerSecond: number, id?: string): void {
    this.#plan.setRate(now(), bytesPerSecond, id)
    this.#pump()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const { lane } of this.#queues.values()) lane.close()
    this.#queues.clear()
  }

  #pump(): void {
    clearTimeout(this.#timer)
    while (!this.#isClosed) {
      const turn = this.#plan.pollNext(now())
      if (turn === undefined) return
      if ('at' in turn) {
        this.#timer = setTimeout(() => this.#pump(), Math.ceil(Math.max(0, turn.at - now()) / 1_000))
        return
      }
      const { receiver, transfer, index } = turn
      const queue = [...this.#queues.values()].find((other) => other.receiver === receiver && other.id === transfer)!
      this.#serve(queue, index)
    }
  }

  #serve(queue: Queue, index: number): void {
    const { receiver, id } = queue
    const busy = (this.#busy.get(receiver) ?? 0) + 1
    this.#busy.set(receiver, busy)
    queue.sending++
    const content = this.#contents.get(id)!
    // What a stream has next may be its end.
    if (busy >= (content.source.isSeekable ? READ_AHEAD : 1)) this.#plan.hold(receiver)
    const reading = content.read(index)
    // Whoever fails first is heard; the others must not go unhandled.
    reading.catch(() => {})
    queue.turn = queue.turn.then(async () => {
      try {
        await this.#send(queue, await reading)
      } catch (error) {
        if (this.#contents.has(id)) this.#deps.onFailed(id, error)
      }
      this.#settle(queue)
    })
  }

  async #send(queue: Queue, block: Block | undefined): Promise<void> {
    const { receiver, id, files, lane } = queue
    // Past the end of a stream, which the receiver could not know: there is nothing more for anybody.
    if (block === undefined) return this.#plan.handleStop(receiver, id)
    // A link that takes no more streams is no fault of the content: whoever is there asks again.
    const isTaken = await lane.send(block).catch(() => false)
    block.release()
    if (isTaken) this.#deps.onSent(id, files, block.bytes.byteLength)
    else if (this.#queues.get(keyOf(files, id)) === queue) this.#drop(queue)
  }

  #settle(queue: Queue): void {
    const { receiver, id, files } = queue
    queue.sending--
    const busy = this.#busy.get(receiver)! - 1
    if (busy > 0) this.#busy.set(receiver, busy)
    else this.#busy.delete(receiver)
    this.#plan.release(receiver)
    if (this.#isClosed || this.#queues.get(keyOf(files, id)) !== queue) return
    if (this.isIdle(files, id)) this.#deps.onIdle(id, files)
    this.#pump()
  }

  #queueOf(files: FilesLink, id: string): Queue | undefined {
    const key = keyOf(files, id)
    const content = this.#contents.get(id)
    const known = this.#queues.get(key)
    if (known || content === undefined) return known
    // A stream that has nothing to say for a while must not keep the link's other transfers waiting.
    const receiver = content.source.isSeekable ? files.key : key
    const lane = new BlockLane(files, this.#deps.router, id)
    const queue: Queue = { id, files, receiver, lane, sending: 0, turn: Promise.resolve() }
    this.#queues.set(key, queue)
    return queue
  }

  #drop(queue: Queue): void {
    this.#queues.delete(keyOf(queue.files, queue.id))
    this.#plan.handleStop(queue.receiver, queue.id)
    queue.lane.close()
  }
}

/** What one link asks of one transfer. */
interface Queue {
  readonly id: string
  readonly files: FilesLink
  /** Name of the link in the plan. */
  readonly receiver: string
  readonly lane: BlockLane
  /** Blocks that are read or wait for the stream. */
  sending: number
  /** Blocks are written in the order they were asked for. */
  turn: Promise<void>
}

const keyOf = (files: FilesLink, id: string): string => `${files.key} ${id}`

/** Blocks of a link that are read or wait for it at a time: one is on the link while the next is read and hashed. */
const READ_AHEAD = 3
