import { expect } from 'chai'
import { pathReason, type PathReason } from '../../../src/core/client/path-reason.ts'
import type { PathCause, PathKind } from '../../../src/core/transport/endpoint-api.ts'
import type { MappingBehaviour } from '../../../src/core/transport/rendezvous-client.ts'

type Row = readonly [
  way: readonly [path: PathKind, host?: string, cause?: PathCause, isSearching?: boolean],
  here: MappingBehaviour,
  there: MappingBehaviour,
  why: PathReason,
  says: string,
]

const NEAR = 'endpoint-independent'
const ROWS: readonly Row[] = [
  [['lan', '192.168.1.10'], NEAR, NEAR, 'same-network', 'same network'],
  [['lan', '192.168.1.10'], 'blocked', 'blocked', 'same-network', 'same network'],
  [['lan', '127.0.0.1'], 'unknown', 'unknown', 'same-machine', 'same machine'],
  [['direct'], 'none', 'none', 'no-router', 'no router in the way'],
  [['direct', '2001:db8::1'], 'none', 'none', 'no-router', 'no router in the way'],
  [['direct', '2001:db8::1'], 'dependent', NEAR, 'ipv6', 'over IPv6, where routers change no addresses'],
  [['direct'], NEAR, NEAR, 'router-passed', 'both routers let it through'],
  [['direct'], 'unknown', 'unknown', 'router-passed', 'both routers let it through'],
  [['direct'], 'none', NEAR, 'router-passed', "bob's router lets it through"],
  [['direct'], 'dependent', 'none', 'router-passed', 'your router lets it through'],
  [['relayed'], NEAR, NEAR, 'not-found', 'no direct path was found; tried again every minute'],
  [['relayed', '203.0.113.2', 'first', true], NEAR, NEAR, 'searching', 'a direct path is being looked for'],
  [
    ['relayed', '203.0.113.2', 'first', true],
    'dependent',
    'dependent',
    'searching',
    'a direct path is being looked for',
  ],
  [['relayed'], 'dependent', 'dependent', 'dependent-both', 'both routers give every destination another port'],
  [
    ['relayed', '203.0.113.2', 'silent'],
    'dependent',
    'dependent',
    'dependent-both',
    'both routers give every destination another port',
  ],
  [
    ['relayed'],
    'dependent',
    NEAR,
    'dependent-here',
    "your router gives every destination another port, and no way through bob's was found; tried again every minute",
  ],
  [
    ['relayed'],
    'unknown',
    'dependent',
    'dependent-there',
    "bob's router gives every destination another port, and no way through yours was found; tried again every minute",
  ],
  [['relayed'], 'blocked', 'blocked', 'udp-blocked-here', 'UDP is blocked here, so it goes over TLS'],
  [
    ['relayed', '203.0.113.2', 'first', true],
    'blocked',
    NEAR,
    'udp-blocked-here',
    'UDP is blocked here, so it goes over TLS',
  ],
  [['relayed'], NEAR, 'blocked', 'udp-blocked-there', "UDP is blocked at bob's, so it goes over TLS there"],
  [
    ['relayed', '203.0.113.2', 'silent', true],
    NEAR,
    NEAR,
    'direct-silent',
    'the direct path fell silent; another is being looked for',
  ],
  [
    ['relayed', '203.0.113.2', 'silent'],
    NEAR,
    'dependent',
    'direct-silent',
    'the direct path fell silent; tried again every minute',
  ],
]

describe('why a link takes its path', () => {
  for (const [[path, host = '203.0.113.2', cause = 'first', isSearching = false], here, there, why, says] of ROWS)
    it(`is ${why}: ${path}, ${host}, ${cause}${isSearching ? ', searching' : ''}, ${here} here, ${there} there`, () => {
      const stats = { path, remote: { host, port: 9 }, cause, isSearching }
      expect(pathReason({ stats, here, there, peer: 'bob' })).to.deep.equal({ why, explanation: says })
    })

  it('has a row for every code', () => {
    const codes = new Set(ROWS.map(([, , , why]) => why))
    expect(codes.size).to.equal(13)
  })
})
