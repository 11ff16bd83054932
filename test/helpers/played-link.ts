import { FrameWriter } from '../../src/core/chat/frame-writer.ts'
import { CHAT_PROTOCOL, type ChatFrame } from '../../src/core/chat/frames.ts'
import type { Courier } from '../../src/core/client/courier.ts'
import type { Peer } from '../../src/core/client/peer.ts'
import type { Link } from '../../src/core/transport/endpoint-api.ts'
import { decodeAll } from './chat.ts'

/** An open link whose other end is the test: it reads the frames that were written, and says what it likes. */
export class PlayedLink {
  readonly peer: Peer
  readonly link: Link
  readonly closed: Array<{ code: number; reason: string }> = []
  readonly #courier: Courier
  readonly #written: Buffer[] = []
  readonly #frames = new FrameWriter()
  /** Bytes that are taken before the stream is full. */
  room = Infinity

  constructor(courier: Courier, peer: Partial<Peer> = {}, { isInitiator = true } = {}) {
    this.#courier = courier
    this.peer = { instance: 'b1', user: 'bob', deviceKey: '', device: 7, isOwn: false, ...peer }
    this.link = {
      peer: { instance: this.peer.instance, key: new Uint8Array(32) },
      isInitiator,
      state: 'open',
      openStream: () => STREAM,
      write: (_stream: number, bytes: Uint8Array) => {
        const taken = Math.min(this.room, bytes.byteLength)
        this.room -= taken
        this.#written.push(Buffer.from(bytes.subarray(0, taken)))
        return taken
      },
      close: (code = 0, reason = '') => void this.closed.push({ code, reason }),
    } as unknown as Link
    courier.handleOpen(this.link, this.peer)
  }

  /** Says frames to the courier. @param hello - greets first. */
  say(write: (frames: FrameWriter) => void, { hello = false, stream = STREAM } = {}): void {
    if (hello) this.#frames.hello(CHAT_PROTOCOL)
    write(this.#frames)
    const bytes = Uint8Array.from(this.#frames.pending)
    this.#frames.consume(bytes.byteLength)
    this.#courier.handleData(this.link, stream, bytes)
  }

  /** Every frame that was written so far. */
  frames(): ChatFrame[] {
    return decodeAll(Buffer.concat(this.#written))
  }

  /** The texts of the messages that were written so far. */
  texts(): string[] {
    return this.frames().flatMap((frame) => (frame.type === 'message' ? [frame.message.text] : []))
  }

  writable(): void {
    this.room = Infinity
    this.#courier.handleWritable(this.link)
  }
}

const STREAM = 0
