import { NoiseInitiator, noiseResponder, type KeyPair, type Secrets } from '../../crypto/noise.ts'
import { MsgError } from '../../errors.ts'
import { millis, seconds, type Duration, type Instant } from '../../time/instant.ts'
import { normalizeHost } from '../../wire/address.ts'
import type { PeerIdentity, SocketAddress } from '../endpoint-api.ts'
import type { Transmit } from '../machine.ts'
import { COOKIE_LENGTH, encodeInitial, ID_LENGTH } from '../packet.ts'
import {
  decodeParameters,
  encodeParameters,
  LOCAL_PARAMETERS,
  type TransportParameters,
} from '../transport-parameters.ts'

/** Who this endpoint is. */
export interface LocalIdentity {
  readonly key: KeyPair
  /** 16 bytes in hex. */
  readonly instance: string
  /** What this side offers. @default {@link LOCAL_PARAMETERS} */
  readonly parameters?: TransportParameters
}

/** What a handshake ends with. */
export interface HandshakeResult {
  readonly secrets: Omit<Secrets, 'payload'>
  /** The peer's connection id, 8 bytes. */
  readonly remoteId: Uint8Array
  readonly remoteParameters: TransportParameters
  /** Round trip of the handshake, microseconds; `undefined` when it is not known which message was answered. */
  readonly rttSample: Duration | undefined
}

/** The initiator's side: asks every candidate until one answers. */
export class Dialing {
  readonly #noise: NoiseInitiator
  readonly #sourceId: Uint8Array
  readonly #receiverKey: Uint8Array
  readonly #candidates: readonly SocketAddress[]
  readonly #deadline: Instant
  #initial: Uint8Array
  #sendAt: Instant
  #interval: Duration = FIRST_INTERVAL
  /** When the only message so far went out. */
  #firstSentAt: Instant | undefined
  #toSend: SocketAddress[] = []
  /** Cookies that are answered before the candidates are asked again. */
  #cookiesLeft = 0

  /** @param ephemeralSecret - 32 random bytes. @param sourceId - this side's connection id. */
  constructor(
    now: Instant,
    local: LocalIdentity,
    peer: PeerIdentity,
    candidates: readonly SocketAddress[],
    sourceId: Uint8Array,
    ephemeralSecret: Uint8Array,
  ) {
    const hello = Buffer.concat([
      Buffer.from(local.instance, 'hex'),
      Buffer.from(peer.instance, 'hex'),
      sourceId,
      encodeParameters(local.parameters ?? LOCAL_PARAMETERS),
    ])
    this.#noise = new NoiseInitiator(local.key, peer.key, hello, ephemeralSecret, PROLOGUE)
    this.#sourceId = sourceId
    this.#receiverKey = peer.key
    this.#candidates = candidates
    this.#sendAt = now
    this.#deadline = now + HANDSHAKE_TIMEOUT
    this.#initial = this.#encode(new Uint8Array(COOKIE_LENGTH))
  }

  /** @returns the secrets when this is the peer's answer, else `undefined`, and nothing has changed. */
  handleResponse(now: Instant, noise: Uint8Array): HandshakeResult | undefined {
    const secrets = this.#noise.finish(noise)
    if (secrets === undefined || secrets.payload.byteLength < ID_LENGTH) return undefined
    const remoteId = Uint8Array.from(secrets.payload.subarray(0, ID_LENGTH))
    const remoteParameters = parametersOf(secrets.payload.subarray(ID_LENGTH))
    const rttSample = this.#firstSentAt === undefined ? undefined : now - this.#firstSentAt
    return remoteParameters && { secrets, remoteId, remoteParameters, rttSample }
  }

  /**
   * The responder is busy and wants proof of the address first.
   *
   * A cookie is not authentic, and what answers it is fifty times its size: only candidates get an answer, and only so often.
   */
  handleCookie(from: SocketAddress, cookie: Uint8Array): void {
    const host = normalizeHost(from.host)
    if (!this.#candidates.some((candidate) => candidate.port === from.port && normalizeHost(candidate.host) === host))
      return
    if (this.#cookiesLeft === 0) return
    this.#cookiesLeft--
    this.#initial = this.#encode(cookie)
    this.#firstSentAt = undefined
    this.#toSend.push(from)
  }

  /** @returns true when nobody answered in time. */
  handleTimeout(now: Instant): boolean {
    if (now >= this.#deadline) return true
    if (now < this.#sendAt) return false
    this.#toSend = [...this.#candidates]
    this.#cookiesLeft = this.#candidates.length
    this.#firstSentAt = this.#interval === FIRST_INTERVAL ? now : undefined
    this.#sendAt = now + this.#interval
    this.#interval = Math.min(this.#interval * 2, MAX_INTERVAL)
    return false
  }

  pollTransmit(): Transmit | undefined {
    const to = this.#toSend.shift()
    return to && { to, payload: this.#initial }
  }

  pollTimeout(): Instant {
    return Math.min(this.#sendAt, this.#deadline)
  }

  #encode(cookie: Uint8Array): Uint8Array {
    return encodeInitial({ sourceId: this.#sourceId, cookie, noise: this.#noise.message }, this.#receiverKey)
  }
}

/** A first message that was read: somebody who knows this endpoint's key, perhaps somebody expected. */
export interface Asking {
  readonly peer: PeerIdentity
  /** Whom they meant to reach: 16 bytes in hex. */
  readonly destination: string
  /** Their connection id, as sealed. */
  readonly sourceId: Uint8Array
  /** @param ownId - this side's connection id, 8 bytes. */
  answer(ownId: Uint8Array): { message: Uint8Array; result: HandshakeResult }
}

/**
 * The responder's side: reads a first message.
 *
 * @param ephemeralSecret - 32 random bytes.
 * @returns `undefined` when it is not authentic or not understood.
 */
export function readAsking(local: LocalIdentity, noise: Uint8Array, ephemeralSecret: Uint8Array): Asking | undefined {
  const responder = noiseResponder(local.key, noise, ephemeralSecret, PROLOGUE)
  if (responder === undefined || responder.payload.byteLength < 32 + ID_LENGTH) return undefined
  const { payload, remoteKey } = responder
  const sourceId = Uint8Array.from(payload.subarray(32, 32 + ID_LENGTH))
  const remoteParameters = parametersOf(payload.subarray(32 + ID_LENGTH))
  if (remoteParameters === undefined) return undefined
  return {
    peer: { instance: hex(payload.subarray(0, 16)), key: remoteKey },
    destination: hex(payload.subarray(16, 32)),
    sourceId,
    answer(ownId) {
      const { message, secrets } = responder.answer(
        Buffer.concat([ownId, encodeParameters(local.parameters ?? LOCAL_PARAMETERS)]),
      )
      return { message, result: { secrets, remoteId: sourceId, remoteParameters, rttSample: undefined } }
    },
  }
}

function parametersOf(bytes: Uint8Array): TransportParameters | undefined {
  try {
    return decodeParameters(bytes)
  } catch (error) {
    if (MsgError.is(error)) return undefined
    throw error
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Time in which somebody must answer, or a half-made link must be confirmed. */
export const HANDSHAKE_TIMEOUT: Duration = seconds(10)

/** Binds the handshake to this protocol and version. */
const PROLOGUE = Buffer.from('msg link 1')
/** Initials are small and rare: asking again soon costs little and hides a lost one. */
const FIRST_INTERVAL: Duration = millis(250)
const MAX_INTERVAL: Duration = millis(500)
