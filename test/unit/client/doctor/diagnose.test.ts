import { expect } from 'chai'
import { diagnose } from '../../../../src/core/client/doctor/diagnose.ts'
import type { Measurements, ServerFindings } from '../../../../src/core/client/doctor/measurements.ts'
import type { NetCheck, NetCheckId, NetCheckStatus } from '../../../../src/core/client/doctor/report.ts'
import type { RendezvousFindings } from '../../../../src/core/io/rendezvous-probe.ts'
import type { MappingBehaviour } from '../../../../src/core/transport/rendezvous-client.ts'

const NOW = Date.parse('2026-06-01T12:00:00Z')
const DAY = 86_400_000
const ETH = { name: 'eth0', address: '192.168.1.10', isV6: false, mtu: 1_500, isLoopback: false }
const V6 = { ...ETH, address: '2001:db9::10', isV6: true }
const TUN = { ...ETH, name: 'tun0', address: '10.8.0.2', mtu: 1_280 }

const seen = (mapping: MappingBehaviour, answered = 5, probed = 3): RendezvousFindings => ({
  mapping,
  seenAt: mapping === 'blocked' ? undefined : { host: '198.51.100.2', port: 4_000 },
  main: { asked: 5, rttMs: [3, 1, 2, 9, 4].slice(0, answered) },
  probe: { asked: 3, rttMs: [1, 1, 1].slice(0, probed) },
})

const SERVER: ServerFindings = {
  address: 'chat.example:7788',
  host: '203.0.113.2',
  connectMs: 21.234,
  answerMs: 10.5,
  fingerprint: 'SHA256:abc',
  trust: 'pinned',
  validFrom: NOW - DAY,
  validTo: NOW + DAY,
  clockAheadMs: 300,
  route: { interface: ETH, pathMtu: undefined },
  signIn: { user: 'alice' },
  udpPort: 7_788,
  probePort: 7_789,
  udp: seen('endpoint-independent'),
  relaysOverTls: true,
}

const measured = (server: Partial<ServerFindings> | null = {}, over: Partial<Measurements> = {}): Measurements => ({
  platform: 'linux',
  now: NOW,
  machine: {
    v4: null,
    v6: null,
    buffers: { receive: 4_194_304, send: 4_194_304, wanted: 4_194_304 },
    interfaces: [ETH, V6],
  },
  ...(server === null ? {} : { server: { ...SERVER, ...server } }),
  router: undefined,
  ...over,
})
const machine = (over: Partial<Measurements['machine']>): Measurements =>
  measured({}, { machine: { ...measured().machine, ...over } })
const find = (measurements: Measurements, id: NetCheckId): NetCheck | undefined =>
  diagnose(measurements).checks.find((check) => check.id === id)

type Row = readonly [id: NetCheckId, Measurements, NetCheckStatus, says: RegExp, advice: RegExp | null]
const blocked = { udp: { ...seen('blocked', 0), probe: undefined } }
const untimed = measured()
delete (untimed.server as { udp?: unknown }).udp
const ROUTER = { by: 'upnp', router: '192.168.1.1', externalHost: '198.51.100.2' } as const

