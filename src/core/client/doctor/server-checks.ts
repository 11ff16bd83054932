import type { PortFindings, RendezvousFindings } from '../../io/rendezvous-probe.ts'
import { formatAddress, isLoopback, isPrivate } from '../../wire/address.ts'
import type { Check } from './machine-checks.ts'
import type { ServerFindings } from './measurements.ts'
import { capital, type NetCheck } from './report.ts'

const of =
  (check: (server: ServerFindings, now: number) => NetCheck | undefined): Check =>
  ({ server, now }) =>
    server && check(server, now)

const server = of(({ address, failure, host, connectMs, answerMs }) => {
  const base = { id: 'server', title: 'Server' } as const
  const facts = { address, host: host ?? null, connectMs: rounded(connectMs), answerMs: rounded(answerMs) }
  if (failure && isKeyFault(failure.code)) return undefined
  if (failure)
    return {
      ...base,
      status: 'fail',
      measured: failure.message,
      meaning: 'Signing in and finding people needs it.',
      advice: adviceOf(failure),
      facts: { ...facts, code: failure.code },
    }
  return {
    ...base,
    status: 'ok',
    measured: `${address}: TLS after ${ms(connectMs)}, an answer after ${ms(answerMs)}`,
    meaning: '',
    advice: null,
    facts,
  }
})

const serverKey = of(({ failure, fingerprint, trust }) => {
  const base = { id: 'server-key', title: 'Server’s key' } as const
  if (failure && isKeyFault(failure.code))
    return {
      ...base,
      status: 'fail',
      measured: failure.message,
      meaning: 'Somebody may be listening in, or the server was set up anew.',
      advice: 'Ask its owner for the fingerprint, and give it with --fingerprint.',
      facts: { fingerprint: null, trust: null, code: failure.code },
    }
  if (fingerprint === undefined || trust === undefined) return undefined
  const facts = { fingerprint, trust }
  if (trust === 'new')
    return {
      ...base,
      status: 'warn',
      measured: `not met before: ${fingerprint}`,
      meaning: 'Nothing was remembered.',
      advice: 'Compare it with what msg server status shows there.',
      facts,
    }
  const measured = trust === 'pinned' ? 'the same as ever' : 'the one you gave'
  return { ...base, status: 'ok', measured, meaning: '', advice: null, facts }
})

const clock = of(({ failure, clockAheadMs, validFrom, validTo }, now) => {
  if (failure) return undefined
  const base = { id: 'clock', title: 'Clock' } as const
  const facts = { aheadSeconds: clockAheadMs === undefined ? null : Math.round(clockAheadMs / 1_000) }
  const advice = 'Turn on the system’s time synchronisation (NTP) on whichever of the two is wrong.'
  if (clockAheadMs !== undefined) {
    const seconds = Math.round(Math.abs(clockAheadMs) / 1_000)
    const measured =
      seconds === 0
        ? 'the same as the server’s'
        : `${seconds.toLocaleString('en')} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} the server’s`
    if (Math.abs(clockAheadMs) <= CLOCK_TOLERANCE_MS)
      return { ...base, status: 'ok', measured, meaning: '', advice: null, facts }
    const meaning = 'Messages get wrong times, and commands on peers are refused.'
    return { ...base, status: 'warn', measured, meaning, advice, facts }
  }
  if (!isDate(validFrom) || !isDate(validTo)) return undefined
  const span = `${day(validFrom)} to ${day(validTo)}`
  if (now >= validFrom && now <= validTo)
    return {
      ...base,
      status: 'ok',
      measured: `within the time of the server’s certificate, ${span}`,
      meaning: 'The server does not tell its own time.',
      advice: null,
      facts,
    }
  const measured = `${day(now)}, and the server’s certificate is for ${span}`
  return {
    ...base,
    status: 'warn',
    measured,
    meaning: 'This machine’s clock or the certificate is off.',
    advice,
    facts,
  }
})

