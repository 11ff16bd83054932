import type { Duplex } from 'node:stream'
import { FrameDecoder } from './frame-decoder.ts'
import { encodeFrame, type Frame, type Role } from './frames.ts'

/** What the owner of a {@link FrameStream} hears. */
export interface FrameStreamEvents {
  onFrame(frame: Frame): void
  /** Once: the other side is gone, or broke the protocol. Not after {@link FrameStream.finish} of both sides. */
  onGone(error: Error | undefined): void
}

/** A stream as frames both ways. */
export class FrameStream {
  readonly #stream: Duplex
  readonly #events: FrameStreamEvents
  readonly #decoder: FrameDecoder
  #isGone = false

  /** @param role - which of both this side is. */
  constructor(stream: Duplex, role: Role, events: FrameStreamEvents) {
    this.#stream = stream
    this.#events = events
    this.#decoder = new FrameDecoder(role === 'sender' ? 'target' : 'sender')
    stream.on('data', (bytes: Buffer) => this.#handleBytes(bytes))
    stream.on('error', (error) => this.#handleGone(error))
    stream.on('end', () => this.#handleGone(undefined))
    stream.on('close', () => this.#handleGone(undefined))
  }

  /** True once nothing that is sent arrives any more. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Resolves when the next may follow: at once, or when the stream has room again. What is sent to nobody vanishes. */
  async send(frame: Frame): Promise<void> {
    const stream = this.#stream
    if (stream.destroyed || stream.writableEnded || stream.write(encodeFrame(frame))) return
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const name of ['drain', 'close', 'error'] as const) stream.off(name, done)
        resolve()
      }
      for (const name of ['drain', 'close', 'error'] as const) stream.on(name, done)
    })
  }

  /** What comes is left in the stream, whose sender slows down. */
  pause(): void {
    this.#stream.pause()
  }

  resume(): void {
    this.#stream.resume()
  }

  /** Nothing more follows from this side. */
  finish(): void {
    if (!this.#stream.writableEnded && !this.#stream.destroyed) this.#stream.end()
  }

  /** Gives up both directions. */
  destroy(error?: Error): void {
    this.#stream.destroy(error)
  }

  #handleBytes(bytes: Buffer): void {
    if (this.#isGone) return
    try {
      for (const frame of this.#decoder.handleBytes(bytes)) this.#events.onFrame(frame)
    } catch (error) {
      this.#handleGone(error as Error)
      this.#stream.destroy()
    }
  }

  #handleGone(error: Error | undefined): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#events.onGone(error)
  }
}
