import { fingerprintOf } from '../crypto/device-key.ts'
import type { Link } from '../transport/endpoint-api.ts'
import { formatAddress } from '../wire/address.ts'
import type { LinkStatus } from './api.ts'

/** What an open link measures of itself, as the contract has it. @param peer.deviceKey - Ed25519, in base64url */
export function linkStatusOf(
  { user, deviceKey }: { readonly user: string; readonly deviceKey: string },
  link: Link,
): LinkStatus {
  const { path, remote, srtt, minRtt, deliveryRate, pacingRate, keyPhase, ...counts } = link.stats()
  return {
    user,
    device: fingerprintOf(Buffer.from(deviceKey, 'base64url')),
    path,
    address: formatAddress(remote),
    rttMs: srtt > 0 ? srtt / 1_000 : null,
    minRttMs: srtt > 0 ? minRtt / 1_000 : null,
    ...counts,
    deliveryBps: deliveryRate || null,
    pacingBps: pacingRate || null,
    keyUpdates: keyPhase,
  }
}
