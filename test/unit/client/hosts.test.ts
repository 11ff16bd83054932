import { expect } from 'chai'
import type { NetworkInterfaceInfo } from 'node:os'
import { hostAddresses, isOwnHost } from '../../../src/core/client/hosts.ts'

const info = (address: string, internal = false): NetworkInterfaceInfo =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo

describe('host addresses', () => {
  it('are those that others nearby can reach, IPv4 first', () => {
    const found = hostAddresses(7, {
      lo: [info('127.0.0.1', true), info('::1', true)],
      eth0: [info('fe80::1'), info('fd00::5'), info('192.168.1.2'), info('169.254.3.4')],
    })
    expect(found).to.deep.equal([
      { host: '192.168.1.2', port: 7 },
      { host: 'fd00::5', port: 7 },
    ])
  })

  it('are at most eight', () => {
    expect(hostAddresses(7, { a: Array.from({ length: 20 }, (_, i) => info(`10.0.0.${i}`)) })).to.have.length(8)
  })

  it('are known as own ones in any spelling, loopback with them', () => {
    const interfaces = { eth0: [info('192.168.1.2'), info('fd00:0::5')] }
    for (const own of ['192.168.1.2', 'fd00::5', '127.0.0.1', '127.1.2.3', '::1'])
      expect(isOwnHost(own, interfaces), own).to.equal(true)
    for (const other of ['192.168.1.3', '198.51.100.2', 'fd00::6'])
      expect(isOwnHost(other, interfaces), other).to.equal(false)
  })
})
