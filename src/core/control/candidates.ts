import { isLoopback, isPrivate, parseIp, type HostPort } from '../wire/address.ts'

/** What the server knows of where a connection's UDP socket is. */
export interface Whereabouts {
  /** As the rendezvous port saw it; `undefined` when it was never seen. */
  readonly observed: HostPort | undefined
  /** As the client itself says. */
  readonly hosts: readonly HostPort[]
}

/**
 * Where `from` may try to reach `to`, best guess first, without duplicates, at most {@link MAX_CANDIDATES}.
 *
 * The observed address, unless only `to`'s own machine could use it; and `to`'s host addresses when both may be on one network:
 * behind the same public address, or each seen at an address that is not public. Otherwise nobody learns anybody's inner addresses.
 */
export function candidates(from: Whereabouts, to: Whereabouts): HostPort[] {
  const found: HostPort[] = []
  const { observed } = to
  const isLocalOnly =
    observed !== undefined &&
    isLoopback(observed.host) &&
    from.observed !== undefined &&
    !isLoopback(from.observed.host)
  if (observed && !isLocalOnly) found.push(observed)
  if (areNear(from, to)) found.push(...to.hosts.filter(({ host }) => isBelievable(host, to) && isUsable(host, from)))
  const seen = new Set<string>()
  return found.filter(({ host, port }) => seen.size < seen.add(`${host} ${port}`).size).slice(0, MAX_CANDIDATES)
}

/** Without an observed address on both sides there is nothing to compare: then hosts are all there is. */
function areNear({ observed: a }: Whereabouts, { observed: b }: Whereabouts): boolean {
  if (!a || !b) return true
  return a.host === b.host || (isInner(a.host) && isInner(b.host))
}

/** A client may only claim addresses that mean nothing elsewhere, or IPv6 ones: nobody is made to knock at a stranger's IPv4 address. */
function isBelievable(host: string, { observed }: Whereabouts): boolean {
  return isInner(host) || host === observed?.host || parseIp(host)?.byteLength === 16
}

/** A client's loopback addresses mean something only to a client that the server, too, sees on loopback. */
function isUsable(host: string, from: Whereabouts): boolean {
  return !isLoopback(host) || (from.observed !== undefined && isLoopback(from.observed.host))
}

function isInner(host: string): boolean {
  return isPrivate(host) || isLoopback(host)
}

/** As many as `peer.introduced` carries. */
const MAX_CANDIDATES = 8
