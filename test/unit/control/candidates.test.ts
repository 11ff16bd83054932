import { expect } from 'chai'
import fc from 'fast-check'
import { candidates, type Whereabouts } from '../../../src/core/control/candidates.ts'
import { addressGroup, isLoopback, isPrivate } from '../../../src/core/wire/address.ts'

const at = (observed: string | undefined, ...hosts: string[]): Whereabouts => ({
  observed: observed === undefined ? undefined : { host: observed, port: 1_000 },
  isProven: true,
  observedAcross: undefined,
  address: observed ?? '192.0.2.200',
  hosts: hosts.map((host) => ({ host, port: 2_000 })),
  mapping: undefined,
  mapped: undefined,
})
/** Its control connection is all that was ever seen of it. */
const unseen = (address: string, ...hosts: string[]): Whereabouts => ({ ...at(undefined, ...hosts), address })
const found = (from: Whereabouts, to: Whereabouts): string[] =>
  candidates(from, to).map(({ host, port }) => `${host}:${port}`)
const kinds = (from: Whereabouts, to: Whereabouts): string[] =>
  candidates(from, to).map(({ host, port, kind }) => `${kind} ${host}:${port}`)

describe('control/candidates', () => {
  it('gives strangers the observed address and no inner ones', () => {
    expect(found(at('192.0.2.1', '10.0.0.1'), at('198.51.100.2', '10.0.0.2'))).to.deep.equal(['198.51.100.2:1000'])
  })

  it('adds host addresses when both are behind one public address', () => {
    expect(found(at('192.0.2.1'), at('192.0.2.1', '10.0.0.2', 'fd00::2'))).to.deep.equal([
      '192.0.2.1:1000',
      '10.0.0.2:2000',
      'fd00::2:2000',
    ])
  })

  it('adds host addresses when neither was seen at a public address', () => {
    expect(found(at('10.0.0.1'), at('10.0.0.2', '192.168.1.2'))).to.deep.equal(['10.0.0.2:1000', '192.168.1.2:2000'])
    expect(found(at('127.0.0.1'), at('10.0.0.2', '192.168.1.2'))).to.deep.equal(['10.0.0.2:1000', '192.168.1.2:2000'])
    expect(found(at('192.0.2.1'), at('10.0.0.2', '192.168.1.2'))).to.deep.equal(['10.0.0.2:1000'])
  })

  it('gives a loopback address only to those who are on loopback themselves, and of those only', () => {
    expect(found(at('10.0.0.1'), at('127.0.0.1', '10.0.0.2', '127.0.0.1'))).to.deep.equal(['10.0.0.2:2000'])
    expect(found(at('127.0.0.1'), at('127.0.0.1', '127.0.0.1'))).to.deep.equal(['127.0.0.1:1000', '127.0.0.1:2000'])
    expect(found(at('127.0.0.1'), at('::1'))).to.deep.equal(['::1:1000'])
    expect(found(at('127.0.0.1'), at('10.0.0.2', '127.0.0.1'))).to.deep.equal(['10.0.0.2:1000'])
  })

  it('says what is known of each', () => {
    const to = { ...at('192.0.2.1', '10.0.0.2'), mapped: { host: '192.0.2.1', port: 3_000 } }
    expect(kinds(at('192.0.2.1'), to)).to.deep.equal([
      'observed 192.0.2.1:1000',
      'mapped 192.0.2.1:3000',
      'host 10.0.0.2:2000',
    ])
    expect(kinds(at('198.51.100.2'), { ...to, mapping: 'endpoint-independent' })[0]).to.equal('observed 192.0.2.1:1000')
    expect(kinds(at('198.51.100.2'), { ...to, mapping: 'none' })[0]).to.equal('open 192.0.2.1:1000')
    expect(kinds(at('198.51.100.2'), { ...to, mapping: 'none', isProven: false })[0], 'it may be forged').to.equal(
      'observed 192.0.2.1:1000',
    )
  })

  it('believes of an inner address that it is open only nearby', () => {
    const to: Whereabouts = { ...at('10.0.0.2'), mapping: 'none' }
    expect(kinds(at('198.51.100.2'), to)).to.deep.equal(['observed 10.0.0.2:1000'])
    expect(kinds(at('192.168.0.7'), to)).to.deep.equal(['open 10.0.0.2:1000'])
  })

  it('believes a port that a router opened only at the address that was seen', () => {
    const claims = (observed: string | undefined, host: string): string[] =>
      found(at('198.51.100.2'), { ...at(observed), mapped: { host, port: 3_000 } })
    expect(claims('192.0.2.1', '192.0.2.1')).to.deep.equal(['192.0.2.1:1000', '192.0.2.1:3000'])
    expect(claims('192.0.2.1', '203.0.113.9')).to.deep.equal(['192.0.2.1:1000'])
    expect(claims('192.0.2.1', '10.0.0.9')).to.deep.equal(['192.0.2.1:1000'])
    expect(claims(undefined, '203.0.113.9')).to.deep.equal([])
  })

  it('takes one whose datagrams never came for where the control connection comes from', () => {
    const inner = ['10.0.0.2', '127.0.0.1']
    expect(found(at('192.0.2.1'), unseen('198.51.100.2', ...inner)), 'elsewhere').to.deep.equal([])
    expect(found(unseen('198.51.100.2'), at('192.0.2.1', ...inner)), 'elsewhere').to.deep.equal(['192.0.2.1:1000'])
    expect(found(at('192.0.2.1'), unseen('192.0.2.1', ...inner)), 'beside').to.deep.equal(['10.0.0.2:2000'])
    expect(found(unseen('192.0.2.1'), unseen('192.0.2.1', ...inner)), 'both').to.deep.equal(['10.0.0.2:2000'])
    expect(found(unseen('10.0.0.1'), unseen('10.0.0.2', ...inner)), 'inside').to.deep.equal(['10.0.0.2:2000'])
    expect(found(unseen(''), unseen('', ...inner)), 'nothing is known').to.deep.equal([])
  })

  it('does not make anybody knock at a public IPv4 address that was only claimed', () => {
    expect(found(at('192.0.2.1'), at('192.0.2.1', '203.0.113.9', 'not an ip', '192.0.2.1'))).to.deep.equal([
      '192.0.2.1:1000',
      '192.0.2.1:2000',
    ])
  })

  it('believes a claimed IPv6 address where it was seen, and in the network of who would knock there', () => {
    const claim = '2001:db8::9'
    expect(found(at('192.0.2.1'), at('192.0.2.1', claim)), 'anywhere').to.deep.equal(['192.0.2.1:1000'])
    expect(found(at('192.0.2.1', '2001:db8:0:1::7'), at('192.0.2.1', claim)), 'elsewhere').to.have.lengthOf(1)
    expect(found(at('192.0.2.1', '2001:db8::7'), at('192.0.2.1', claim)), 'beside').to.deep.equal([
      '192.0.2.1:1000',
      '2001:db8::9:2000',
    ])
    expect(found(at('2001:db8::9'), at('2001:db8::9', claim)), 'seen').to.deep.equal([
      '2001:db8::9:1000',
      '2001:db8::9:2000',
    ])
    expect(found(at('198.51.100.1', '2001:db8::7'), at('192.0.2.1', claim)), 'not near').to.deep.equal([
      '192.0.2.1:1000',
    ])
  })

  it('tells no inner addresses to who only claims to be behind the same public one', () => {
    const forged: Whereabouts = { ...at('192.0.2.1'), isProven: false, address: '198.51.100.66' }
    expect(found(forged, at('192.0.2.1', '10.0.0.2'))).to.deep.equal(['192.0.2.1:1000'])
    expect(found({ ...forged, isProven: true }, at('192.0.2.1', '10.0.0.2'))).to.deep.equal([
      '192.0.2.1:1000',
      '10.0.0.2:2000',
    ])
  })

  it('adds the public address of the other family, for who speaks that', () => {
    const across = (observed: string, other?: string): Whereabouts => ({
      ...at(observed),
      observedAcross: other === undefined ? undefined : { host: other, port: 3_000 },
    })
    const to = across('198.51.100.2', '2001:db8::2')
    expect(found(across('192.0.2.1'), to)).to.deep.equal(['198.51.100.2:1000'])
    expect(found(across('192.0.2.1', '2001:db8::1'), to)).to.deep.equal(['198.51.100.2:1000', '2001:db8::2:3000'])
    expect(found(across('2001:db8:9::1'), to)).to.deep.equal(['198.51.100.2:1000', '2001:db8::2:3000'])
    expect(found(across('192.0.2.1', '2001:db8::1'), across('198.51.100.2', 'fd00::2'))).to.deep.equal([
      '198.51.100.2:1000',
    ])
  })

  it('repeats nothing and gives at most eight', () => {
    const many = Array.from({ length: 8 }, (_, i) => `10.0.0.${i + 2}`)
    expect(found(at('10.0.0.1'), at('10.0.0.2', ...many))).to.have.lengthOf(8)
    const to = { ...at('10.0.0.2'), hosts: [{ host: '10.0.0.2', port: 1_000 }] }
    expect(kinds(at('10.0.0.1'), to)).to.deep.equal(['observed 10.0.0.2:1000'])
  })

  it('names, whatever anybody claims, only what was seen, what is inner to both, and the hearer’s own IPv6 network', () => {
    const host = fc.constantFrom(
      ...['192.0.2.1', '192.0.2.2', '203.0.113.9', '10.0.0.1', '10.0.0.2', '127.0.0.1', '::1', 'fd00::1', 'nonsense'],
      ...['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:db8:9::9'],
    )
    const address = fc.record({ host, port: fc.integer({ min: 1, max: 5 }) })
    const whereabouts: fc.Arbitrary<Whereabouts> = fc.record({
      observed: fc.option(address, { nil: undefined }),
      isProven: fc.boolean(),
      observedAcross: fc.option(address, { nil: undefined }),
      address: host,
      hosts: fc.array(address, { maxLength: 8 }),
      mapping: fc.constantFrom('none' as const, 'dependent' as const, undefined),
      mapped: fc.option(address, { nil: undefined }),
    })
    fc.assert(
      fc.property(whereabouts, whereabouts, (from, to) => {
        const told = candidates(from, to)
        expect(told.length).to.be.at.most(8)
        const seenAt = ({ observed, isProven, address }: Whereabouts): string =>
          observed && isProven ? observed.host : address
        const own = [seenAt(from), ...from.hosts.map((one) => one.host)].map(addressGroup)
        for (const { host: name, kind, port } of told) {
          if (name === to.observed?.host || name === to.observedAcross?.host) continue
          const seen = seenAt(to)
          const isInner = isPrivate(name) || isLoopback(name)
          expect(name === seen || isInner || (name.includes(':') && own.includes(addressGroup(name))), name).to.equal(
            true,
          )
          if (kind === 'observed' || kind === 'open') expect({ host: name, port }).to.deep.equal(to.observed)
          if (kind === 'mapped') expect(name).to.equal(to.observed?.host)
          if (isLoopback(name)) expect(isLoopback(seenAt(from))).to.equal(true)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
