import { expect } from 'chai'
import type { NetworkInterfaceInfo } from 'node:os'
import { publicAddresses } from '../../../src/core/io/own-addresses.ts'

const at = (...hosts: string[]): NetworkInterfaceInfo[] =>
  hosts.map(
    (address) =>
      ({
        address,
        internal: address === '127.0.0.1',
        family: address.includes(':') ? 'IPv6' : 'IPv4',
      }) as NetworkInterfaceInfo,
  )

describe('io/own-addresses', () => {
  it('are those that the whole world may use, by family', () => {
    const interfaces = {
      lo: at('127.0.0.1', '::1'),
      eth0: at('203.0.113.2', '203.0.113.3', '10.0.0.1', 'fe80::1', 'fd00::1', '2001:db8:0::1'),
      tun0: at('100.64.0.1'),
    }
    expect(publicAddresses(() => interfaces)).to.deep.equal({
      v4: ['203.0.113.2', '203.0.113.3'],
      v6: ['2001:db8::1'],
    })
  })

  it('are four of a family at most, and none where there are none', () => {
    const many = { eth0: at(...Array.from({ length: 9 }, (_, i) => `203.0.113.${i + 1}`)) }
    expect(publicAddresses(() => many).v4).to.have.lengthOf(4)
    expect(publicAddresses(() => ({}))).to.deep.equal({ v4: [], v6: [] })
  })
})
