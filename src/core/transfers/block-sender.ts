import type { BlockSource } from '../io/transfer/block-source.ts'
import { BLOCKS_PROTOCOL, encodeBlockHeader } from '../transfer/block-stream.ts'
import { RangeSet, type Range } from '../wire/range-set.ts'
import type { LinkStream } from '../streams/link-stream.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import type { FilesLink } from './files-link.ts'

/** What a {@link BlockSender} is built with. */
export interface BlockSenderDeps {
  readonly router: StreamRouter
  readonly source: BlockSource
  /** 32 hex digits. */
  readonly id: string
  /** A block has left this process; `bytes` is its length. */
  readonly onSent: (index: number, bytes: number, hash: Uint8Array, lastByte: number) => void
  /** Reading failed, or the stream ended before its time. */
  readonly onFailed: (error: unknown) => void
  /** Everything that was asked for is on the link. */
  readonly onIdle: () => void
}

/**
 * Sends the blocks that one receiver asks for, in the order of their indexes, on a stream of their own. Reads at most
 * {@link READ_AHEAD} blocks ahead of the link, and nothing unasked.
 */
export class BlockSender {
  readonly files: FilesLink
  readonly #deps: BlockSenderDeps
  readonly #wanted = new RangeSet()
  /** Pieces that wait for the stream, and what is to happen once each has been taken. */
  readonly #pieces: Array<{ bytes: Uint8Array; done?: () => void }> = []
  #stream: LinkStream | undefined
  #reading = 0
  /** Reads in their order: blocks are written in the order they were asked for. */
  #turn: Promise<void> = Promise.resolve()
  #isPaused = false
  #isAtEnd = false
  #isClosed = false

  constructor(files: FilesLink, deps: BlockSenderDeps) {
    this.files = files
    this.#deps = deps
  }

  want(ranges: readonly Readonly<Range>[]): void {
    for (const { start, end } of ranges) this.#wanted.add(start, end)
    this.#fill()
  }

  cancel(ranges: readonly Readonly<Range>[]): void {
    for (const { start, end } of ranges) this.#wanted.remove(start, end)
  }

  /** Blocks on their way are finished; none is begun until `continue`. */
  pause(): void {
    this.#isPaused = true
  }

  continue(): void {
    this.#isPaused = false
    this.#fill()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stream?.abort(0)
    for (const { done } of this.#pieces.splice(0)) done?.()
  }

  #fill(): void {
    while (!this.#isClosed && !this.#isPaused && this.#reading < (this.#deps.source.isSeekable ? READ_AHEAD : 1)) {
      const next = this.#isAtEnd ? undefined : this.#wanted.takeFirst(1)
      if (next === undefined) {
        if (this.#reading === 0) this.#deps.onIdle()
        return
      }
      this.#reading++
      const read = this.#deps.source.read(next.start)
      this.#turn = this.#turn
        .then(() => read)
        .then((block) => this.#send(block))
        .catch((error: unknown) => this.#fail(error))
      // Whoever fails first is heard; the others must not go unhandled.
      read.catch(() => {})
    }
  }

  async #send(block: Awaited<ReturnType<BlockSource['read']>>): Promise<void> {
    if (block === undefined || this.#isClosed) {
      block?.release()
      this.#reading--
      // Past the end of a stream, which the receiver could not know: there is nothing more for anybody.
      this.#isAtEnd ||= block === undefined
      this.#fill()
      return
    }
    const { index, bytes, hash } = block
    const lastByte = bytes.at(-1) ?? 0
    await new Promise<void>((resolve) => {
      this.#pieces.push({ bytes: encodeBlockHeader({ index, length: bytes.byteLength, hash }) })
      this.#pieces.push({ bytes, done: resolve })
      this.#write()
    })
    block.release()
    this.#reading--
    if (this.#isClosed) return
    this.#deps.onSent(index, bytes.byteLength, hash, lastByte)
    this.#fill()
  }

  #write(): void {
    if (this.#isClosed || !this.files.isOpen) return
    this.#stream ??= this.#open()
    while (this.#pieces.length > 0) {
      const piece = this.#pieces[0]!
      const taken = this.#stream.write(piece.bytes)
      if (taken < piece.bytes.byteLength) {
        piece.bytes = piece.bytes.subarray(taken)
        return
      }
      this.#pieces.shift()
      piece.done?.()
    }
  }

  #open(): LinkStream {
    const { router, id } = this.#deps
    const stream = router.open(this.files.link, BLOCKS_PROTOCOL, BLOCKS_PRIORITY, {
      onData: () => {},
      onWritable: () => this.#write(),
      onEnd: () => this.close(),
      onStop: () => this.close(),
    })
    this.#pieces.unshift({ bytes: Buffer.from(id, 'hex') })
    return stream
  }

  #fail(error: unknown): void {
    this.#reading--
    if (this.#isClosed) return
    this.close()
    this.#deps.onFailed(error)
  }
}

/** After chat and control frames. */
export const BLOCKS_PRIORITY = 2
/** Blocks read or on their way to the link at a time: one is on the link while the next is read and hashed. */
const READ_AHEAD = 3
