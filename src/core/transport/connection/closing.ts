import { seconds, type Duration, type Instant } from '../../time/instant.ts'
import type { ClosedEvent } from './events.ts'

/** The end of a connection: says so to the peer, again when the peer did not hear it, and then is done. RFC 9000 section 10.2 */
export class Closing {
  #event: ClosedEvent | undefined
  #until: Instant = 0
  #isDrained = false
  #packetsDue = 0
  #answersLeft = 0

  get isClosed(): boolean {
    return this.#event !== undefined
  }

  get isDrained(): boolean {
    return this.#isDrained
  }

  /** Why; `undefined` while the connection lives. */
  get event(): ClosedEvent | undefined {
    return this.#event
  }

  /** @param pto - the path's, microseconds: the peer's own probes may be as far apart. */
  start(now: Instant, event: ClosedEvent, pto: Duration, tellPeer: boolean): void {
    this.#event = event
    this.#until = now + Math.max(3 * pto, MIN_PERIOD)
    this.#packetsDue = tellPeer ? 1 : 0
    this.#answersLeft = tellPeer ? MAX_ANSWERS : 0
    this.#isDrained = !tellPeer
  }

  /** The peer still sends: it has not heard. */
  onPacket(): void {
    if (this.#answersLeft === 0 || this.#isDrained) return
    this.#answersLeft--
    this.#packetsDue = 1
  }

  /** True when a CLOSE should go out now; asking takes it. */
  takePacketDue(): boolean {
    if (this.#packetsDue === 0) return false
    this.#packetsDue = 0
    return true
  }

  handleTimeout(now: Instant): void {
    if (now >= this.#until) this.#isDrained = true
  }

  pollTimeout(): Instant | undefined {
    return this.#isDrained ? undefined : this.#until
  }
}

/** A peer that heard nothing of its handshake's end probes as slowly as a lost answer made it think the path is. */
const MIN_PERIOD: Duration = seconds(10)
/** CLOSE packets sent in answer to a peer that goes on talking. */
const MAX_ANSWERS = 8
