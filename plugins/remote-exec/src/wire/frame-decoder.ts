import { MsgError } from 'msg-cli/plugin'
import { CAUSES } from '../refusals.ts'
import { FRAMES, HEADER, SIGNALS, type Frame, type FrameType, type Role } from './frames.ts'

/**
 * Cuts the bytes of one direction of a stream into frames.
 *
 * The length of a frame is believed only once its type says that it may have it, so that no more than one frame of a kind the other side may
 * send is ever kept.
 */
export class FrameDecoder {
  readonly #from: Role
  #header = Buffer.alloc(HEADER)
  #hasOfHeader = 0
  #type: FrameType | undefined
  #payload = Buffer.alloc(0)
  #hasOfPayload = 0

  /** @param from - whose frames these are. */
  constructor(from: Role) {
    this.#from = from
  }

  /** True between frames: where a stream may end. */
  get isAtRest(): boolean {
    return this.#type === undefined && this.#hasOfHeader === 0
  }

  /** Bytes kept of a frame that is not whole. */
  get buffered(): number {
    return this.#hasOfHeader + this.#hasOfPayload
  }

  /** @returns the frames that are whole now, in order; what they hold is theirs. @throws MSG_ERR_PROTOCOL, after which this decoder is of no use */
  handleBytes(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = []
    let at = 0
    for (;;) {
      if (this.#type === undefined) {
        const taken = Math.min(HEADER - this.#hasOfHeader, bytes.byteLength - at)
        this.#header.set(bytes.subarray(at, at + taken), this.#hasOfHeader)
        at += taken
        this.#hasOfHeader += taken
        if (this.#hasOfHeader < HEADER) return frames
        this.#begin()
      }
      const wanted = this.#payload.byteLength - this.#hasOfPayload
      const taken = Math.min(wanted, bytes.byteLength - at)
      this.#payload.set(bytes.subarray(at, at + taken), this.#hasOfPayload)
      at += taken
      this.#hasOfPayload += taken
      if (taken < wanted) return frames
      frames.push(frameOf(this.#type!, this.#payload))
      this.#type = undefined
      this.#payload = Buffer.alloc(0)
      this.#hasOfPayload = 0
    }
  }

  #begin(): void {
    const type = TYPES.get(this.#header[0]!)
    if (type === undefined || FRAMES[type].from !== this.#from) throw broken(`no frame of type ${this.#header[0]}`)
    const length = this.#header.readUIntBE(1, 3)
    const { min, max } = FRAMES[type]
    if (length < min || length > max) throw broken(`a frame of type ${type} with ${length} bytes`)
    this.#type = type
    this.#payload = Buffer.alloc(length)
    this.#hasOfHeader = 0
  }
}

function frameOf(type: FrameType, payload: Buffer): Frame {
  switch (type) {
    case 'request':
      return { type, signature: payload.subarray(0, 64), bytes: payload.subarray(64) }
    case 'accepted':
      return { type, run: payload }
    case 'refused': {
      const code = payload.toString('latin1')
      if (!/^[a-z][a-z-]*$/.test(code)) throw broken('a refusal without a code')
      return { type, code }
    }
    case 'signal': {
      const number = payload[0]!
      if (SIGNALS[number] === undefined) throw broken(`signal ${number}`)
      return { type, number }
    }
    case 'credit':
      return { type, bytes: payload.readUInt32BE() }
    case 'stdin':
    case 'stdout':
    case 'stderr':
      return { type, bytes: payload }
    case 'exit': {
      const [kind, number, cause] = payload as unknown as [number, number, number]
      const why = CAUSES[cause]
      const isSignal = kind === 1
      // 128 and the number is a status of 8 bits.
      if (kind > 1 || why === undefined || (isSignal && (number < 1 || number > 127)))
        throw broken('an exit of no kind')
      return { type, kind: isSignal ? 'signal' : 'code', number, cause: why }
    }
    default:
      return { type }
  }
}

const broken = (detail: string): MsgError => new MsgError('MSG_ERR_PROTOCOL', { detail: `remote-exec: ${detail}` })
const TYPES = new Map(Object.entries(FRAMES).map(([type, { byte }]) => [byte, type as FrameType]))
