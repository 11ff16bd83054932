import type { RelayDrop, ServerRelays, ServerSession, ServerStatus, ServerUser } from '../../core/index.ts'
import { statusText } from './lists.ts'
import type { Palette } from './palette.ts'
import { tableLines } from './table.ts'
import { bytesText, rateText } from '../bytes.ts'
import { clockTime } from './time.ts'
import { pluginLines } from './plugins.ts'
import { visible } from '../../core/wire/visible.ts'

/** Accounts as the server's owner sees them: invisible ones and remote addresses too. */
export function serverUsersTable(users: readonly ServerUser[], palette: Palette, none: string): string[] {
  return tableLines(
    ['user', 'status', 'address', 'connections', 'from'].map(palette.dim),
    users.map((user) => [
      palette.name(visible(user.user)),
      statusText(user.status, palette),
      user.virtualAddress,
      String(user.connections),
      user.addresses.map((address) => visible(address)).join(', '),
    ]),
    none,
  )
}

export function serverSessionsTable(sessions: readonly ServerSession[], palette: Palette): string[] {
  return tableLines(
    ['users', 'state', 'since'].map(palette.dim),
    sessions.map(({ users, state, since }) => [
      users.map((user) => palette.name(visible(user))).join(' – '),
      state === 'open' ? palette.good(state) : palette.dim(state),
      clockTime(since),
    ]),
    'No sessions are open.',
  )
}

/** What a relay did since the server started, and the channels that are in use. */
export function relaysLines(given: ServerRelays, palette: Palette): string[] {
  const { enabled, datagrams, bytes, drops, channels, legs, relays } = given
  if (!enabled) return ['This server relays nothing.']
  const lost = Object.entries(drops).filter(([, count]) => count > 0)
  const rows: Array<readonly [string, string]> = [
    ['passed on', `${bytesText(bytes)} in ${datagrams} datagrams`],
    ['dropped', lost.map(([reason, count]) => `${count} ${DROPS[reason as RelayDrop]}`).join(', ') || 'nothing'],
    ['channels', `${channels}, ${relays.length} of them in use`],
    ['over TLS', String(legs)],
  ]
  const table = relays.map(({ users, bytes: sent, rate, since, via }) => [
    users.map((user) => palette.name(visible(user))).join(' – '),
    sent.map(bytesText).join(' – '),
    rateText(rate),
    clockTime(since),
    via.join(' – '),
  ])
  return [
    ...rows.map(([label, value]) => `${palette.dim(label.padEnd(LABEL_CHARS))}${value}`),
    '',
    ...tableLines(['users', 'sent', 'rate', 'since', 'over'].map(palette.dim), table, 'Nobody uses the relay now.'),
  ]
}

/** Why a datagram went nowhere, after a number. */
const DROPS: Readonly<Record<RelayDrop, string>> = {
  size: 'of a wrong size',
  channel: 'of no channel',
  source: 'from elsewhere',
  nowhere: 'to somebody not seen lately',
  unproven: 'to where nobody has answered yet',
  'channel-rate': 'above the rate of a channel',
  'user-rate': 'above the rate of a user',
  'server-rate': 'above the rate of the server',
  quota: 'above the quota of a day',
  full: 'to somebody who took no more',
}

/** What a server is and how much it holds. */
export function serverStatusLines(status: ServerStatus, palette: Palette): string[] {
  const rows: Array<readonly [string, string]> = [
    ['name', visible(status.name)],
    ['version', status.version],
    ['process', String(status.pid)],
    ['listens on', `${status.host}, TCP ${status.port}, UDP ${status.udpPort} and ${status.probePort}`],
    ['fingerprint', status.fingerprint],
    ...(status.metrics === undefined ? [] : [['metrics', `http://${status.metrics}/metrics`] as const]),
    ['directory', visible(status.dataDir)],
    ['since', status.startedAt],
    ['accounts', String(status.accounts)],
    ['connections', String(status.connections)],
    ['sessions', String(status.sessions)],
    ['rooms', String(status.rooms)],
    ['memory', bytesText(status.rss)],
  ]
  return [
    ...rows.map(([label, value]) => `${palette.dim(label.padEnd(LABEL_CHARS))}${value}`),
    ...pluginLines(status.plugins, palette),
  ]
}

/** The longest label and two blanks, characters. */
const LABEL_CHARS = 13
