import sodium from 'sodium-native'
import { seconds, type Duration, type Instant } from '../time/instant.ts'
import type { SocketAddress } from './endpoint-api.ts'
import { COOKIE_LENGTH } from './packet.ts'
import { addressKey } from './socket-address.ts'

/** Makes and checks cookies: proof that somebody receives at the address they send from, without keeping state for them. */
export class CookieJar {
  readonly #random: (length: number) => Uint8Array
  #secret: Uint8Array
  #previous: Uint8Array
  #rotateAt: Instant

  /** @param random - returns that many random bytes. */
  constructor(now: Instant, random: (length: number) => Uint8Array) {
    this.#random = random
    this.#secret = random(32)
    this.#previous = this.#secret
    this.#rotateAt = now + ROTATION
  }

  cookieFor(now: Instant, from: SocketAddress, sourceId: Uint8Array): Uint8Array {
    this.#rotate(now)
    return cookie(this.#secret, from, sourceId)
  }

  isValid(now: Instant, from: SocketAddress, sourceId: Uint8Array, given: Uint8Array): boolean {
    this.#rotate(now)
    return [this.#secret, this.#previous].some((secret) => cookie(secret, from, sourceId).equals(given))
  }

  #rotate(now: Instant): void {
    if (now < this.#rotateAt) return
    // After a silence the secret is older than a cookie may be.
    this.#previous = now < this.#rotateAt + ROTATION ? this.#secret : this.#random(32)
    this.#secret = this.#random(32)
    this.#rotateAt = now + ROTATION
  }
}

function cookie(secret: Uint8Array, from: SocketAddress, sourceId: Uint8Array): Buffer {
  const out = Buffer.alloc(COOKIE_LENGTH)
  sodium.crypto_generichash(out, Buffer.concat([Buffer.from(addressKey(from)), sourceId]), secret)
  return out
}

/** Life of a secret; a cookie is good for one to two of them. */
const ROTATION: Duration = seconds(120)
