import { createHash, randomBytes } from 'node:crypto'
import { isSignedBy, type DeviceKey } from '../crypto/device-key.ts'

/** What every sign-in says of the device that it comes from, as texts of the wire. */
export interface DeviceProof {
  /** Ed25519 public key, base64url. */
  readonly device: string
  /** Hex. */
  readonly instance: string
  /** Over the connection, the user and the instance; base64url. */
  readonly signature: string
}

/** Label and length (bytes) of the TLS exporter value (RFC 8446 section 7.5) that a device signs. */
export const EXPORTER = { label: 'EXPORTER-msg-sign-in', length: 32 } as const

/** A name for one run of a client, 16 bytes as hex: the first half, of the device's hash, keeps others from taking it. */
export const newInstance = (publicKey: Uint8Array): string =>
  deviceHalf(publicKey) + randomBytes(INSTANCE_LENGTH / 2).toString('hex')

/** @param exporter - {@link EXPORTER}.length bytes of the connection to sign in on. */
export function proveDevice(key: DeviceKey, exporter: Uint8Array, user: string, instance: string): DeviceProof {
  return {
    device: Buffer.from(key.publicKey).toString('base64url'),
    instance,
    signature: Buffer.from(key.sign(transcript(exporter, user, instance))).toString('base64url'),
  }
}

/** Whether the owner of that key signs in as `user` on the connection with that exporter value, with an instance of its own. */
export function isProven(proof: DeviceProof, exporter: Uint8Array, user: string): boolean {
  const publicKey = Buffer.from(proof.device, 'base64url')
  if (!proof.instance.startsWith(deviceHalf(publicKey))) return false
  return isSignedBy(publicKey, transcript(exporter, user, proof.instance), Buffer.from(proof.signature, 'base64url'))
}

/** Bound to one TLS connection, so that nobody can use it on another. */
const transcript = (exporter: Uint8Array, user: string, instance: string): Uint8Array =>
  Buffer.from(`msg sign-in 1\n${Buffer.from(exporter).toString('hex')}\n${user}\n${instance}`)

const deviceHalf = (publicKey: Uint8Array): string =>
  createHash('sha256').update(publicKey).digest('hex').slice(0, INSTANCE_LENGTH)

/** Bytes. */
const INSTANCE_LENGTH = 16
