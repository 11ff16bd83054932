import { fingerprintOf } from '../crypto/device-key.ts'
import type { Link, LinkStats } from '../transport/endpoint-api.ts'
import type { MappingBehaviour } from '../transport/rendezvous-client.ts'
import { formatAddress } from '../wire/address.ts'
import type { LinkStatus, PathStatus } from './api.ts'
import { pathReason } from './path-reason.ts'

/** What is known of a link beside what it measures itself. */
export interface LinkContext {
  readonly user: string
  /** What stands before this machine, and before the other one. */
  readonly here: MappingBehaviour
  readonly there: MappingBehaviour
  /** When the link took this kind of path, milliseconds of the wall clock. */
  readonly since: number
}

/** Which way a link goes and why, as the contract has it. */
export function pathStatusOf(stats: LinkStats, { user, here, there, since }: LinkContext): PathStatus {
  const { path, remote, srtt, packetsSent, packetsLost, bytesRelayed } = stats
  return {
    path,
    ...pathReason({ stats, here, there, peer: user }),
    since: new Date(since).toISOString(),
    address: formatAddress(remote),
    rttMs: srtt > 0 ? srtt / 1_000 : null,
    loss: packetsSent > 0 ? packetsLost / packetsSent : 0,
    bytesRelayed,
  }
}

/** What an open link measures of itself, as the contract has it. @param deviceKey - Ed25519, in base64url */
export function linkStatusOf(link: Link, deviceKey: string, context: LinkContext): LinkStatus {
  const stats = link.stats()
  const { srtt, minRtt, deliveryRate, pacingRate, keyPhase } = stats
  return {
    user: context.user,
    device: fingerprintOf(Buffer.from(deviceKey, 'base64url')),
    ...pathStatusOf(stats, context),
    address: formatAddress(stats.remote),
    minRttMs: srtt > 0 ? minRtt / 1_000 : null,
    packetsSent: stats.packetsSent,
    packetsReceived: stats.packetsReceived,
    packetsLost: stats.packetsLost,
    packetsSpurious: stats.packetsSpurious,
    bytesSent: stats.bytesSent,
    bytesReceived: stats.bytesReceived,
    congestion: stats.congestion,
    cwnd: stats.cwnd,
    bytesInFlight: stats.bytesInFlight,
    datagramSize: stats.datagramSize,
    deliveryBps: deliveryRate || null,
    pacingBps: pacingRate || null,
    keyUpdates: keyPhase,
  }
}
