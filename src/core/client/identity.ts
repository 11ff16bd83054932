import type { DeviceKey } from '../crypto/device-key.ts'

/** Who is signed in. */
export interface Identity {
  readonly user: string
  readonly virtualAddress: string
  readonly key: DeviceKey
  /** This run of this client, as the server and its peers name it. */
  readonly instance: string
}
