import type { LinkStatus, NetworkStatus, SocketStatus } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import type { Palette } from './palette.ts'
import { bytesText } from '../bytes.ts'
import { pathText } from './paths.ts'
import { count, milliseconds } from './time.ts'

/** Open links with what they measure, some lines each: a table of all of it is wider than terminals are. */
export function linkLines(links: readonly LinkStatus[], palette: Palette): string[] {
  if (links.length === 0) return ['No link is open. `open <user>` or `enter <room>` makes links.']
  return links.flatMap((link) => [
    `${palette.name(visible(link.user))} ${pathText(link, palette)}; ${visible(link.address)}`,
    `  RTT ${rtt(link.rttMs)}, smallest ${rtt(link.minRttMs)}; ${lossText(link)}`,
    `  ${bytesText(link.bytesSent)} sent, ${bytesText(link.bytesReceived)} received${relayedText(link)}; ${ratesText(link)}`,
    `  window ${bytesText(link.cwnd)} by ${link.congestion}, ${bytesText(link.bytesInFlight)} in flight; datagrams of ${link.datagramSize} bytes; ${count(link.keyUpdates, 'key update')}`,
  ])
}

/** What stands between this machine and the server, in plain words. */
export function networkLine({ mapping, address }: NetworkStatus, palette: Palette): string {
  const seen = address === null ? '' : ` (seen at ${address})`
  return palette.dim(`Network: ${MAPPINGS[mapping]}${seen}.`)
}

/** What the socket may hold, and what to do about it. */
export function socketLines({ receiveBuffer, sendBuffer, hint }: SocketStatus, palette: Palette): string[] {
  return [
    palette.dim(`Socket buffers: ${bytesText(receiveBuffer)} to receive, ${bytesText(sendBuffer)} to send.`),
    ...(hint === null ? [] : [`${palette.bad('Note:')} ${hint}.`]),
  ]
}

const rtt = (ms: number | null): string => (ms === null ? 'unknown' : milliseconds(ms))

function lossText({ packetsSent, packetsLost, packetsSpurious }: LinkStatus): string {
  const share = packetsSent > 0 ? (packetsLost / packetsSent) * 100 : 0
  const late = packetsSpurious > 0 ? ` (${packetsSpurious.toLocaleString('en')} arrived after all)` : ''
  return `${share.toFixed(1)} % of ${count(packetsSent, 'packet')} lost${late}`
}

function relayedText({ bytesRelayed }: LinkStatus): string {
  return bytesRelayed > 0 ? `, ${bytesText(bytesRelayed)} of it through the server` : ''
}

function ratesText({ deliveryBps, pacingBps }: LinkStatus): string {
  const pacing = pacingBps === null ? 'unpaced' : `paced at ${bitRate(pacingBps)}`
  return deliveryBps === null ? pacing : `path seen to carry ${bitRate(deliveryBps)}, ${pacing}`
}

/** `512 bit/s`, `1.5 Mbit/s`. */
function bitRate(value: number): string {
  let amount = value
  for (const unit of ['bit/s', 'kbit/s', 'Mbit/s']) {
    if (amount < 1000) return `${amount >= 10 || unit === 'bit/s' ? amount.toFixed(0) : amount.toFixed(1)} ${unit}`
    amount /= 1000
  }
  return `${amount.toFixed(1)} Gbit/s`
}

const MAPPINGS: Readonly<Record<NetworkStatus['mapping'], string>> = {
  none: 'no router changes your address',
  'endpoint-independent': 'your router shows everybody the same address, so others can reach you directly',
  dependent: 'your router shows everybody another port, so few can reach you directly',
  unknown: 'what your router does is not known',
  blocked: 'no UDP comes back from the server: your network lets none through, or the server’s firewall does not',
}