const ROWS: Readonly<Record<string, Row>> = {
  'both families': ['udp-socket', measured(), 'ok', /opens, for IPv4 and IPv6/, null],
  'one family': ['udp-socket', machine({ v6: 'EAFNOSUPPORT' }), 'ok', /for IPv4$/, null],
  'no UDP socket': ['udp-socket', machine({ v4: 'EPERM', v6: 'EPERM' }), 'fail', /\(EPERM\)/, /sandbox/],
  'wanted buffers': ['buffers', measured(), 'ok', /4,096 KiB to receive/, null],
  'small buffers': [
    'buffers',
    machine({ buffers: { receive: 212_992, send: 212_992, wanted: 4_194_304 } }),
    'warn',
    /208 KiB.*wanted: 4,096 KiB/,
    /^Run: sudo sysctl -w net.core.rmem_max=4194304/,
  ],
  'IPv6 not in use': ['ipv6', measured(), 'ok', /^2001:db9::10$/, null],
  'IPv6 in use': ['ipv6', measured({ host: '2001:db9::1' }), 'ok', /in use towards the server/, null],
  'no IPv6': ['ipv6', machine({ interfaces: [ETH] }), 'ok', /none/, null],
  'a VPN beside': ['vpn', machine({ interfaces: [ETH, TUN] }), 'ok', /tun0 is there/, null],
  'a VPN on the way': [
    'vpn',
    measured(
      { route: { interface: TUN, pathMtu: undefined } },
      { machine: { ...measured().machine, interfaces: [ETH, TUN] } },
    ),
    'warn',
    /go through tun0/,
    /without the VPN/,
  ],
  'usual packets': ['mtu', measured(), 'ok', /eth0 takes 1500 bytes; the path.s is not known/, null],
  'a narrower path': ['mtu', measured({ route: { interface: ETH, pathMtu: 1_400 } }), 'ok', /the path 1400/, null],
  'too narrow a path': [
    'mtu',
    measured({ route: { interface: ETH, pathMtu: 1_200 } }),
    'warn',
    /the path 1200/,
    /1,280/,
  ],
  'unknown packets': [
    'mtu',
    measured({ route: { interface: { ...ETH, mtu: undefined }, pathMtu: undefined } }),
    'skipped',
    /not known/,
    null,
  ],
  'a server': ['server', measured(), 'ok', /TLS after 21.2 ms, an answer after 10.5 ms/, null],
  'no server there': [
    'server',
    measured({
      failure: { code: 'MSG_ERR_SERVER_UNREACHABLE', message: 'cannot reach it', hint: 'check the address' },
    }),
    'fail',
    /cannot reach it/,
    /^Check the address/,
  ],
  'a known key': ['server-key', measured(), 'ok', /same as ever/, null],
  'a given key': ['server-key', measured({ trust: 'given' }), 'ok', /the one you gave/, null],
  'an unknown key': ['server-key', measured({ trust: 'new' }), 'warn', /SHA256:abc/, /Compare/],
  'another key': [
    'server-key',
    measured({ failure: { code: 'MSG_ERR_FINGERPRINT_CHANGED', message: 'it has changed', hint: undefined } }),
    'fail',
    /it has changed/,
    /--fingerprint/,
  ],
  'a right clock': ['clock', measured(), 'ok', /the same as/, null],
  'a clock 60 s off': ['clock', measured({ clockAheadMs: -60_000 }), 'ok', /60 s behind/, null],
  'a clock 61 s off': ['clock', measured({ clockAheadMs: 61_000 }), 'warn', /61 s ahead of/, /NTP/],
  'a server without a clock': [
    'clock',
    measured({ clockAheadMs: undefined as never }),
    'ok',
    /2026-05-31 to 2026-06-02/,
    null,
  ],
  'a certificate of another time': [
    'clock',
    measured({ clockAheadMs: undefined as never, validTo: NOW - 1 }),
    'warn',
    /2026-06-01, and/,
    /NTP/,
  ],
  'no network': [
    'server',
    measured({
      failure: {
        code: 'MSG_ERR_SERVER_UNREACHABLE',
        message: 'no network',
        hint: 'check the address',
        reason: 'ENETUNREACH',
      },
    }),
    'fail',
    /^no network$/,
    /^Connect this machine/,
  ],
  'something else than a server': [
    'server',
    measured({ failure: { code: 'MSG_ERR_PROTOCOL', message: 'no answer', hint: undefined } }),
    'fail',
    /^no answer$/,
    /^Check the address and its port/,
  ],
  'another version': [
    'server',
    measured({ failure: { code: 'MSG_ERR_VERSION', message: 'not mine', hint: 'update the older side' } }),
    'fail',
    /^not mine$/,
    /^Update the older side\.$/,
  ],
  'a server on the same network': [
    'mapping',
    measured({ udp: { ...seen('none'), seenAt: { host: '192.168.1.10', port: 4_000 } } }),
    'ok',
    /^none in the way/,
    null,
  ],
  'a sign-in that no password mends': [
    'sign-in',
    measured({ signIn: { why: 'not let in', advice: 'Ask its owner.' } }),
    'skipped',
    /^not let in$/,
    /^Ask its owner\.$/,
  ],
  'a sign-in': ['sign-in', measured(), 'ok', /as alice/, null],
  'no kept sign-in': [
    'sign-in',
    measured({ signIn: { why: 'unknown' } }),
    'skipped',
    /none is kept/,
    /msg client login --server chat.example:7788/,
  ],
  'a refused sign-in': ['sign-in', measured({ signIn: { why: 'not this one' } }), 'skipped', /not this one/, /login/],
  UDP: ['udp', measured(), 'ok', /5 of 5 requests answered, RTT 1.00 ms, 3.00 ms, 9.00 ms/, null],
  'UDP with loss': ['udp', measured({ udp: seen('none', 3) }), 'warn', /3 of 5/, /Wi-Fi/],
  'UDP without time': ['udp', untimed, 'skipped', /not known/, /again/],
  'no UDP': ['udp', measured(blocked), 'fail', /nothing comes back from port 7788/, /203.0.113.2 port 7788 out/],
  'a second port': ['probe-port', measured(), 'ok', /port 7789 answers/, null],
  'a silent second port': [
    'probe-port',
    measured({ udp: seen('unknown', 5, 0) }),
    'warn',
    /7789 does not/,
    /--probe-port/,
  ],
  'no second port': ['probe-port', measured({ probePort: undefined }), 'skipped', /has none/, null],
  'no router': [
    'mapping',
    measured({ udp: seen('none') }),
    'ok',
    /none in the way \(seen at 198.51.100.2:4000\)/,
    null,
  ],
  'a kind router': ['mapping', measured(), 'ok', /keeps one port/, null],
  'a symmetric router': [
    'mapping',
    measured({ udp: seen('dependent') }),
    'warn',
    /each destination another port/,
    /UPnP/,
  ],
  'an unknown router': ['mapping', measured({ udp: seen('unknown') }), 'skipped', /not known/, null],
  'a relay': ['relay', measured(), 'ok', /over TLS and over UDP/, null],
  'a relay without UDP': ['relay', measured(blocked), 'ok', /over TLS, not over UDP/, null],
  'no relay, not needed': ['relay', measured({ relaysOverTls: false }), 'ok', /has none/, null],
  'no relay, needed': [
    'relay',
    measured({ relaysOverTls: false, udp: seen('dependent') }),
    'warn',
    /has none/,
    /owner/,
  ],
  'no port mapper': ['port-mapping', measured(), 'ok', /no router opens/, null],
  'a port mapper': ['port-mapping', measured({}, { router: ROUTER }), 'ok', /192.168.1.1 opens.*UPnP/, null],
  'a port mapper that helps': [
    'port-mapping',
    measured({ udp: seen('dependent') }, { router: ROUTER }),
    'ok',
    /opens/,
    /--map-port/,
  ],
  'a port mapper behind another': [
    'port-mapping',
    measured({ udp: seen('dependent') }, { router: { ...ROUTER, externalHost: '100.64.3.4' } }),
    'ok',
    /opens/,
    null,
  ],
  'no time for it': ['port-mapping', measured({}, { router: null }), 'skipped', /not known/, null],
}

