import type { LinkStats } from '../transport/endpoint-api.ts'
import type { MappingBehaviour } from '../transport/rendezvous-client.ts'
import { isLoopback } from '../wire/address.ts'

/** Why a link takes the path it takes; a code of the JSON contract. What each means to people: {@link pathReason}. */
export type PathReason =
  | 'same-machine'
  | 'same-network'
  | 'ipv6'
  | 'no-router'
  | 'router-passed'
  | 'udp-blocked-here'
  | 'udp-blocked-there'
  | 'searching'
  | 'dependent-both'
  | 'dependent-here'
  | 'dependent-there'
  | 'direct-silent'
  | 'not-found'

/** What a path is explained by. */
export interface PathCircumstances {
  readonly stats: Pick<LinkStats, 'path' | 'remote' | 'cause' | 'isSearching'>
  /** What stands before this machine, and before the other one: `unknown` where nobody said. */
  readonly here: MappingBehaviour
  readonly there: MappingBehaviour
  /** The other one's name. */
  readonly peer: string
}

/** Why a link takes its path. @returns the code, and a clause for people without a capital or a full stop. */
export function pathReason(circumstances: PathCircumstances): {
  readonly why: PathReason
  readonly explanation: string
} {
  const why = codeOf(circumstances)
  return { why, explanation: CLAUSES[why](circumstances) }
}

function codeOf({ stats: { path, remote, cause, isSearching }, here, there }: PathCircumstances): PathReason {
  if (path === 'lan') return isLoopback(remote.host) ? 'same-machine' : 'same-network'
  if (path === 'direct') {
    if (here === 'none' && there === 'none') return 'no-router'
    return remote.host.includes(':') ? 'ipv6' : 'router-passed'
  }
  if (here === 'blocked') return 'udp-blocked-here'
  if (there === 'blocked') return 'udp-blocked-there'
  // A search that follows a loss is told as the loss: it says more.
  if (isSearching) return cause === 'silent' ? 'direct-silent' : 'searching'
  if (here === 'dependent' && there === 'dependent') return 'dependent-both'
  if (cause === 'silent') return 'direct-silent'
  if (here === 'dependent') return 'dependent-here'
  if (there === 'dependent') return 'dependent-there'
  return 'not-found'
}

function passed({ here, there, peer }: PathCircumstances): string {
  if (here === 'none') return `${possessive(peer)} router lets it through`
  if (there === 'none') return 'your router lets it through'
  return 'both routers let it through'
}

const possessive = (name: string): string => `${name}'s`
const AGAIN = 'tried again every minute'

const CLAUSES: Readonly<Record<PathReason, (circumstances: PathCircumstances) => string>> = {
  'same-machine': () => 'same machine',
  'same-network': () => 'same network',
  ipv6: () => 'over IPv6, where routers change no addresses',
  'no-router': () => 'no router in the way',
  'router-passed': passed,
  'udp-blocked-here': () => 'UDP is blocked here, so it goes over TLS',
  'udp-blocked-there': ({ peer }) => `UDP is blocked at ${possessive(peer)}, so it goes over TLS there`,
  searching: () => 'a direct path is being looked for',
  'dependent-both': () => 'both routers give every destination another port',
  'dependent-here': ({ peer }) =>
    `your router gives every destination another port, and no way through ${possessive(peer)} was found; ${AGAIN}`,
  'dependent-there': ({ peer }) =>
    `${possessive(peer)} router gives every destination another port, and no way through yours was found; ${AGAIN}`,
  'direct-silent': ({ stats }) =>
    `the direct path fell silent; ${stats.isSearching ? 'another is being looked for' : AGAIN}`,
  'not-found': () => `no direct path was found; ${AGAIN}`,
}
