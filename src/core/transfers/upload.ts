import { MsgError } from '../errors.ts'
import { MAX_PIECE, type TransferFrame } from '../transfer/frames.ts'
import { equalHashes, HASH_SIZE } from '../transfer/hash.ts'
import type { BlockDispatch } from './block-dispatch.ts'
import type { Content, Summary } from './content.ts'
import type { FilesLink } from './files-link.ts'

/** What is told of an {@link Upload}, to whoever keeps the list. */
export interface UploadListener {
  /** A block of so many bytes is on its way to a receiver. */
  onSent(files: FilesLink, bytes: number): void
  /** A receiver has all of it, verified and landed. */
  onDone(files: FilesLink, summary: Summary): void
  /** It cannot be sent to anybody. */
  onFailed(error: MsgError): void
}

/** What an {@link Upload} is built with. */
export interface UploadOptions {
  /** 32 hex digits. */
  readonly id: string
  readonly content: Content
  readonly dispatch: BlockDispatch
  /** Lower goes first. */
  readonly priority: number
  readonly listener: UploadListener
}

/**
 * One content under one id, for everybody who may ask for it: answers for its manifest and its hashes, has its blocks sent, and states the
 * root once it is known.
 */
export class Upload {
  readonly id: string
  readonly content: Content
  readonly #dispatch: BlockDispatch
  readonly #listener: UploadListener
  /** Who wants to be told the root when what they asked for is on its way. */
  readonly #asking = new Set<FilesLink>()
  /** Who waits for the summary, for the root or because it is done; aborted when that has gone. */
  readonly #waiting = new Map<FilesLink, AbortController>()
  #isClosed = false

  constructor({ id, content, dispatch, priority, listener }: UploadOptions) {
    this.id = id
    this.content = content
    this.#dispatch = dispatch
    this.#listener = listener
    dispatch.add(id, content, priority)
  }

  /** What a receiver says of it. */
  handleFrame(files: FilesLink, frame: TransferFrame): void {
    if (this.#isClosed) return
    switch (frame.type) {
      case 'manifest-want':
        return files.answer(this.id, () => this.#sendManifest(files, frame.offset))
      case 'hashes-want':
        return files.answer(this.id, () => this.#sendHashes(files, frame.first, frame.count))
      case 'want':
        if (!this.#dispatch.want(files, this.id, frame.ranges, frame.priority)) this.#refuse(files)
        return
      case 'cancel':
        return this.#dispatch.cancel(files, this.id, frame.ranges)
      case 'root-want':
        this.#asking.add(files)
        return this.handleIdle(files)
      case 'pause':
        return this.#dispatch.handlePause(files, this.id)
      case 'continue':
        return this.#dispatch.handleContinue(files, this.id)
      case 'done':
        return void this.#finish(files, frame.root)
    }
  }

  /** Everything that a receiver asked for is on its way. */
  handleIdle(files: FilesLink): void {
    if (this.#asking.has(files) && this.#dispatch.isIdle(files, this.id)) void this.#stateRoot(files)
  }

  handleSent(files: FilesLink, bytes: number): void {
    if (!this.#isClosed) this.#listener.onSent(files, bytes)
  }

  /** A receiver has stopped, or its link is gone: it asks again when it wants more. */
  handleGone(files: FilesLink): void {
    this.#asking.delete(files)
    this.#waiting.get(files)?.abort()
    this.#waiting.delete(files)
    this.#dispatch.handleStop(files, this.id)
  }

  handleFailed(error: unknown): void {
    if (!this.#isClosed) this.#listener.onFailed(MsgError.of(error))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const waiting of this.#waiting.values()) waiting.abort()
    this.#dispatch.remove(this.id)
  }

  #sendManifest(files: FilesLink, from: number): void {
    if (this.#isClosed) return
    const { encoded } = this.content
    let offset = from
    for (let i = 0; i < PIECES_AT_ONCE && offset < encoded.byteLength; i++) {
      const bytes = encoded.subarray(offset, offset + MAX_PIECE)
      files.send({ type: 'manifest', id: this.id, offset, bytes })
      offset += bytes.byteLength
    }
  }

  #sendHashes(files: FilesLink, from: number, count: number): void {
    if (this.#isClosed) return
    const end = Math.min(from + count, this.content.blocks, from + PIECES_AT_ONCE * HASHES_AT_ONCE)
    for (let first = from; first < end; first += HASHES_AT_ONCE) {
      const bytes = this.content.hashes(first, Math.min(HASHES_AT_ONCE, end - first))
      if (bytes === undefined) return this.#refuse(files)
      files.send({ type: 'hashes', id: this.id, first, bytes })
    }
  }

  async #stateRoot(files: FilesLink): Promise<void> {
    // A stream goes on: its end is told when it is there.
    if (this.content.source.manifest.size < 0) return
    this.#asking.delete(files)
    const summary = await this.#summaryFor(files)
    if (summary) files.send({ type: 'root', id: this.id, ...summary })
  }

  async #finish(files: FilesLink, root: Uint8Array): Promise<void> {
    // Nobody has all of a stream that goes on.
    if (this.content.source.manifest.size < 0) return this.#refuse(files)
    const summary = await this.#summaryFor(files)
    if (!summary) return
    // Whoever claims to have something else is not told of as having this.
    if (!equalHashes(summary.root, root)) return this.#refuse(files)
    // The stream that brought it is one of few.
    this.handleGone(files)
    this.#listener.onDone(files, summary)
  }

  /** @returns `undefined` when it fails, nobody is there any more whom to tell, or that link waits for it already. */
  async #summaryFor(files: FilesLink): Promise<Summary | undefined> {
    if (this.#waiting.has(files)) return undefined
    const waiting = new AbortController()
    this.#waiting.set(files, waiting)
    try {
      const summary = await this.content.summary(waiting.signal)
      return this.#isClosed || waiting.signal.aborted ? undefined : summary
    } catch (error) {
      if (!waiting.signal.aborted) this.handleFailed(error)
      return undefined
    } finally {
      if (this.#waiting.get(files) === waiting) this.#waiting.delete(files)
    }
  }

  /** Asked for what does not exist: it is told, and nothing is sent. */
  #refuse(files: FilesLink): void {
    files.sendError(this.id, new MsgError('MSG_ERR_PROTOCOL', { detail: 'a question for what there is not' }))
  }
}

/** Pieces sent for one question: a megabyte. */
const PIECES_AT_ONCE = 16
const HASHES_AT_ONCE = MAX_PIECE / HASH_SIZE
