import { proveDevice } from '../control/device-proof.ts'
import type { Result } from '../control/methods.ts'
import type { DeviceKey } from '../crypto/device-key.ts'
import type { Uplink } from './uplink.ts'

/** What the server answers to every way of signing in. */
export type SignedIn = Result<'login'>

/** Who signs in, and how. */
export interface Credentials {
  readonly user: string
  readonly key: DeviceKey
  readonly instance: string
  readonly listening: boolean
  /** Stays invisible from the first moment. */
  readonly isInvisible?: boolean
  /** Absent: the device key signs in. */
  readonly password?: string | undefined
  /** Makes the account; needs a password. */
  readonly isNew?: boolean
}

/** Signs in on the uplink's present connection. @throws what the server answers. */
export async function signIn(uplink: Uplink, credentials: Credentials): Promise<SignedIn> {
  const { user, key, instance, listening, password, isNew = false, isInvisible = false } = credentials
  const params = {
    user,
    ...proveDevice(key, uplink.exporter(), user, instance),
    listening,
    ...(isInvisible ? { status: 'inactive' as const } : {}),
  }
  if (password === undefined) return uplink.request('login.device', params)
  return uplink.request(isNew ? 'register' : 'login', { ...params, password })
}