describe('what measurements of the network mean', () => {
  for (const [title, [id, measurements, status, says, advice]] of Object.entries(ROWS))
    it(`${title}: ${id} is ${status}`, () => {
      const check = find(measurements, id)!
      expect(check.status).to.equal(status)
      expect(check.measured).to.match(says)
      if (advice === null) expect(check.advice).to.equal(null)
      else expect(check.advice).to.match(advice)
    })

  it('say whether links can go over IPv6', () => {
    const meanings = [undefined, true, false].map(
      (isAcross) => find(measured(isAcross === undefined ? {} : { isAcross }), 'ipv6')?.meaning,
    )
    expect(meanings[0]).to.equal('')
    expect(meanings[1]).to.match(/go over IPv6/)
    expect(meanings[2]).to.match(/only on one network/)
  })

  it('say nothing of what was not reached', () => {
    const failure = { code: 'MSG_ERR_SERVER_UNREACHABLE', message: '', hint: undefined }
    const { checks } = diagnose(measured(null, { server: { address: 'x:1', failure } }))
    expect(checks.map(({ id }) => id)).to.deep.equal(['udp-socket', 'buffers', 'ipv6', 'mtu', 'server', 'port-mapping'])
    const alone = diagnose(measured(null)).checks.map(({ id }) => id)
    expect(alone).to.deep.equal(['udp-socket', 'buffers', 'ipv6', 'mtu', 'port-mapping'])
  })

  it('come to a verdict that is the worst of them, and a sentence', () => {
    const verdicts = [measured(), measured({ udp: seen('dependent') }), measured(blocked), measured(null)].map(
      (measurements) => {
        const { verdict, summary } = diagnose(measurements)
        return `${verdict}: ${summary}`
      },
    )
    expect(verdicts).to.deep.equal([
      'ok: Direct links work with most people.',
      'warn: Direct links work with some people only; with others messages go through the server.',
      'fail: UDP is blocked: messages go through the server over TLS, and slower.',
      'ok: This machine is ready. Name a server to learn what stands between: msg net doctor <server>.',
    ])
    const near = (host: string): Measurements => measured({ udp: { ...seen('none'), seenAt: { host, port: 4_000 } } })
    for (const host of ['192.168.1.10', '127.0.0.1'])
      expect(diagnose(near(host)).summary).to.match(/on this network\. With people elsewhere/)
    expect(diagnose(near('198.51.100.2')).summary).to.equal('Nothing stands in the way of direct links.')
    expect(diagnose(measured({ ...blocked, relaysOverTls: false })).summary).to.contain('relays nothing')
    expect(diagnose(machine({ v4: 'EPERM', v6: 'EPERM' })).summary).to.contain('No links can work')
  })

  it('are one check for each id at most', () => {
    const ids = diagnose(measured({}, { router: ROUTER })).checks.map(({ id }) => id)
    expect(new Set(ids).size).to.equal(ids.length)
  })
})
