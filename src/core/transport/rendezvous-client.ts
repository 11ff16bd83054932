import { millis, seconds, type Duration, type Instant } from '../time/instant.ts'
import { decodeResponse, encodeRequest } from '../wire/rendezvous.ts'
import type { SocketAddress } from './endpoint-api.ts'
import type { Transmit } from './machine.ts'

/** Keeps the server told of this socket's address, and learns what the server sees it as. */
export class RendezvousClient {
  readonly #server: SocketAddress
  readonly #token: Uint8Array
  readonly #request: Uint8Array
  #sendAt: Instant
  #unanswered = 0
  #isDue = false
  #observed: SocketAddress | undefined

  /** @param token - 16 bytes, from sign-in. */
  constructor(now: Instant, server: SocketAddress, token: Uint8Array) {
    this.#server = server
    this.#token = token
    this.#request = encodeRequest(token)
    this.#sendAt = now
  }

  /** What the server saw last; `undefined` before its first answer and after it fell silent. */
  get observed(): SocketAddress | undefined {
    return this.#observed
  }

  /** @returns true when the observed address changed. */
  handleResponse(now: Instant, payload: Uint8Array): boolean {
    const response = decodeResponse(payload)
    if (response === undefined || !Buffer.from(response.token).equals(this.#token)) return false
    this.#unanswered = 0
    this.#sendAt = now + REFRESH
    const isSame = this.#observed?.host === response.address.host && this.#observed.port === response.address.port
    this.#observed = response.address
    return !isSame
  }

  /** @returns true when the server has just been given up. */
  handleTimeout(now: Instant): boolean {
    if (now < this.#sendAt) return false
    this.#isDue = true
    this.#unanswered++
    this.#sendAt = now + Math.min(RETRY * 2 ** (this.#unanswered - 1), REFRESH)
    if (this.#unanswered !== GIVE_UP_AFTER + 1) return false
    this.#observed = undefined
    return true
  }

  pollTransmit(): Transmit | undefined {
    if (!this.#isDue) return undefined
    this.#isDue = false
    return { to: this.#server, payload: this.#request }
  }

  pollTimeout(): Instant {
    return this.#sendAt
  }
}

/** Home routers forget a UDP mapping after 30 s of silence at the earliest. */
const REFRESH: Duration = seconds(25)
/** First wait for an answer; it doubles. */
const RETRY: Duration = millis(250)
/** Requests without an answer after which UDP to the server is taken to be blocked: about four seconds. */
const GIVE_UP_AFTER = 4