const signIn = of(({ failure, signIn: result, address }) => {
  if (failure || !result) return undefined
  const base = { id: 'sign-in', title: 'Sign-in' } as const
  if ('user' in result)
    return {
      ...base,
      status: 'ok',
      measured: `as ${result.user}`,
      meaning: '',
      advice: null,
      facts: { user: result.user },
    }
  return {
    ...base,
    status: 'skipped',
    measured: result.why === 'unknown' ? 'none is kept here' : result.why,
    meaning: 'The server’s UDP ports answer only those who are signed in, so UDP and the router were not checked.',
    advice: result.advice ?? `Sign in once: msg client login --server ${address} --user <name>; then run this again.`,
    facts: { user: null },
  }
})

const udp = of(({ udp: findings, udpPort, host }) => {
  if (udpPort === undefined || host === undefined) return undefined
  const base = { id: 'udp', title: 'UDP to the server' } as const
  if (!findings)
    return {
      ...base,
      status: 'skipped',
      measured: 'not known',
      meaning: 'Too much time had gone by when its turn came.',
      advice: 'Run this again.',
      facts: { port: udpPort, asked: 0, answered: 0, ...roundTrips([]) },
    }
  const { asked, rttMs } = findings.main
  const facts = { port: udpPort, asked, answered: rttMs.length, ...roundTrips(rttMs) }
  if (findings.mapping === 'blocked')
    return {
      ...base,
      status: 'fail',
      measured: `nothing comes back from port ${udpPort}`,
      meaning: 'No UDP gets through: a firewall here, of your network or of the server drops it.',
      advice: `Let UDP to ${host} port ${udpPort} out, and its answers in; at the server, let UDP port ${udpPort} in. If others reach it, it is your side.`,
      facts,
    }
  const measured = `port ${udpPort}: ${rttMs.length} of ${asked} requests answered${rttText(findings.main)}`
  if (rttMs.length === asked) return { ...base, status: 'ok', measured, meaning: '', advice: null, facts }
  return {
    ...base,
    status: 'warn',
    measured,
    meaning: 'Packets are lost on the way: links work, slower.',
    advice: 'On Wi-Fi, try nearer to the router or a cable; then run this again.',
    facts,
  }
})

const probePort = of(({ udp: findings, probePort: port }) => {
  if (!findings || findings.mapping === 'blocked') return undefined
  const base = { id: 'probe-port', title: 'Server’s second port' } as const
  const { asked, rttMs } = findings.probe ?? { asked: 0, rttMs: [] }
  const facts = { port: port ?? null, asked, answered: rttMs.length }
  if (port === undefined)
    return {
      ...base,
      status: 'skipped',
      measured: 'the server has none',
      meaning: 'It is older than this client.',
      advice: null,
      facts,
    }
  if (rttMs.length > 0)
    return { ...base, status: 'ok', measured: `port ${port} answers`, meaning: '', advice: null, facts }
  return {
    ...base,
    status: 'warn',
    measured: `UDP port ${port} does not answer`,
    meaning: 'What your router does cannot be told without it.',
    advice: `The server’s owner should let UDP port ${port} in; --probe-port gives it a fixed number.`,
    facts,
  }
})

const mapping = of(({ udp: findings }) => {
  if (!findings || findings.mapping === 'blocked') return undefined
  const seenAt = findings.seenAt ? formatAddress(findings.seenAt) : null
  const facts = { mapping: findings.mapping, seenAt }
  const base = { id: 'mapping', title: 'Router', facts, advice: null } as const
  const seen = seenAt === null ? '' : ` (seen at ${seenAt})`
  switch (findings.mapping) {
    case 'none':
      return {
        ...base,
        status: 'ok',
        measured: `none in the way${seen}`,
        meaning: isNearServer(findings)
          ? 'The server is on this network, too: people elsewhere may be behind a router that it does not see.'
          : 'Others reach this machine at its own address.',
      }
    case 'endpoint-independent':
      return {
        ...base,
        status: 'ok',
        measured: `keeps one port for all destinations${seen}`,
        meaning: 'Direct links work with most people.',
      }
    case 'dependent':
      return {
        ...base,
        status: 'warn',
        measured: `gives each destination another port${seen}`,
        meaning: 'With others like it, and with strict routers, messages go through the server.',
        advice:
          'For direct links: turn on UPnP in the router and start the client with --map-port, or use IPv6, or another network.',
      }
    case 'unknown':
      return { ...base, status: 'skipped', measured: `not known what it does${seen}`, meaning: '' }
  }
})

