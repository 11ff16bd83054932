import { expect } from 'chai'
import { candidates, type Whereabouts } from '../../../src/core/control/candidates.ts'

const at = (observed: string | undefined, ...hosts: string[]): Whereabouts => ({
  observed: observed === undefined ? undefined : { host: observed, port: 1_000 },
  hosts: hosts.map((host) => ({ host, port: 2_000 })),
})
const found = (from: Whereabouts, to: Whereabouts): string[] =>
  candidates(from, to).map(({ host, port }) => `${host}:${port}`)

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

  it('gives a loopback address only to those who are on loopback themselves', () => {
    expect(found(at('10.0.0.1'), at('127.0.0.1', '10.0.0.2', '127.0.0.1'))).to.deep.equal(['10.0.0.2:2000'])
    expect(found(at('127.0.0.1'), at('127.0.0.1', '127.0.0.1'))).to.deep.equal(['127.0.0.1:1000', '127.0.0.1:2000'])
    expect(found(at('127.0.0.1'), at('::1'))).to.deep.equal(['::1:1000'])
  })

  it('falls back to host addresses when one was never observed', () => {
    expect(found(at('192.0.2.1'), at(undefined, '10.0.0.2', '127.0.0.1'))).to.deep.equal(['10.0.0.2:2000'])
    expect(found(at(undefined), at('192.0.2.1', '10.0.0.2'))).to.deep.equal(['192.0.2.1:1000', '10.0.0.2:2000'])
    expect(found(at(undefined), at(undefined))).to.deep.equal([])
  })

  it('does not make anybody knock at a public IPv4 address that was only claimed', () => {
    expect(
      found(at('192.0.2.1'), at('192.0.2.1', '203.0.113.9', 'not an ip', '2001:db8::9', '192.0.2.1')),
    ).to.deep.equal(['192.0.2.1:1000', '2001:db8::9:2000', '192.0.2.1:2000'])
  })

  it('repeats nothing and gives at most eight', () => {
    const many = Array.from({ length: 8 }, (_, i) => `10.0.0.${i + 2}`)
    expect(found(at('10.0.0.1'), at('10.0.0.2', ...many))).to.have.lengthOf(8)
    const to: Whereabouts = { observed: { host: '10.0.0.2', port: 2_000 }, hosts: [{ host: '10.0.0.2', port: 2_000 }] }
    expect(found(at('10.0.0.1'), to)).to.deep.equal(['10.0.0.2:2000'])
  })
})
