import { isLoopback, isPrivate, parseIp } from '../wire/address.ts'
import type { PathKind, SocketAddress } from './endpoint-api.ts'

/** True when both are the same host and port, by the same channel if by any, and from the same socket. */
export const isSameAddress = (a: SocketAddress, b: SocketAddress): boolean =>
  a.port === b.port && a.host === b.host && a.channel === b.channel && a.socket === b.socket

/** An address as a map key. */
export const addressKey = ({ host, port, channel = '', socket = 0 }: SocketAddress): string =>
  `${host} ${port} ${channel} ${socket}`

/** How good a path to an address is; the smaller, the better. */
export const Rank = { lan: 0, v6: 1, v4: 2, relay: 3 } as const
export type Rank = (typeof Rank)[keyof typeof Rank]

/** @param isNear - true for addresses on this machine or this network. */
export function rankOf(address: SocketAddress, isNear: (address: SocketAddress) => boolean): Rank {
  const { host, channel } = address
  if (channel !== undefined) return Rank.relay
  if (isLoopback(host) || isPrivate(host) || isNear(address)) return Rank.lan
  return parseIp(host)?.byteLength === 16 ? Rank.v6 : Rank.v4
}

/** What people are told of a path of that rank. */
export const pathKindOf = (rank: Rank): PathKind =>
  rank === Rank.relay ? 'relayed' : rank === Rank.lan ? 'lan' : 'direct'
