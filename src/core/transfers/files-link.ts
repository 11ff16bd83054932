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

  /** Bytes that wait for the stream: whoever answers questions stops at some point. */
  get backlog(): number {
    return this.#waiting.reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  /** Nothing is sent on a link that is gone; one that takes no stream for it is closed. */
  send(frame: TransferFrame): void {
    if (!this.isOpen) return
    try {
      this.#own ??= this.#open()
    } catch (error) {
      return this.link.close(wireCodeOf(MsgError.of(error)), 'no stream for transfers')
    }
    this.#waiting.push(encodeFrame(frame))
    this.#flush()
  }

  /** Tells what went wrong with a transfer. */
  sendError(id: string, error: MsgError): void {
    this.send({ type: 'error', id, code: wireCodeOf(error) })
  }

  /** Reads frames from one stream. */
  handler(): StreamHandler {
    const decoder = new TransferFrameDecoder()
    return {
      onData: (bytes) => {
        decoder.handleBytes(bytes)
        for (let frame = decoder.pollFrame(); frame; frame = decoder.pollFrame()) this.#deps.onFrame(this, frame)
      },
    }
  }

  #open(): LinkStream {
    return this.#deps.router.open(this.link, FILES_PROTOCOL, FILES_PRIORITY, {
      ...this.handler(),
      onWritable: () => this.#flush(),
      onStop: (code) => this.#handleEnd(code),
      onEnd: (code) => this.#handleEnd(code),
    })
  }

  /** The other side hears no more frames: a link that is made anew begins anew, unless it speaks no transfers at all. */
  #handleEnd(code: number | undefined): void {
    if (code === undefined || !this.isOpen) return
    this.#waiting = []
    this.#isDeaf = true
    if (code !== StreamCode.refused) this.link.close(ERRORS.MSG_ERR_PROTOCOL.wire, 'transfers broke off')
  }

  #flush(): void {
    const stream = this.#own
    while (stream && this.#waiting.length > 0) {
      const bytes = this.#waiting[0]!
      const taken = stream.write(bytes)
      if (taken < bytes.byteLength) {
        this.#waiting[0] = bytes.subarray(taken)
        return
      }
      this.#waiting.shift()
    }
  }
}

let count = 0

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
