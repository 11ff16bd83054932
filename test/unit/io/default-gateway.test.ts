import { expect } from 'chai'
import { defaultGateway } from '../../../src/core/io/default-gateway.ts'

const HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
const NETWORK = 'eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n'
const route = (gateway: string, flags = '0003', metric = 100): string =>
  `eth0\t00000000\t${gateway}\t${flags}\t0\t0\t${metric}\t00000000\t0\t0\t0\n`

describe('the default gateway', () => {
  const found = (table: string): string | undefined => defaultGateway(() => table)

  it('is read from the table of routes', () => {
    expect(found(`${HEAD}${NETWORK}${route('0101A8C0')}`)).to.equal('192.168.1.1')
  })

  it('is the one of the smallest metric', () => {
    expect(found(`${HEAD}${route('0101A8C0', '0003', 600)}${route('FE01A8C0', '0003', 100)}`)).to.equal('192.168.1.254')
  })

  it('is none where there is no route, one that is down, one without a gateway, or no table', () => {
    expect(found(`${HEAD}${NETWORK}`)).to.equal(undefined)
    expect(found(`${HEAD}${route('0101A8C0', '0002')}`)).to.equal(undefined)
    expect(found(`${HEAD}${route('00000000', '0001')}`)).to.equal(undefined)
    expect(found(`${HEAD}${route('nonsense')}`)).to.equal(undefined)
    expect(found('')).to.equal(undefined)
    expect(
      defaultGateway(() => {
        throw new Error('ENOENT')
      }),
    ).to.equal(undefined)
  })
})
