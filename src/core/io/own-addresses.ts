import { networkInterfaces } from 'node:os'
import { isLoopback, isPrivate, normalizeHost } from '../wire/address.ts'

/** Addresses of this machine that the whole world may use, in the system's order, at most four of each family. */
export function publicAddresses(interfaces: typeof networkInterfaces = networkInterfaces): {
  readonly v4: string[]
  readonly v6: string[]
} {
  const hosts = Object.values(interfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => normalizeHost(address))
    .filter((host) => !isPrivate(host) && !isLoopback(host))
  const of = (isV6: boolean): string[] => hosts.filter((host) => host.includes(':') === isV6).slice(0, MAX_HOSTS)
  return { v4: of(false), v6: of(true) }
}

const MAX_HOSTS = 4