const relay = of(({ failure, relaysOverTls, udp: findings }) => {
  if (failure) return undefined
  const base = { id: 'relay', title: 'Relay' } as const
  const facts = {
    offered: relaysOverTls ?? null,
    udp: findings ? findings.mapping !== 'blocked' : null,
    tls: relaysOverTls ?? null,
  }
  if (relaysOverTls === undefined)
    return {
      ...base,
      status: 'skipped',
      measured: 'not known',
      meaning: 'The server could not be asked.',
      advice: null,
      facts,
    }
  if (relaysOverTls) {
    const overUdp = findings === undefined ? '' : findings.mapping === 'blocked' ? ', not over UDP' : ' and over UDP'
    const meaning = 'Where no direct path is found, messages go through the server, encrypted from end to end.'
    return { ...base, status: 'ok', measured: `reached over TLS${overUdp}`, meaning, advice: null, facts }
  }
  const isNeeded = findings?.mapping === 'dependent' || findings?.mapping === 'blocked'
  return {
    ...base,
    status: isNeeded ? 'warn' : 'ok',
    measured: 'this server has none',
    meaning: 'Without a direct path two people cannot reach each other.',
    advice: isNeeded ? 'Ask the server’s owner to run a version with a relay, and to leave it on.' : null,
    facts,
  }
})

/** What needs a server. */
export const SERVER_CHECKS: readonly Check[] = [server, serverKey, clock, signIn, udp, probePort, mapping, relay]

/** True when the server sees an address that means nothing elsewhere. */
export function isNearServer({ seenAt }: RendezvousFindings): boolean {
  return seenAt !== undefined && (isPrivate(seenAt.host) || isLoopback(seenAt.host))
}

function adviceOf({ code, hint, reason = '' }: NonNullable<ServerFindings['failure']>): string {
  const way = WAYS[reason]
  if (way !== undefined) return way
  if (code === 'MSG_ERR_PROTOCOL') return 'Check the address and its port: what answers there is hardly a msg server.'
  if (hint === undefined) return 'Try again later.'
  return `${capital(hint)}${code === 'MSG_ERR_SERVER_UNREACHABLE' ? '; its TCP port must be let through, too' : ''}.`
}

/** What to do where datagrams do not even leave, by what the system says. */
const WAYS: Readonly<Record<string, string>> = {
  ENETUNREACH: 'Connect this machine to a network first.',
  EHOSTUNREACH: 'Check that this machine, and the server, are connected to the network.',
  ENOTFOUND: 'Check how the server’s name is spelled.',
  EAI_AGAIN: 'Check that this machine is connected, and its name server (DNS); or name the server by its IP address.',
}

const isKeyFault = (code: string): boolean =>
  code === 'MSG_ERR_FINGERPRINT_CHANGED' || code === 'MSG_ERR_FINGERPRINT_MISMATCH'

function roundTrips(rttMs: readonly number[]): {
  rttMinMs: number | null
  rttMedianMs: number | null
  rttMaxMs: number | null
} {
  const sorted = [...rttMs].sort((a, b) => a - b)
  const at = (index: number): number | null => rounded(sorted[index])
  return { rttMinMs: at(0), rttMedianMs: at((sorted.length - 1) >> 1), rttMaxMs: at(sorted.length - 1) }
}

function rttText({ rttMs }: PortFindings): string {
  if (rttMs.length === 0) return ''
  const { rttMinMs, rttMedianMs, rttMaxMs } = roundTrips(rttMs)
  return `, RTT ${ms(rttMinMs)}, ${ms(rttMedianMs)}, ${ms(rttMaxMs)} (least, median, most)`
}

/** Three digits that count. */
function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return 'unknown'
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ms`
}

const rounded = (value: number | undefined): number | null =>
  value === undefined ? null : Math.round(value * 100) / 100
/** Not every certificate has dates that can be read. */
const isDate = (time: number | undefined): time is number => time !== undefined && Number.isFinite(time)
const day = (time: number): string => new Date(time).toISOString().slice(0, 10)
const CLOCK_TOLERANCE_MS = 60_000
