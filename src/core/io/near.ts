import { BlockList, isIPv4 } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { SocketAddress } from '../transport/endpoint-api.ts'

/** True when `host` is this machine or on one of its networks: nothing between but a wire or less. */
export function isNear({ host }: SocketAddress): boolean {
  const networks = new BlockList()
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, cidr, family } of addresses ?? []) {
      const prefix = Number(cidr?.split('/')[1] ?? NaN)
      if (Number.isInteger(prefix)) networks.addSubnet(address, prefix, family === 'IPv4' ? 'ipv4' : 'ipv6')
    }
  }
  return networks.check(host, isIPv4(host) ? 'ipv4' : 'ipv6')
}
