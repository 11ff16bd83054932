import { ChatReceiver } from '../chat/chat-receiver.ts'
import { FrameDecoder } from '../chat/frame-decoder.ts'
import { FrameWriter } from '../chat/frame-writer.ts'
import { CHAT_PROTOCOL, type ChatFrame, type ChatMessage } from '../chat/frames.ts'
import { MsgError } from '../errors.ts'
import type { Link } from '../transport/endpoint-api.ts'
import type { Peer } from './peer.ts'

/** The chat stream of one open link: bytes in, frames out, and the other way round. */
export class ChatLink {
  readonly link: Link
  readonly peer: Peer
  readonly receiver = new ChatReceiver<ChatMessage>()
  /** When the oldest message was found not to belong to anything open, milliseconds of the caller's clock. */
  heldSince: number | undefined
  readonly #decoder = new FrameDecoder()
  readonly #out = new FrameWriter()
  #stream: number | undefined
  #isGreeted = false
  #isBlocked = false

  constructor(link: Link, peer: Peer) {
    this.link = link
    this.peer = peer
    if (link.isInitiator) this.#start(link.openStream(CHAT_PRIORITY))
  }

  /** Where frames for the peer are appended; `undefined` while the stream takes none. */
  get out(): FrameWriter | undefined {
    return this.#stream === undefined || this.#isBlocked ? undefined : this.#out
  }

  /** @throws MSG_ERR_PROTOCOL, MSG_ERR_LIMIT, MSG_ERR_VERSION */
  handleData(stream: number, bytes: Uint8Array, onFrame: (frame: ChatFrame) => void): void {
    if (this.#stream === undefined) this.#start(stream)
    if (stream !== this.#stream) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a second chat stream' })
    this.#decoder.handleBytes(bytes)
    for (let frame = this.#decoder.pollFrame(); frame; frame = this.#decoder.pollFrame()) {
      if ((frame.type === 'hello') === this.#isGreeted)
        throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'the first chat frame, and only that, is HELLO' })
      if (frame.type !== 'hello') onFrame(frame)
      else if (frame.version === CHAT_PROTOCOL) this.#isGreeted = true
      else throw new MsgError('MSG_ERR_VERSION', { detail: `chat ${CHAT_PROTOCOL} here, ${frame.version} there` })
    }
  }

  handleWritable(): void {
    this.#isBlocked = false
  }

  /** Writes what was appended, as far as the stream takes it. */
  flush(): void {
    if (this.#stream === undefined || this.#isBlocked || this.#out.length === 0) return
    const taken = this.link.write(this.#stream, this.#out.pending)
    this.#out.consume(taken)
    this.#isBlocked = this.#out.length > 0
  }

  #start(stream: number): void {
    this.#stream = stream
    this.#out.hello(CHAT_PROTOCOL)
  }
}

/** The smaller, the sooner: chat goes before files. */
const CHAT_PRIORITY = 0
