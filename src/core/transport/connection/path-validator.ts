import type { Duration, Instant } from '../../time/instant.ts'
import type { SocketAddress } from '../endpoint-api.ts'

/** A PATH_CHALLENGE or PATH_RESPONSE to send, and where to. */
export interface PathFrame {
  readonly kind: 'challenge' | 'response'
  readonly to: SocketAddress
  /** 8 bytes. */
  readonly token: Uint8Array
}

/**
 * Follows a peer whose address changes: a NAT forgot a mapping, or a machine moved. RFC 9000 section 9
 *
 * Only the newest authentic packet moves anything, and only once the new address has answered a challenge: what goes to an address that
 * was not proven is a few small packets.
 */
export class PathValidator {
  readonly #random: (length: number) => Uint8Array
  readonly #due: PathFrame[] = []
  #pending: { address: SocketAddress; token: Uint8Array; sendAt: Instant; left: number } | undefined

  /** @param random - returns that many random bytes. */
  constructor(random: (length: number) => Uint8Array) {
    this.#random = random
  }

  /** The newest packet came from `address`, which is not where the peer was. */
  onMoved(now: Instant, address: SocketAddress): void {
    if (this.#pending && isSameAddress(this.#pending.address, address)) return
    this.#pending = { address, token: this.#random(8), sendAt: now, left: MAX_CHALLENGES }
  }

  /** The peer asks whether somebody is here: the answer goes where the question came from. */
  handleChallenge(from: SocketAddress, token: Uint8Array): void {
    if (this.#due.length < MAX_RESPONSES) this.#due.push({ kind: 'response', to: from, token: Uint8Array.from(token) })
  }

  /** @returns the address that has just been proven, or `undefined`. */
  handleResponse(token: Uint8Array): SocketAddress | undefined {
    if (!this.#pending || !Buffer.from(this.#pending.token).equals(token)) return undefined
    const { address } = this.#pending
    this.#pending = undefined
    return address
  }

  /** @param interval - time between challenges, microseconds: the probe timeout. */
  pollFrame(now: Instant, interval: Duration): PathFrame | undefined {
    const due = this.#due.shift()
    if (due) return due
    const pending = this.#pending
    if (!pending || now < pending.sendAt) return undefined
    if (pending.left === 0) {
      this.#pending = undefined
      return undefined
    }
    pending.left--
    pending.sendAt = now + interval
    return { kind: 'challenge', to: pending.address, token: pending.token }
  }

  pollTimeout(): Instant | undefined {
    return this.#pending?.sendAt
  }
}

/** True when both are the same host and port. */
export const isSameAddress = (a: SocketAddress, b: SocketAddress): boolean => a.port === b.port && a.host === b.host

/** Challenges before a new address is given up. */
const MAX_CHALLENGES = 4
/** Answers that wait to be sent. */
const MAX_RESPONSES = 4
