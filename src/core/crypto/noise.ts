import NoiseState from 'noise-handshake'
import sodium from 'sodium-native'
import { PacketKey } from './packet-keys.ts'

/** An X25519 key pair, 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array
  readonly secretKey: Uint8Array
}

/** What a finished handshake gives each side. */
export interface Secrets {
  readonly send: PacketKey
  readonly receive: PacketKey
  /** The peer's payload, authenticated. */
  readonly payload: Uint8Array
}

/**
 * The initiator's half of Noise_IK_25519_ChaChaPoly_BLAKE2b (Noise revision 34, section 7.5): both statics known, one round trip.
 *
 * The first message is made once and may be sent often. A forged answer leaves no trace: every answer is tried on a fresh copy.
 */
export class NoiseInitiator {
  /** The first message: 96 bytes more than its payload. */
  readonly message: Uint8Array
  readonly #begin: () => NoiseState
  readonly #payload: Uint8Array

  /** @param ephemeralSecret - 32 random bytes, never used again. */
  constructor(
    local: KeyPair,
    remoteKey: Uint8Array,
    payload: Uint8Array,
    ephemeralSecret: Uint8Array,
    prologue: Uint8Array,
  ) {
    this.#begin = () => begin(true, local, ephemeralSecret, prologue, remoteKey)
    this.#payload = Buffer.from(payload)
    this.message = this.#begin().send(this.#payload)
  }

  /** @returns the secrets, or `undefined` when `answer` is not the peer's answer to this handshake. */
  finish(answer: Uint8Array): Secrets | undefined {
    try {
      const state = this.#begin()
      state.send(this.#payload)
      const payload = state.recv(Buffer.from(answer))
      return { send: new PacketKey(state.tx), receive: new PacketKey(state.rx), payload }
    } catch {
      return undefined
    }
  }
}

/** What the responder learns from a first message, before it answers. */
export interface NoiseResponder {
  /** The initiator's static key, proven to be theirs only once they use the secrets. */
  readonly remoteKey: Uint8Array
  readonly payload: Uint8Array
  /** Makes the second message: 48 bytes more than its payload. Call once. */
  answer(payload: Uint8Array): { message: Uint8Array; secrets: Omit<Secrets, 'payload'> }
}

/**
 * Reads a first message.
 *
 * @param ephemeralSecret - 32 random bytes, never used again.
 * @returns `undefined` when it is not addressed to `local` or not authentic.
 */
export function noiseResponder(
  local: KeyPair,
  message: Uint8Array,
  ephemeralSecret: Uint8Array,
  prologue: Uint8Array,
): NoiseResponder | undefined {
  const state = begin(false, local, ephemeralSecret, prologue)
  try {
    const payload = state.recv(Buffer.from(message))
    const remoteKey = Uint8Array.from(state.rs!)
    return {
      remoteKey,
      payload,
      answer(own) {
        const answer = state.send(Buffer.from(own))
        return { message: answer, secrets: { send: new PacketKey(state.tx), receive: new PacketKey(state.rx) } }
      },
    }
  } catch {
    return undefined
  }
}

/** X25519 (RFC 7748): the public key of 32 secret bytes. */
export function publicKeyOf(secretKey: Uint8Array): Uint8Array {
  const publicKey = Buffer.alloc(32)
  sodium.crypto_scalarmult_base(publicKey, secretKey)
  return publicKey
}

/** X25519 shared secret, 32 bytes; `undefined` for a public key of low order. */
export function sharedSecret(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  const shared = Buffer.alloc(32)
  try {
    sodium.crypto_scalarmult(shared, secretKey, publicKey)
    return shared
  } catch {
    return undefined
  }
}

/** Bytes that the first and second message add to their payloads. */
export const NOISE_OVERHEAD = { first: 96, second: 48 } as const

function begin(
  initiator: boolean,
  local: KeyPair,
  ephemeralSecret: Uint8Array,
  prologue: Uint8Array,
  remoteKey?: Uint8Array,
): NoiseState {
  const state = new NoiseState('IK', initiator, {
    publicKey: Buffer.from(local.publicKey),
    secretKey: Buffer.from(local.secretKey),
  })
  // The library erases the ephemeral when it is done, so it gets copies.
  state.e = { publicKey: Buffer.from(publicKeyOf(ephemeralSecret)), secretKey: Buffer.from(ephemeralSecret) }
  state.initialise(Buffer.from(prologue), remoteKey && Buffer.from(remoteKey))
  return state
}
