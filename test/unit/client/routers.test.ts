import { expect } from 'chai'
import { guessingSide, worthTrying } from '../../../src/core/client/routers.ts'
import type { Candidate } from '../../../src/core/transport/endpoint-api.ts'

const CANDIDATES: readonly Candidate[] = [
  { host: '198.51.100.2', port: 1, kind: 'observed' },
  { host: '2001:db8::2', port: 1, kind: 'observed' },
  { host: '192.168.1.2', port: 1, kind: 'host' },
  { host: '198.51.100.2', port: 2, kind: 'mapped' },
]

describe('client/routers', () => {
  it('leave out what was observed over IPv4 only where both sides have another port for everybody', () => {
    expect(worthTrying(CANDIDATES, 'dependent', 'endpoint-independent')).to.equal(CANDIDATES)
    expect(worthTrying(CANDIDATES, 'unknown', 'dependent')).to.equal(CANDIDATES)
    const left = worthTrying(CANDIDATES, 'dependent', 'dependent')
    expect(left.map(({ host, kind }) => `${kind} ${host}`)).to.deep.equal([
      'observed 2001:db8::2',
      'host 192.168.1.2',
      'mapped 198.51.100.2',
    ])
  })

  it('say who guesses how: the one with many ports from many sockets, the one with one port at many ports', () => {
    expect(guessingSide('dependent', 'endpoint-independent')).to.equal('sockets')
    expect(guessingSide('endpoint-independent', 'dependent')).to.equal('ports')
    for (const [here, there] of [
      ['dependent', 'dependent'],
      ['none', 'dependent'],
      ['endpoint-independent', 'endpoint-independent'],
      ['blocked', 'dependent'],
    ] as const)
      expect(guessingSide(here, there), `${here} ${there}`).to.equal(undefined)
  })
})
