import { readFileSync } from 'node:fs'
import { formatIp } from '../wire/address.ts'

/** The IPv4 address of this machine's router; `undefined` where there is none, or where the system does not tell in a file (all but Linux). */
export function defaultGateway(
  read: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): string | undefined {
  try {
    return gatewayIn(read('/proc/net/route'))
  } catch {
    return undefined
  }
}

/** @param table - as Linux has it in /proc/net/route: hexadecimal, addresses in the machine's byte order, a heading first. */
function gatewayIn(table: string): string | undefined {
  const routes = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, gateway, flags]) => {
      const isUp = (Number.parseInt(flags ?? '0', 16) & UP_AND_GATEWAY) === UP_AND_GATEWAY
      return isUp && destination === '00000000' && gateway !== undefined
    })
    .sort((a, b) => Number(a[6] ?? 0) - Number(b[6] ?? 0))
  const gateway = routes[0]?.[2]
  if (gateway === undefined || !/^[0-9A-F]{8}$/i.test(gateway)) return undefined
  return formatIp(Uint8Array.from(Buffer.from(gateway, 'hex')).reverse())
}

/** RTF_UP and RTF_GATEWAY of linux/route.h. */
const UP_AND_GATEWAY = 0x3
