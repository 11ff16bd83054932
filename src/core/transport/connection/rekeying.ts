import { publicKeyOf, sharedSecret } from '../../crypto/noise.ts'
import { MsgError } from '../../errors.ts'
import { seconds, type Duration, type Instant } from '../../time/instant.ts'
import type { KeyPhases } from './key-phases.ts'

/**
 * When a link changes its keys. The initiator decides: after {@link MAX_PACKETS} packets by the ratchet alone, every
 * {@link DH_INTERVAL} with a fresh Diffie-Hellman secret, for which each side sends one REKEY frame.
 */
export class Rekeying {
  readonly #isInitiator: boolean
  readonly #keys: KeyPhases
  readonly #random: (length: number) => Uint8Array
  #dhAt: Instant
  #packets = 0
  #secret: Uint8Array | undefined
  #answered: Uint8Array | undefined
  /** Key updates when this side answered last. */
  #answeredAt = -1

  /** @param random - returns that many random bytes. */
  constructor(now: Instant, isInitiator: boolean, keys: KeyPhases, random: (length: number) => Uint8Array) {
    this.#isInitiator = isInitiator
    this.#keys = keys
    this.#random = random
    this.#dhAt = now + DH_INTERVAL
  }

  /** The public key of this side's REKEY frame, once there is one. */
  get publicKey(): Uint8Array | undefined {
    return this.#secret && publicKeyOf(this.#secret)
  }

  /** A packet was sent or received. @returns true when a REKEY frame should go out. */
  onPacket(now: Instant): boolean {
    this.#packets++
    if (!this.#isInitiator || !this.#keys.isSettled || this.#secret) return false
    if (now >= this.#dhAt) {
      this.#secret = this.#random(32)
      return true
    }
    if (this.#packets >= MAX_PACKETS) {
      this.#packets = 0
      this.#keys.update()
    }
    return false
  }

  /**
   * The peer's REKEY frame.
   *
   * @returns true when this side's own frame should go out in answer.
   * @throws MSG_ERR_PROTOCOL when the key is of no use, or another one came before the last was used.
   */
  handleRekey(now: Instant, publicKey: Uint8Array): boolean {
    if (this.#isInitiator) {
      if (this.#secret === undefined) return false
      const mix = agreed(this.#secret, publicKey)
      this.#secret = undefined
      this.#packets = 0
      this.#dhAt = now + DH_INTERVAL
      this.#keys.agree(mix)
      this.#keys.update()
      return false
    }
    if (this.#answered && Buffer.from(this.#answered).equals(publicKey)) return false
    // Each agreement costs public-key work: the peer gets one for every update, not one for every frame.
    if (this.#answeredAt === this.#keys.count)
      throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a second REKEY before the first was used' })
    const secret = this.#random(32)
    const mix = agreed(secret, publicKey)
    this.#answered = Uint8Array.from(publicKey)
    this.#answeredAt = this.#keys.count
    this.#secret = secret
    this.#keys.agree(mix)
    return true
  }
}

function agreed(secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const mix = sharedSecret(secret, publicKey)
  if (mix === undefined) throw new MsgError('MSG_ERR_PROTOCOL', { detail: 'a REKEY with a key of low order' })
  return mix
}

/** Packets in both directions under one key; far below what ChaCha20-Poly1305 allows. */
const MAX_PACKETS = 2 ** 20
/** A stolen session key is worth at most this much of the conversation. */
const DH_INTERVAL: Duration = seconds(15 * 60)
