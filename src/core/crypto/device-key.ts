import { createHash } from 'node:crypto'
import sodium from 'sodium-native'

/** A device's identity: one Ed25519 key that signs in, and the X25519 key derived from it that opens links. */
export interface DeviceKey {
  /** The 32 secret bytes everything else is derived from; kept in the profile, never sent. */
  readonly seed: Uint8Array
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** X25519 key pair for the Noise handshake. */
  readonly noise: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }
  /** Ed25519 signature, 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

/** @param seed - 32 random bytes. */
export function deviceKey(seed: Uint8Array): DeviceKey {
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, seed)
  const noise = { publicKey: Buffer.alloc(32), secretKey: Buffer.alloc(32) }
  sodium.crypto_sign_ed25519_sk_to_curve25519(noise.secretKey, secretKey)
  sodium.crypto_scalarmult_base(noise.publicKey, noise.secretKey)
  return {
    seed,
    publicKey,
    noise,
    sign(message) {
      const signature = new Uint8Array(64)
      sodium.crypto_sign_detached(signature, message, secretKey)
      return signature
    },
  }
}

/** True when `signature` over `message` is by `publicKey` (Ed25519, 32 bytes). Wrong lengths are false, never a throw. */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.byteLength !== 32 || signature.byteLength !== 64) return false
  return sodium.crypto_sign_verify_detached(signature, message, publicKey)
}

/**
 * The X25519 key that belongs to a device's Ed25519 key.
 *
 * @returns `undefined` when the 32 bytes are not a usable public key.
 */
export function noiseKeyOf(publicKey: Uint8Array): Uint8Array | undefined {
  const key = Buffer.alloc(32)
  try {
    sodium.crypto_sign_ed25519_pk_to_curve25519(key, publicKey)
    return key
  } catch {
    return undefined
  }
}

/** `SHA256:` and unpadded base64 of the key's SHA-256, as ssh prints them. */
export function fingerprintOf(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}
