import { Duplex } from 'node:stream'
import { MsgError } from '../errors.ts'
import type { LinkStream, StreamHandler } from './link-stream.ts'
import { StreamCode } from './stream-router.ts'

/**
 * A stream of a link as a Node stream: `end` sends FIN, the other side's FIN is `end`, `destroy` gives up both directions. What arrives and is not
 * read stops the other side from sending, what is written and not taken holds the writer up.
 */
export class LinkDuplex<Peer> extends Duplex {
  readonly peer: Peer
  readonly #protocol: string
  #stream: LinkStream | undefined
  #held: { readonly bytes: Uint8Array; readonly done: (error?: Error | null) => void } | undefined
  #hasEnded = false

  /** @param protocol - for people, where the other side does not speak it. */
  constructor(peer: Peer, protocol: string) {
    // Whoever has read all of it may still answer: it is destroyed when both directions have ended, not when one has.
    super({ allowHalfOpen: true, highWaterMark: HIGH_WATER, autoDestroy: false })
    this.peer = peer
    this.#protocol = protocol
    // An error that nobody listens to ends the stream, not the process.
    this.on('error', () => {})
    const destroyWhenOver = (): void => {
      if (this.readableEnded && this.writableFinished) this.destroy()
    }
    this.once('end', destroyWhenOver)
    this.once('finish', destroyWhenOver)
  }

  /** What the router tells of the stream. */
  readonly handler: StreamHandler = {
    onData: (bytes, fin, stream) => {
      if (this.destroyed) return
      if (bytes.byteLength > 0 && !this.push(Buffer.from(bytes))) stream.pause()
      if (fin) {
        this.#hasEnded = true
        this.push(null)
      }
    },
    onWritable: () => this.#writeHeld(),
    onStop: (code) => this.destroy(this.#reason(code)),
    onEnd: (code) => this.#handleEnd(code),
  }

  /** Ties it to its stream, which was opened with {@link handler}. */
  attach(stream: LinkStream): this {
    this.#stream = stream
    return this
  }

  override _read(): void {
    if (this.#stream?.isOpen) this.#stream.resume()
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#held = { bytes, done }
    this.#writeHeld()
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#stream?.isOpen) this.#stream.finish()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#held = undefined
    const isOver = this.#hasEnded && this.writableFinished
    if (!isOver) this.#stream?.abort(StreamCode.abandoned)
    done(error)
  }

  #writeHeld(): void {
    const held = this.#held
    const stream = this.#stream
    if (!held || !stream) return
    if (!stream.isOpen) {
      this.destroy(new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'while something was being sent' }))
      return
    }
    const taken = stream.write(held.bytes)
    if (taken < held.bytes.byteLength) {
      this.#held = { bytes: held.bytes.subarray(taken), done: held.done }
      return
    }
    this.#held = undefined
    held.done()
  }

  #handleEnd(code: number | undefined): void {
    if (this.destroyed) return
    if (code === undefined && this.#hasEnded && this.writableFinished) return
    this.destroy(this.#reason(code))
  }

  #reason(code: number | undefined): MsgError {
    if (code === undefined) return new MsgError('MSG_ERR_LINK_CLOSED', { detail: 'before the end of a stream' })
    if (code === StreamCode.refused) return new MsgError('MSG_ERR_PLUGIN_MISSING', { detail: this.#protocol })
    if (code === StreamCode.busy)
      return new MsgError('MSG_ERR_LIMIT', {
        detail: `the other side has as many streams of ${this.#protocol} as it takes`,
      })
    return new MsgError('MSG_ERR_CANCELLED', { detail: 'the other side gave up' })
  }
}

/** Bytes that are kept for a reader, and taken from a writer, before they are held up. */
const HIGH_WATER = 65_536
