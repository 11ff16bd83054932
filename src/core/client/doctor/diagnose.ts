import { MACHINE_CHECKS } from './machine-checks.ts'
import type { Measurements } from './measurements.ts'
import type { NetCheck, NetReport } from './report.ts'
import { isNearServer, SERVER_CHECKS } from './server-checks.ts'

/** What the measurements mean, in the order of the report. */
export function diagnose(measurements: Measurements): Pick<NetReport, 'verdict' | 'summary' | 'checks'> {
  const checks = [...MACHINE_CHECKS, ...(measurements.server ? SERVER_CHECKS : [])]
    .flatMap((check) => check(measurements) ?? [])
    .sort((a, b) => ORDER.indexOf(a.id) - ORDER.indexOf(b.id))
  return { verdict: verdictOf(checks), summary: summaryOf(measurements, checks), checks }
}

function verdictOf(checks: readonly NetCheck[]): NetReport['verdict'] {
  if (checks.some(({ status }) => status === 'fail')) return 'fail'
  return checks.some(({ status }) => status === 'warn') ? 'warn' : 'ok'
}

function summaryOf({ server }: Measurements, checks: readonly NetCheck[]): string {
  const isFailed = (id: NetCheck['id']): boolean => checks.some((check) => check.id === id && check.status === 'fail')
  if (isFailed('udp-socket')) return 'No links can work: this program gets no UDP socket.'
  if (!server) return 'This machine is ready. Name a server to learn what stands between: msg net doctor <server>.'
  if (isFailed('server-key')) return 'The server is not the one that was known, so nothing was asked of it.'
  if (server.failure) return 'The server cannot be used from here, so nobody can be reached through it.'
  if (!server.udp && server.udpPort !== undefined)
    return 'The server can be reached, slowly. What UDP can do is not known.'
  if (!server.udp)
    return 'The server can be reached. What UDP can do was not checked: that needs a sign-in that is kept here.'
  switch (server.udp.mapping) {
    case 'none':
      return isNearServer(server.udp)
        ? 'Nothing stands in the way of direct links on this network. With people elsewhere it depends on the routers between.'
        : 'Nothing stands in the way of direct links.'
    case 'endpoint-independent':
      return 'Direct links work with most people.'
    case 'dependent':
      return `Direct links work with some people only${server.relaysOverTls ? '; with others messages go through the server' : ''}.`
    case 'blocked':
      return server.relaysOverTls
        ? 'UDP is blocked: messages go through the server over TLS, and slower.'
        : 'UDP is blocked, and this server relays nothing: only people on this network can be reached.'
    case 'unknown':
      return 'UDP works. What your router does is not known.'
  }
}

const ORDER: ReadonlyArray<NetCheck['id']> = [
  'udp-socket',
  'buffers',
  'ipv6',
  'vpn',
  'mtu',
  'server',
  'server-key',
  'clock',
  'sign-in',
  'udp',
  'probe-port',
  'mapping',
  'relay',
  'port-mapping',
]
