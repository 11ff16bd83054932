import { canonicalName } from 'msg-cli/plugin'

/** The other client, as the link that a stream belongs to has proven it. */
export interface Peer {
  readonly user: string
  /** `SHA256:…` of the device's key. */
  readonly device: string
  /** Ed25519 public key, 32 bytes. */
  readonly deviceKey: Uint8Array
  /** True when this side's user has compared the safety number of this very key. */
  readonly verified: boolean
}

/** A name as the server compares names; what is no name stands for itself. */
export function canonical(name: string): string {
  try {
    return canonicalName(name)
  } catch {
    return name
  }
}

/** As the framework tells of who is at the other end of a stream. */
export function peerOf({
  user,
  device,
  deviceKey,
  verified,
}: Omit<Peer, 'deviceKey'> & { readonly deviceKey: string }): Peer {
  return { user, device, deviceKey: Buffer.from(deviceKey, 'base64url'), verified }
}
