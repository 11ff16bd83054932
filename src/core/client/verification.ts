import { fingerprintOf, type DeviceKey } from '../crypto/device-key.ts'
import { safetyNumber } from '../crypto/safety-number.ts'
import { MsgError } from '../errors.ts'
import { canonicalName, isSameName } from '../wire/names.ts'
import type { Account } from './account.ts'

/** One device of a peer, with the number that both people compare. */
export interface VerifiableDevice {
  /** `SHA256:` fingerprint. */
  readonly device: string
  /** 60 digits. */
  readonly number: string
  readonly verified: boolean
}

/**
 * Safety numbers of the devices that `user` is linked with.
 *
 * @param mark - a person compared them: remembered.
 * @throws MSG_ERR_SESSION_UNKNOWN when none is.
 */
export function verifyDevices(
  { state, links }: Pick<Account, 'state' | 'links'>,
  self: { readonly user: string; readonly key: DeviceKey },
  user: string,
  mark: boolean,
): VerifiableDevice[] {
  const linked = (links?.peers() ?? []).filter((peer) => isSameName(peer.user, user))
  if (linked.length === 0) throw new MsgError('MSG_ERR_SESSION_UNKNOWN', { detail: user })
  if (mark) for (const { device } of linked) state.read(() => state.devices.verify(device, Date.now()))
  return [...new Map(linked.map((peer) => [peer.deviceKey, peer])).values()].map(({ user: name, deviceKey }) => {
    const publicKey = Buffer.from(deviceKey, 'base64url')
    const known = state.read(() => state.devices.of(name))
    return {
      device: fingerprintOf(publicKey),
      number: safetyNumber(
        { user: canonicalName(self.user), publicKey: self.key.publicKey },
        { user: canonicalName(name), publicKey },
      ),
      verified: known.some((device) => device.key === deviceKey && device.isVerified),
    }
  })
}
