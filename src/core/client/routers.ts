import type { Candidate } from '../transport/endpoint-api.ts'
import type { MappingBehaviour } from '../transport/rendezvous-client.ts'
import { parseIp } from '../wire/address.ts'

/**
 * The candidates of a peer that may be reached at all: where both routers give every destination another port, what the server sees of either is
 * of no use to the other. IPv6 has no ports to give.
 */
export function worthTrying(
  candidates: readonly Candidate[],
  here: MappingBehaviour,
  there: MappingBehaviour,
): readonly Candidate[] {
  if (here !== 'dependent' || there !== 'dependent') return candidates
  return candidates.filter(({ kind, host }) => kind !== 'observed' || parseIp(host)?.byteLength === 16)
}

/** Which side of a birthday probe this is; `undefined` where none helps. */
export function guessingSide(here: MappingBehaviour, there: MappingBehaviour): 'sockets' | 'ports' | undefined {
  if (here === 'dependent' && there === 'endpoint-independent') return 'sockets'
  return here === 'endpoint-independent' && there === 'dependent' ? 'ports' : undefined
}
