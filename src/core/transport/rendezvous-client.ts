import { millis, seconds, type Duration, type Instant } from '../time/instant.ts'
import { decodeResponse, encodeRequest, NO_PROOF } from '../wire/rendezvous.ts'
import { isSameAddress } from './socket-address.ts'
import type { SocketAddress } from './endpoint-api.ts'
import type { Transmit } from './machine.ts'

/**
 * What stands between this socket and the server, as far as two ports of one server can tell (RFC 4787 section 4.1):
 *
 * | value | |
 * |---|---|
 * | `none` | the server sees the socket's own address |
 * | `endpoint-independent` | both ports see one address that is not its own: a NAT that others can be told to knock at. One that tells addresses but not ports apart looks the same |
 * | `dependent` | each port sees another address: what the server sees is of no use to others |
 * | `unknown` | nothing was seen yet, or the server's other port does not answer |
 * | `blocked` | no datagram comes back from the server |
 */
export type MappingBehaviour = 'none' | 'endpoint-independent' | 'dependent' | 'unknown' | 'blocked'

/** What the server sees of this socket. */
export interface Observation {
  /** `undefined` before the server's first answer, and after it fell silent. */
  readonly address: SocketAddress | undefined
  readonly mapping: MappingBehaviour
}

/** What a {@link RendezvousClient} is told. */
export interface RendezvousOptions {
  readonly server: SocketAddress
  /** Where the server only says what it sees, best first: at another address, which tells a NAT's addresses apart, too, or at another port. @default none */
  readonly probes?: readonly SocketAddress[]
  /** The server by the other family, which is told of this socket as the first is. @default none */
  readonly across?: SocketAddress
  /** 16 bytes, from sign-in. */
  readonly token: Uint8Array
  /** Whether that is this socket's own address. @default never */
  readonly isOwn?: (address: SocketAddress) => boolean
}

/**
 * Keeps the server told of this socket's address, and learns what the server sees it as.
 *
 * The first port is asked again and again, which holds the mapping. The other one is asked when the first saw a new address that is not
 * the socket's own, and no more once it has answered. The server's address of the other family, if it has one, is asked as the first port is: what it sees is for the
 * server to tell others.
 */
export class RendezvousClient {
  readonly #options: RendezvousOptions
  /** To the first port, with the proof of its last answer, and to the other one. */
  #request: Uint8Array
  #proof: Uint8Array = NO_PROOF
  readonly #question: Uint8Array
  readonly #first: Inquiry
  #other: Inquiry | undefined
  /** By the other family. */
  readonly #across: Inquiry | undefined
  /** Those that were not asked yet. */
  readonly #probes: SocketAddress[]
  #seenByFirst: SocketAddress | undefined
  #seenByOther: SocketAddress | undefined

  constructor(now: Instant, options: RendezvousOptions) {
    const { server, probes = [], across, token } = options
    this.#options = options
    this.#request = encodeRequest(token, NO_PROOF)
    this.#question = encodeRequest(token)
    this.#first = new Inquiry(server, now)
    this.#probes = [...probes]
    this.#askNext(Infinity)
    this.#across = across && new Inquiry(across, now)
  }

