import type { RelayLimits } from '../control/relay-accounts.ts'
import type { DirectoryLimits } from '../control/state.ts'
import { MsgError } from '../errors.ts'
import { millis } from '../time/instant.ts'
import type { ServerLimits } from './api.ts'

/** What a server allows unless told otherwise; docs/LIMITS.md lists the same numbers. */
export const DEFAULT_LIMITS: ServerLimits = Object.freeze({
  connections: 10_000,
  unauthenticatedPerAddress: 64,
  signInTimeoutMs: 120_000,
  connectionsPerUser: 16,
  roomsPerUser: 64,
  membersPerRoom: 256,
  sessionsPerUser: 256,
  requestsPerSecond: 50,
  requestBurst: 200,
  ringMs: 60_000,
  vanishedMs: 86_400_000,
  relayChannelRate: 4_194_304,
  relayUserRate: 8_388_608,
  relayServerRate: 33_554_432,
  relayQuota: 68_719_476_736,
})

/**
 * The defaults with what was given in their place, frozen.
 *
 * @throws MSG_ERR_CONFIG_INVALID unless every number is finite and at least 1.
 */
export function resolveLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  const limits = { ...DEFAULT_LIMITS, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isFinite(value) && value >= 1))
      throw new MsgError('MSG_ERR_CONFIG_INVALID', { detail: `limits.${name} must be at least 1` })
  }
  return Object.freeze(limits)
}

/** The part of the limits that the directory enforces. */
export function directoryLimits({ ringMs, vanishedMs, ...limits }: ServerLimits): DirectoryLimits {
  return { ...limits, ring: millis(ringMs), vanished: millis(vanishedMs) }
}

/** The part of the limits that the relay enforces. */
export function relayLimits(limits: ServerLimits): RelayLimits {
  const { relayChannelRate, relayUserRate, relayServerRate, relayQuota } = limits
  return { channelRate: relayChannelRate, userRate: relayUserRate, serverRate: relayServerRate, quota: relayQuota }
}
