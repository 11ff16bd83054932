import { createHash } from 'node:crypto'

/** One side of a comparison: the account's canonical name and its device's Ed25519 key. */
export interface SafetyParty {
  readonly user: string
  readonly publicKey: Uint8Array
}

/**
 * 60 digits that two people compare aloud: equal on both sides exactly when each sees the other's true device key.
 *
 * Thirty digits a party, the smaller half first, so both see the same number. Shape after Signal's numeric fingerprint
 * (iterated SHA-512, five digits from each five bytes); msg's own version byte and domain.
 */
export function safetyNumber(a: SafetyParty, b: SafetyParty): string {
  return [half(a), half(b)].sort().join('')
}

function half({ user, publicKey }: SafetyParty): string {
  const name = new TextEncoder().encode(user)
  let hash: Uint8Array = Buffer.concat([VERSION, publicKey, name])
  for (let i = 0; i < ITERATIONS; i++) hash = createHash('sha512').update(hash).update(publicKey).digest()
  let digits = ''
  for (let offset = 0; offset < 30; offset += 5) {
    digits += (Buffer.from(hash).readUIntBE(offset, 5) % 100_000).toString().padStart(5, '0')
  }
  return digits
}

/** Slows the search for a key with a look-alike number; as many as Signal uses. */
const ITERATIONS = 5_200
const VERSION = new TextEncoder().encode('msg safety 1')