  get observation(): Observation {
    return { address: this.#seenByFirst, mapping: this.#mapping }
  }

  /** @returns true when the observation changed. */
  handleResponse(now: Instant, from: SocketAddress, payload: Uint8Array): boolean {
    const response = decodeResponse(payload)
    if (response === undefined || !Buffer.from(response.token).equals(this.#options.token)) return false
    if (this.#across && isSameAddress(from, this.#across.to)) {
      this.#across.rest(now + REFRESH)
      return false
    }
    const before = this.#mapping
    if (this.#other && isSameAddress(from, this.#other.to)) {
      // What comes late, about an address that has been replaced, says nothing of the new one.
      if (!this.#other.isOpen) return false
      this.#other.rest(Infinity)
      this.#seenByOther = response.address
      return this.#mapping !== before
    }
    this.#first.rest(now + REFRESH)
    this.#prove(now, response.proof)
    const isSame = this.#seenByFirst !== undefined && isSameAddress(this.#seenByFirst, response.address)
    if (isSame) return false
    this.#seenByFirst = response.address
    this.#seenByOther = undefined
    this.#other?.rest(this.#isOwn ? Infinity : now)
    return true
  }

  /** Something fell silent: asks at once, but at most once a second. */
  check(now: Instant): void {
    this.#first.hurry(now)
    this.#across?.hurry(now)
  }

  /** @returns true when the observation changed: the server has just been given up. */
  handleTimeout(now: Instant): boolean {
    this.#across?.handleTimeout(now)
    // Silence of the other port says nothing of this machine's own network: it may be closed on the server's side.
    if (this.#other?.handleTimeout(now)) this.#askNext(now)
    if (!this.#first.handleTimeout(now)) return false
    this.#seenByFirst = undefined
    this.#seenByOther = undefined
    this.#other?.rest(Infinity)
    return true
  }

  pollTransmit(): Transmit | undefined {
    const due = [this.#first, this.#other, this.#across].find((inquiry) => inquiry?.takeDue() === true)
    return due && { to: due.to, payload: due === this.#first ? this.#request : this.#question }
  }

  pollTimeout(): Instant {
    return Math.min(this.#first.sendAt, this.#other?.sendAt ?? Infinity, this.#across?.sendAt ?? Infinity)
  }

  /** The one before does not answer: its port may be closed. The last one is asked on and on. */
  #askNext(at: Instant): void {
    const next = this.#probes.shift()
    if (next) this.#other = new Inquiry(next, at)
  }

  /** A proof that is new is said at once: until then the server passes on little. */
  #prove(now: Instant, proof: Uint8Array | undefined): void {
    if (!proof || Buffer.from(proof).equals(this.#proof)) return
    this.#proof = Uint8Array.from(proof)
    this.#request = encodeRequest(this.#options.token, this.#proof)
    this.#first.rest(now)
  }

  get #isOwn(): boolean {
    return this.#seenByFirst !== undefined && this.#options.isOwn?.(this.#seenByFirst) === true
  }

  get #mapping(): MappingBehaviour {
    if (this.#first.isGivenUp) return 'blocked'
    if (this.#seenByFirst === undefined) return 'unknown'
    if (this.#isOwn) return 'none'
    if (this.#seenByOther === undefined) return 'unknown'
    return isSameAddress(this.#seenByFirst, this.#seenByOther) ? 'endpoint-independent' : 'dependent'
  }
}

/** Requests to one port, again after growing waits until there is an answer. */
class Inquiry {
  readonly to: SocketAddress
  /** Infinity while there is nothing to ask. */
  sendAt: Instant
  #unanswered = 0
  #isDue = false
  #askedAt: Instant = -Infinity

  constructor(to: SocketAddress, sendAt: Instant) {
    this.to = to
    this.sendAt = sendAt
  }

  /** True while an answer is waited for. */
  get isOpen(): boolean {
    return this.#unanswered > 0
  }

  get isGivenUp(): boolean {
    return this.#unanswered > GIVE_UP_AFTER
  }

  /** Nothing is waited for; asks again at `sendAt`. */
  rest(sendAt: Instant): void {
    this.#unanswered = 0
    this.#isDue = false
    this.sendAt = sendAt
  }

  /** Asks at once, unless it did so within the last {@link CHECK}. */
  hurry(now: Instant): void {
    this.sendAt = Math.min(this.sendAt, Math.max(now, this.#askedAt + CHECK))
  }

  /** @returns true when it has just been given up; it goes on asking. */
  handleTimeout(now: Instant): boolean {
    if (now < this.sendAt) return false
    this.#isDue = true
    this.#askedAt = now
    this.#unanswered++
    this.sendAt = now + (RETRIES[this.#unanswered - 1] ?? this.#backoff)
    return this.#unanswered === GIVE_UP_AFTER + 1
  }

  /** Once given up. */
  get #backoff(): Duration {
    return Math.min(FIRST_BACKOFF * 2 ** (this.#unanswered - RETRIES.length - 1), REFRESH)
  }

  takeDue(): boolean {
    const isDue = this.#isDue
    this.#isDue = false
    return isDue
  }
}

/** Home routers forget a UDP mapping after 30 s of silence at the earliest. */
const REFRESH: Duration = seconds(25)
/** Waits for an answer: the requests go out at 0, 200, 500 and 1,000 ms, and at 1,500 ms the server is given up. */
const RETRIES: readonly Duration[] = [200, 300, 500, 500].map(millis)
/** Requests without an answer after which UDP to the server is taken to be blocked. */
const GIVE_UP_AFTER = RETRIES.length
/** The wait after that; it doubles, up to {@link REFRESH}. */
const FIRST_BACKOFF: Duration = seconds(1)
/** Between requests that somebody is in a hurry for. */
const CHECK: Duration = seconds(1)
