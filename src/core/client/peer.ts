/** One other connection that the server introduced. */
export interface Peer {
  readonly instance: string
  readonly user: string
  /** The device's Ed25519 public key in base64url. */
  readonly deviceKey: string
  /** Its number in the profile. */
  readonly device: number
  /** Another connection of this client's own user. */
  readonly isOwn: boolean
}
