import type { MaybePathStatus, PeerStatus } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import { bytesText } from '../bytes.ts'
import type { Palette } from './palette.ts'
import { count, elapsed, milliseconds } from './time.ts'

/** `relayed for 3 min: a direct path is being looked for`; '' without an open link. @param now - milliseconds of the wall clock */
export function pathText({ path, since, explanation }: MaybePathStatus, palette: Palette, now = Date.now()): string {
  if (path === null) return ''
  const kind = path === 'relayed' ? palette.strong(path) : path
  // The peer's name is in it.
  return `${kind} for ${elapsed(since ?? '', now)}: ${visible(explanation ?? '')}`
}

/** `RTT 20.5 ms, 0.0 % lost`, and what went through the relay, if anything did. */
export function qualityText({ rttMs, loss, bytesRelayed }: MaybePathStatus): string {
  const rtt = rttMs === null ? 'RTT unknown' : `RTT ${milliseconds(rttMs)}`
  const relayed = bytesRelayed > 0 ? `, ${bytesText(bytesRelayed)} through the server` : ''
  return `${rtt}, ${(loss * 100).toFixed(1)} % lost${relayed}`
}

/** Everybody one is linked to, or tries to be, some lines each: a table of all of it is wider than terminals are. */
export function peerLines(peers: readonly PeerStatus[], palette: Palette): string[] {
  if (peers.length === 0) return ['Linked to nobody. `open <user>` or `enter <room>` makes links.']
  return peers.flatMap((peer) => {
    const device = `device ${visible(peer.device.slice(0, DEVICE_CHARS))}…${peer.verified ? palette.good(' verified') : ''}`
    const waiting = peer.queued > 0 ? `; ${count(peer.queued, 'message')} waiting` : ''
    return [
      `${palette.name(visible(peer.user))} ${peer.state === 'open' ? pathText(peer, palette) : NOT_OPEN[peer.state]}`,
      ...(peer.address === null ? [] : [`  ${qualityText(peer)}; ${visible(peer.address)}`]),
      palette.dim(`  ${device}${waiting}`),
    ]
  })
}

/** `Links: 2 lan, 1 relayed (bob).`; none where nobody is linked. */
export function linkSummary(peers: readonly PeerStatus[], palette: Palette): string[] {
  const open = peers.filter(({ state }) => state === 'open')
  if (open.length === 0) return []
  const parts = (['lan', 'direct', 'relayed'] as const).flatMap((kind) => {
    const those = open.filter(({ path }) => path === kind)
    if (those.length === 0) return []
    const who =
      kind === 'relayed' ? ` (${[...namesOf(those)].map((name) => palette.name(visible(name))).join(', ')})` : ''
    return [`${those.length} ${kind}${who}`]
  })
  return [`Links: ${parts.join(', ')}.`]
}

/** Users some of whose links go through the server. */
export function relayedUsers(peers: readonly PeerStatus[]): ReadonlySet<string> {
  return namesOf(peers.filter(({ state, path }) => state === 'open' && path === 'relayed'))
}

const namesOf = (peers: readonly PeerStatus[]): Set<string> => new Set(peers.map(({ user }) => user))

const NOT_OPEN = { connecting: 'is being linked to', closed: 'is not linked; tried again by itself' } as const
/** `SHA256:` and enough of a fingerprint to tell one's devices apart, characters. */
const DEVICE_CHARS = 15
