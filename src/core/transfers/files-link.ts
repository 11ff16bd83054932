import { ERRORS, MsgError, type ErrorCode } from '../errors.ts'
import type { Link } from '../transport/endpoint-api.ts'
import { TransferFrameDecoder } from '../transfer/frame-decoder.ts'
import { encodeFrame } from '../transfer/frame-writer.ts'
import { FILES_PROTOCOL, type TransferFrame } from '../transfer/frames.ts'
import type { LinkPeer, LinkStream, StreamHandler } from '../streams/link-stream.ts'
import { StreamCode, type StreamRouter } from '../streams/stream-router.ts'

/** What a {@link FilesLink} is built with. */
export interface FilesLinkDeps {
  readonly router: StreamRouter
  readonly onFrame: (files: FilesLink, frame: TransferFrame) => void
}

/**
 * Control frames of transfers on one link. Each side writes on a stream that it opens itself with its first frame, and reads whatever the other
 * side writes, so that nobody has to agree who begins.
 */
export class FilesLink {
  readonly link: Link
  readonly peer: LinkPeer
  /** Names the link in plans: unlike any other of this process. */
  readonly key: string
  readonly #deps: FilesLinkDeps
  #own: LinkStream | undefined
  #waiting: Uint8Array[] = []
  /** Bytes that wait. */
  #backlog = 0
  /** Streams of which nothing is read until what waits has gone. */
  readonly #paused = new Set<LinkStream>()
  /** What was asked and is not answered, by transfer. */
  readonly #questions = new Map<string, () => void>()
  /** The other side wants no frames on this link. */
  #isDeaf = false

  constructor(link: Link, peer: LinkPeer, deps: FilesLinkDeps) {
    this.link = link
    this.peer = peer
    this.key = `${peer.instance}/${++count}`
    this.#deps = deps
  }

  get isOpen(): boolean {
    return this.link.state === 'open' && !this.#isDeaf
  }

  /** Answers with much now, or once less than {@link MAX_BACKLOG} waits for the stream; of each transfer the last question counts. */
  answer(id: string, act: () => void): void {
    this.#questions.set(id, act)
    this.#answer()
  }

  /** Nothing is sent on a link that is gone; one that takes no stream for it is closed. */
  send(frame: TransferFrame): void {
    if (!this.isOpen) return
    try {
      this.#own ??= this.#open()
    } catch (error) {
      return this.link.close(wireCodeOf(MsgError.of(error)), 'no stream for transfers')
    }
    const bytes = encodeFrame(frame)
    this.#waiting.push(bytes)
    this.#backlog += bytes.byteLength
    this.#flush()
  }

  /** Tells what went wrong with a transfer. */
  sendError(id: string, error: MsgError): void {
    this.send({ type: 'error', id, code: wireCodeOf(error) })
  }

  /** Reads frames from one stream; no more of them while the other side reads no answers. */
  handler(): StreamHandler {
    const decoder = new TransferFrameDecoder()
    return {
      onData: (bytes, _fin, stream) => {
        decoder.handleBytes(bytes)
        for (let frame = decoder.pollFrame(); frame; frame = decoder.pollFrame()) this.#deps.onFrame(this, frame)
        if (this.#weight <= MAX_WEIGHT) return
        this.#paused.add(stream)
        stream.pause()
      },
    }
  }

  #open(): LinkStream {
    return this.#deps.router.open(this.link, FILES_PROTOCOL, FILES_PRIORITY, {
      ...this.handler(),
      onWritable: () => {
        this.#flush()
        this.#answer()
      },
      onStop: (code) => this.#handleEnd(code),
      onEnd: (code) => this.#handleEnd(code),
    })
  }

  /** The other side hears no more frames: a link that is made anew begins anew, unless it speaks no transfers at all. */
  #handleEnd(code: number | undefined): void {
    if (code === undefined || !this.isOpen) return
    this.#waiting = []
    this.#questions.clear()
    this.#isDeaf = true
    if (code !== StreamCode.refused) this.link.close(ERRORS.MSG_ERR_PROTOCOL.wire, 'transfers broke off')
  }

  /** What waits costs, bytes. */
  get #weight(): number {
    return this.#backlog + this.#waiting.length * FRAME_WEIGHT
  }

  #answer(): void {
    for (const [id, act] of this.#questions) {
      if (this.#backlog > MAX_BACKLOG) return
      this.#questions.delete(id)
      act()
    }
  }

  #flush(): void {
    const stream = this.#own
    while (stream && this.#waiting.length > 0) {
      const bytes = this.#waiting[0]!
      const taken = stream.write(bytes)
      this.#backlog -= taken
      if (taken < bytes.byteLength) {
        this.#waiting[0] = bytes.subarray(taken)
        return
      }
      this.#waiting.shift()
    }
    for (const paused of this.#paused) paused.resume()
    this.#paused.clear()
  }
}

let count = 0

/** Bytes that may wait before questions do: two answers. */
const MAX_BACKLOG = 2_097_152
/** Of what waits: from there on the other side's frames are not read until all of it has gone. */
const MAX_WEIGHT = 4_194_304
/** Implementation: what a frame that waits costs beside its bytes. */
const FRAME_WEIGHT = 256
/** After chat, before blocks. */
export const FILES_PRIORITY = 1

/** What the other side is told of an error. */
export const wireCodeOf = ({ spec }: MsgError): number => spec.wire ?? ERRORS.MSG_ERR_INTERNAL.wire

/** The error that the other side told; one that this version does not know breaks the protocol. */
export function errorOfWire(wire: number, detail: string): MsgError {
  const codes = Object.keys(ERRORS) as ErrorCode[]
  const code = codes.find((key) => (ERRORS[key] as { readonly wire?: number }).wire === wire)
  return new MsgError(code ?? 'MSG_ERR_PROTOCOL', { detail })
}
