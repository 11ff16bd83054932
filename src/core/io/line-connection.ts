import type { Socket } from 'node:net'
import { MsgError } from '../errors.ts'
import { LineSplitter } from '../wire/lines.ts'

/** Who receives what a {@link LineConnection} reads. Called synchronously. */
export interface LineHandler {
  /** One line. May call `pause`. */
  handleLine(line: string): void
  /** The other side broke the limit or the encoding; nothing more is read. */
  handleBroken(error: MsgError): void
  /** The connection is over. Called once. */
  handleClosed(): void
}

/**
 * Lines of text over a stream socket, bounded both ways: a line over the limit is refused before it is parsed, and a peer that
 * does not read is cut off.
 *
 * Writes of one turn of the event loop go out together.
 */
export class LineConnection {
  readonly #socket: Socket
  readonly #handler: LineHandler
  readonly #lines: LineSplitter
  #isPaused = false
  #isOver = false
  #isCorked = false

  /** @param limit - largest line in bytes, newline included. */
  constructor(socket: Socket, limit: number, handler: LineHandler) {
    this.#socket = socket
    this.#handler = handler
    this.#lines = new LineSplitter(limit)
    socket.on('data', (bytes: Buffer) => {
      if (this.#isOver) return
      this.#lines.handleBytes(bytes)
      this.#pump()
    })
    // Whatever the error is, 'close' follows, and that is where it is dealt with.
    socket.on('error', ignore)
    socket.once('close', () => {
      this.#isOver = true
      handler.handleClosed()
    })
  }

  /** Bytes that the other side has not taken yet. */
  get queued(): number {
    return this.#socket.writableLength
  }

  /** Hands out no further line until {@link resume}, and stops reading. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#pump()
    if (!this.#isPaused && !this.#isOver) this.#socket.resume()
  }

  /** Writes a line that ends in a newline. A peer that leaves {@link MAX_QUEUED} bytes unread is cut off. */
  send(line: string): void {
    const socket = this.#socket
    if (!socket.writable) return
    if (socket.writableLength > MAX_QUEUED) {
      socket.destroy()
      return
    }
    if (!this.#isCorked) {
      this.#isCorked = true
      socket.cork()
      process.nextTick(() => {
        this.#isCorked = false
        socket.uncork()
      })
    }
    socket.write(line)
  }

  /** Reads no more, and closes once everything written has gone out, or after {@link LINGER_MS}. */
  end(): void {
    this.#isOver = true
    const socket = this.#socket
    if (socket.destroyed) return
    socket.end()
    socket.resume()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }

  destroy(): void {
    this.#isOver = true
    this.#socket.destroy()
  }

  #pump(): void {
    try {
      while (!this.#isPaused && !this.#isOver) {
        const line = this.#lines.pollLine()
        if (line === undefined) return
        this.#handler.handleLine(line)
      }
    } catch (error) {
      if (!MsgError.is(error)) throw error
      this.#isOver = true
      this.#handler.handleBroken(error)
    }
  }
}

function ignore(): void {}

/** Implementation: a few dozen of the largest lines. */
const MAX_QUEUED = 1_048_576
/** Implementation: time a peer gets to read the last words, milliseconds. */
const LINGER_MS = 1_000
