import type { BlockBuffers } from '../io/transfer/block-buffers.ts'
import { BlockStreamDecoder } from '../transfer/block-stream.ts'
import { MsgError } from '../errors.ts'
import type { LinkStream, StreamHandler } from '../streams/link-stream.ts'
import { StreamCode } from '../streams/stream-router.ts'
import { copyInto } from '../wire/copy.ts'

/** One block as it came: its bytes lie in shared memory that is given back with `release`. */
export interface ReceivedBlock {
  readonly index: number
  readonly bytes: Uint8Array
  /** What the source says it is. */
  readonly hash: Uint8Array
  release(): void
}

/** Who wants the blocks of one transfer from one source. */
export interface BlockSink {
  readonly blockSize: number
  readonly buffers: BlockBuffers
  /** @returns a promise when the disk is behind: the stream waits for it. */
  onBlock(block: ReceivedBlock): Promise<void> | undefined
  /** A part of a block came. */
  onPart(): void
  /** The stream is over. @param error - the other side broke the protocol. */
  onEnd(error: MsgError | undefined): void
}

/** Puts the blocks of one `blocks/1` stream together. Memory: one block. */
export class BlockReceiver implements StreamHandler {
  readonly #stream: LinkStream
  readonly #decoder: BlockStreamDecoder
  #sink: BlockSink | undefined
  #block: { index: number; hash: Uint8Array; bytes: Buffer } | undefined

  /** @param sinkOf - throws for an id that nobody wants: the stream ends. */
  constructor(stream: LinkStream, sinkOf: (id: string) => BlockSink) {
    this.#stream = stream
    this.#decoder = new BlockStreamDecoder((id) => (this.#sink = sinkOf(id)).blockSize)
  }

  onData(bytes: Uint8Array): void {
    this.#sink?.onPart()
    this.#decoder.handleBytes(bytes)
    for (let event = this.#decoder.pollEvent(); event; event = this.#decoder.pollEvent()) {
      if (event.type === 'block') {
        const { index, hash, length } = event
        this.#block = { index, hash, bytes: this.#sink!.buffers.take(length) }
      } else if (event.type === 'bytes') copyInto(this.#block!.bytes, event.bytes, event.offset)
      else if (event.type === 'end') this.#finish()
    }
  }

  onEnd(code: number | undefined): void {
    if (this.#block) this.#sink?.buffers.give(this.#block.bytes)
    this.#block = undefined
    this.#sink?.onEnd(code === StreamCode.failed ? new MsgError('MSG_ERR_PROTOCOL', { detail: 'blocks' }) : undefined)
  }

  #finish(): void {
    const sink = this.#sink!
    const { index, hash, bytes } = this.#block!
    this.#block = undefined
    const busy = sink.onBlock({ index, hash, bytes, release: () => sink.buffers.give(bytes) })
    if (busy === undefined) return
    this.#stream.pause()
    void busy.finally(() => {
      if (this.#stream.isOpen) this.#stream.resume()
    })
  }
}
