import type { Block } from '../io/transfer/block-source.ts'
import type { LinkStream } from '../streams/link-stream.ts'
import type { StreamRouter } from '../streams/stream-router.ts'
import { BLOCKS_PROTOCOL, encodeBlockHeader } from '../transfer/block-stream.ts'
import type { FilesLink } from './files-link.ts'

/** The `blocks/1` stream of one transfer on one link, from the side that sends; opened with the first block. */
export class BlockLane {
  readonly #files: FilesLink
  readonly #router: StreamRouter
  readonly #id: string
  /** Pieces that wait for the stream, and what is to happen once each has been taken. */
  readonly #pieces: Array<{ bytes: Uint8Array; done?: (isTaken: boolean) => void }> = []
  #stream: LinkStream | undefined
  #isClosed = false

  /** @param id - of the transfer, 32 hex digits. */
  constructor(files: FilesLink, router: StreamRouter, id: string) {
    this.#files = files
    this.#router = router
    this.#id = id
  }

  /** Resolves once the stream has taken the block, `false` when it is gone; one after the other. */
  send({ index, bytes, hash }: Block): Promise<boolean> {
    if (this.#isClosed || !this.#files.isOpen) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#pieces.push({ bytes: encodeBlockHeader({ index, length: bytes.byteLength, hash }) })
      this.#pieces.push({ bytes, done: resolve })
      this.#write()
    })
  }

  /** Nothing more is sent; what was not taken is forgotten. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stream?.abort(0)
    for (const { done } of this.#pieces.splice(0)) done?.(false)
  }

  #write(): void {
    if (this.#isClosed) return
    this.#stream ??= this.#open()
    while (this.#pieces.length > 0) {
      const piece = this.#pieces[0]!
      const taken = this.#stream.write(piece.bytes)
      if (taken < piece.bytes.byteLength) {
        piece.bytes = piece.bytes.subarray(taken)
        return
      }
      this.#pieces.shift()
      piece.done?.(true)
    }
  }

  #open(): LinkStream {
    this.#pieces.unshift({ bytes: Buffer.from(this.#id, 'hex') })
    return this.#router.open(this.#files.link, BLOCKS_PROTOCOL, BLOCKS_PRIORITY, {
      onData: () => {},
      onWritable: () => this.#write(),
      onEnd: () => this.close(),
      onStop: () => this.close(),
    })
  }
}

/** After chat and control frames. */
export const BLOCKS_PRIORITY = 2
