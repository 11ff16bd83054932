import type { Link } from '../transport/endpoint-api.ts'

/** Who is at the other end of a link: one connection of one user. */
export interface LinkPeer {
  readonly instance: string
  readonly user: string
}

/** What the owner of a {@link LinkStream} hears of it. Called synchronously, never re-entrantly. */
export interface StreamHandler {
  /**
   * The next bytes, in order: a view that is valid during the call only.
   *
   * @throws MSG_ERR_PROTOCOL and the like: the stream ends
   */
  onData(bytes: Uint8Array, fin: boolean, stream: LinkStream): void
  /** A stream that had refused bytes takes some again. */
  onWritable?(): void
  /** The peer wants nothing more of what this side sends; its half was reset. */
  onStop?(code: number): void
  /** The last call: the link is gone (`undefined`), the peer gave up sending, or broke the protocol. */
  onEnd?(code: number | undefined): void
}

/** One stream of one link, opened for a named protocol. */
export class LinkStream {
  readonly link: Link
  readonly peer: LinkPeer
  readonly id: number
  /** What of the name the send buffer has not taken yet: it goes before everything else. */
  #preamble: Uint8Array
  #isFinished = false
  #isAborted = false
  readonly #onFinish: () => void

  constructor(link: Link, peer: LinkPeer, id: number, onFinish: () => void, preamble: Uint8Array = EMPTY) {
    this.link = link
    this.peer = peer
    this.id = id
    this.#onFinish = onFinish
    this.#preamble = preamble
  }

  get isOpen(): boolean {
    return this.link.state === 'open'
  }

  /** @returns how many bytes were taken; when fewer than given, `onWritable` follows. */
  write(bytes: Uint8Array): number {
    if (this.#preamble.byteLength > 0) {
      this.#preamble = this.#preamble.subarray(this.link.write(this.id, this.#preamble))
      if (this.#preamble.byteLength > 0) return 0
    }
    return this.link.write(this.id, bytes)
  }

  /** Sends FIN after what was written. */
  finish(): void {
    if (this.#isFinished) return
    this.#isFinished = true
    this.link.finish(this.id)
    this.#onFinish()
  }

  /** True once this side has said that nothing more follows. */
  get isFinished(): boolean {
    return this.#isFinished
  }

  /** Gives up both directions: forgets what has not gone and wants nothing more. @param code - from 0 to 2^53 - 1 */
  abort(code: number): void {
    // The first reason is the one that counts.
    if (!this.isOpen || this.#isAborted) return
    this.#isAborted = true
    this.link.reset(this.id, code)
    this.link.stop(this.id, code)
  }

  /** No more `onData` until `resume`; the peer's sending stops by itself. @see Link.pause */
  pause(): void {
    this.link.pause(this.id)
  }

  resume(): void {
    this.link.resume(this.id)
  }
}

const EMPTY = new Uint8Array(0)
