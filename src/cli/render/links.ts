import type { LinkStatus, SocketStatus } from '../../core/index.ts'
import { visible } from '../../core/wire/visible.ts'
import type { Palette } from './palette.ts'
import { tableLines } from './table.ts'
import { bytes, milliseconds } from './time.ts'

/** Open links with what they measure. */
export function linksTable(links: readonly LinkStatus[], palette: Palette): string[] {
  return tableLines(
    ['user', 'path', 'RTT', 'least', 'lost', 'sent', 'received', 'speed', 'window', 'in flight', 'datagram', 'by'].map(
      palette.dim,
    ),
    links.map((link) => [
      palette.name(visible(link.user)),
      `${link.path} ${visible(link.address)}`,
      link.rttMs === null ? '–' : milliseconds(link.rttMs),
      link.minRttMs === null ? '–' : milliseconds(link.minRttMs),
      `${((link.packetsSent > 0 ? link.packetsLost / link.packetsSent : 0) * 100).toFixed(1)} %`,
      bytes(link.bytesSent),
      bytes(link.bytesReceived),
      link.deliveryBps === null ? '–' : bitRate(link.deliveryBps),
      bytes(link.cwnd),
      bytes(link.bytesInFlight),
      `${link.datagramSize} B`,
      link.congestion,
    ]),
    'No link is open. `open <user>` or `enter <room>` makes links.',
  )
}

/** What the socket may hold. */
export const socketLine = ({ receiveBuffer, sendBuffer }: SocketStatus): string =>
  `socket buffers: ${bytes(receiveBuffer)} to receive, ${bytes(sendBuffer)} to send`

/** `512 bit/s`, `1.5 Mbit/s`. */
function bitRate(value: number): string {
  let amount = value
  for (const unit of ['bit/s', 'kbit/s', 'Mbit/s']) {
    if (amount < 1000) return `${amount >= 10 || unit === 'bit/s' ? amount.toFixed(0) : amount.toFixed(1)} ${unit}`
    amount /= 1000
  }
  return `${amount.toFixed(1)} Gbit/s`
}
