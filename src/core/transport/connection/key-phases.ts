import type { PacketKey } from '../../crypto/packet-keys.ts'
import type { Instant } from '../../time/instant.ts'

/**
 * The keys of a link through its updates. The link's initiator starts an update; the responder follows when it sees one.
 *
 * Each update replaces both directions' keys by their ratchet successors, mixed with a fresh Diffie-Hellman secret when the
 * two sides agreed on one. The packet's phase bit says which keys it is under (shape of RFC 9001 section 6).
 */
export class KeyPhases {
  readonly #isInitiator: boolean
  #send: PacketKey
  #receive: PacketKey
  #receiveNext: PacketKey | undefined
  #receivePrevious: PacketKey | undefined
  #previousUntil: Instant = 0
  #mix: Uint8Array | undefined
  #sendCount = 0
  #receiveCount = 0
  /** First packet number received in the current phase. */
  #receiveStart = 0

  constructor(isInitiator: boolean, send: PacketKey, receive: PacketKey) {
    this.#isInitiator = isInitiator
    this.#send = send
    this.#receive = receive
  }

  /** Updates of the sending key so far. */
  get count(): number {
    return this.#sendCount
  }

  /** True when the peer has followed the last update, so that another may start. */
  get isSettled(): boolean {
    return this.#sendCount === this.#receiveCount
  }

  /** Phase bit of packets sealed now. */
  get phase(): 0 | 1 {
    return (this.#sendCount & 1) as 0 | 1
  }

  seal(packetNumber: number, packet: Uint8Array, headerLength: number): void {
    this.#send.seal(packetNumber, packet, headerLength)
  }

  /**
   * @param previousUntil - when keys that this packet retires are erased.
   * @returns the plaintext, or `undefined` when the packet is not authentic.
   */
  open(
    now: Instant,
    packetNumber: number,
    phase: 0 | 1,
    packet: Uint8Array,
    headerLength: number,
    previousUntil: Instant,
  ): Uint8Array | undefined {
    this.#erasePrevious(now)
    if (phase === (this.#receiveCount & 1)) return this.#receive.open(packetNumber, packet, headerLength)
    if (packetNumber < this.#receiveStart) return this.#receivePrevious?.open(packetNumber, packet, headerLength)
    // The initiator alone starts updates: towards it a new phase is only believed after its own.
    if (this.#isInitiator && this.isSettled) return undefined
    this.#receiveNext ??= this.#receive.next(this.#mix)
    const plain = this.#receiveNext.open(packetNumber, packet, headerLength)
    if (plain) this.#follow(packetNumber, previousUntil)
    return plain
  }

  /** A fresh secret (32 bytes) goes into the next update; both sides have it from now on. */
  agree(mix: Uint8Array): void {
    this.#mix = mix
    this.#receiveNext = undefined
  }

  /** Initiator: packets from now on are under the next keys. Only when {@link KeyPhases.isSettled}. */
  update(): void {
    this.#receiveNext = this.#receive.next(this.#mix)
    this.#advanceSend()
    this.#mix = undefined
  }

  #follow(packetNumber: number, previousUntil: Instant): void {
    this.#receivePrevious?.erase()
    this.#receivePrevious = this.#receive
    this.#previousUntil = previousUntil
    this.#receive = this.#receiveNext!
    this.#receiveNext = undefined
    this.#receiveCount++
    this.#receiveStart = packetNumber
    if (this.#sendCount === this.#receiveCount) return
    this.#advanceSend()
    this.#mix = undefined
  }

  #advanceSend(): void {
    const next = this.#send.next(this.#mix)
    this.#send.erase()
    this.#send = next
    this.#sendCount++
  }

  #erasePrevious(now: Instant): void {
    if (this.#receivePrevious === undefined || now < this.#previousUntil) return
    this.#receivePrevious.erase()
    this.#receivePrevious = undefined
  }
}
