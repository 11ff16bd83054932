import { networkInterfaces } from 'node:os'
import type { SocketAddress } from '../transport/endpoint-api.ts'
import { isLoopback, normalizeHost } from '../wire/address.ts'

/** This machine's own addresses with the endpoint's port, for peers nearby: no loopback, no link-local; IPv4 first, at most 8. */
export function hostAddresses(port: number, interfaces = networkInterfaces()): SocketAddress[] {
  return Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !/^(fe[89ab][0-9a-f]:|169\.254\.)/i.test(address))
    .sort((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'))
    .slice(0, MAX_HOSTS)
    .map(({ address }) => ({ host: address, port }))
}

/** True when `host` is an address of this machine: whoever is seen at it has no NAT in front. */
export function isOwnHost(host: string, interfaces = networkInterfaces()): boolean {
  if (isLoopback(host)) return true
  return Object.values(interfaces).some((addresses) =>
    addresses?.some(({ address }) => normalizeHost(address) === host),
  )
}

/** As many as the control channel takes. */
const MAX_HOSTS = 8
