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
