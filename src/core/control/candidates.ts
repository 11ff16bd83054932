import { addressGroup, isLoopback, isPrivate, parseIp, type HostPort } from '../wire/address.ts'
import type { NotificationParams, Params } from './methods.ts'

/** An address where a peer may be reached, and what is known of it. */
export type ToldCandidate = NotificationParams<'peer.introduced'>['candidates'][number]

/** What the server knows of where a connection's UDP socket is. */
export interface Whereabouts {
  /** As the rendezvous port saw it; `undefined` when it was never seen. */
  readonly observed: HostPort | undefined
  /** Whether its address is not forged: only then does anything larger than a probe go there unasked. */
  readonly isProven: boolean
  /** The same by the other family than that of the control connection. */
  readonly observedAcross: HostPort | undefined
  /** The remote address of the control connection, which TCP attests; says nothing of any UDP port. */
  readonly address: string
  /** As the client itself says. */
  readonly hosts: readonly HostPort[]
  /** How the client says it is mapped. */
  readonly mapping: Params<'udp.hosts'>['mapping']
  /** The port that the client says its router opened. */
  readonly mapped: HostPort | undefined
}

/**
 * Where `from` may try to reach `to`, best guess first, without duplicates, at most {@link MAX_CANDIDATES}.
 *
 * The observed address, and that of the other family for who speaks it, unless only `to`'s own machine could use it, and another port of the same host that its router opened; and `to`'s
 * host addresses when both may be on one network: behind the same public address, or each seen at an address that is not public. Otherwise
 * nobody learns anybody's inner addresses.
 *
 * What a client claims is told only where it means nothing elsewhere, is attested, or is in the network of who would knock there: nobody is
 * made to knock at a stranger's address.
 */
export function candidates(from: Whereabouts, to: Whereabouts): ToldCandidate[] {
  const found: ToldCandidate[] = []
  const isNear = areNear(from, to)
  const { observed, isProven, mapping, mapped } = to
  if (observed && (!isLoopback(observed.host) || isLoopback(seenAt(from)))) {
    const isOpen = mapping === 'none' && isProven && (isNear || !isInner(observed.host))
    found.push({ ...observed, kind: isOpen ? 'open' : 'observed' })
    if (mapped?.host === observed.host) found.push({ ...mapped, kind: 'mapped' })
  }
  const { observedAcross: across } = to
  if (across && !isInner(across.host) && speaks(from, across.host)) found.push({ ...across, kind: 'observed' })
  if (isNear) {
    for (const host of to.hosts) {
      if (isBelievable(host.host, from, to) && isUsable(host.host, from, to)) found.push({ ...host, kind: 'host' })
    }
  }
  const seen = new Set<string>()
  return found.filter(({ host, port }) => seen.size < seen.add(`${host} ${port}`).size).slice(0, MAX_CANDIDATES)
}

/** Whether a side was seen by the family of `host`. */
function speaks({ observed, observedAcross }: Whereabouts, host: string): boolean {
  const family = parseIp(host)?.byteLength
  return [observed, observedAcross].some((seen) => seen && parseIp(seen.host)?.byteLength === family)
}

/** A side whose datagrams never came, or may be forged, is where its control connection comes from. */
function seenAt({ observed, isProven, address }: Whereabouts): string {
  return observed && isProven ? observed.host : address
}

function areNear(from: Whereabouts, to: Whereabouts): boolean {
  const [a, b] = [seenAt(from), seenAt(to)]
  return parseIp(a) !== undefined && (a === b || (isInner(a) && isInner(b)))
}

function isBelievable(host: string, from: Whereabouts, to: Whereabouts): boolean {
  if (isInner(host) || host === seenAt(to)) return true
  if (parseIp(host)?.byteLength !== 16) return false
  const network = addressGroup(host)
  return [seenAt(from), ...from.hosts.map((own) => own.host)].some((own) => addressGroup(own) === network)
}

/** Loopback addresses mean something only where the server, too, sees both there. */
function isUsable(host: string, from: Whereabouts, to: Whereabouts): boolean {
  return !isLoopback(host) || (isLoopback(seenAt(from)) && isLoopback(seenAt(to)))
}

function isInner(host: string): boolean {
  return isPrivate(host) || isLoopback(host)
}

/** As many as `peer.introduced` carries. */
const MAX_CANDIDATES = 8
