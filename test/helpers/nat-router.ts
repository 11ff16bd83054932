import type { Home } from './nat-lab.ts'

/**
 * What a router of the laboratory does to UDP over IPv4, in the words of RFC 4787 and, in brackets, of RFC 3489:
 *
 * | kind | mapping | filtering |
 * |---|---|---|
 * | open | none: addresses inside are public | none |
 * | port-restricted | endpoint-independent while no two flows want the same port | address and port-dependent |
 * | symmetric | address and port-dependent, random ports | address and port-dependent |
 * | udp-blocked | as port-restricted for TCP; no UDP passes, either way; neighbours reach each other | |
 */
export type RouterKind = 'open' | 'port-restricted' | 'symmetric' | 'udp-blocked'

/** The rules of that router, for `nft -f`, in place of those it had. */
export function rulesOf({ router, dropsNew = true }: Home): string {
  const lines = [
    'add table inet filter',
    'flush table inet filter',
    'add chain inet filter input { type filter hook input priority filter; }',
    'add chain inet filter forward { type filter hook forward priority filter; }',
    'add table ip nat',
    'flush table ip nat',
    'add chain ip nat postrouting { type nat hook postrouting priority srcnat; }',
  ]
  if (router !== 'open') lines.push('add rule inet filter forward iifname "wan" ct state new drop')
  // Neighbours must be found: IPv6 asks for them with ICMP, which is new each time.
  if (dropsNew) lines.push('add rule inet filter input iifname "wan" meta l4proto != ipv6-icmp ct state new drop')
  // Neighbours' datagrams may come past here, too, where the kernel shows its filter what a bridge carries.
  if (router === 'udp-blocked')
    for (const way of ['iifname', 'oifname'])
      lines.push(`add rule inet filter forward ${way} "wan" meta l4proto udp drop`)
  if (router !== 'open') lines.push(`add rule ip nat postrouting oifname "wan" masquerade ${MASQUERADE[router]}`)
  return lines.join('\n')
}

/** Ports as they were if they can be, or any. */
const MASQUERADE = { 'port-restricted': '', 'udp-blocked': '', symmetric: 'random,fully-random' } as const

/** How long the kernel keeps a mapping without an answer, and one in use. */
export const MEASURES = ['nf_conntrack_udp_timeout', 'nf_conntrack_udp_timeout_stream'] as const
