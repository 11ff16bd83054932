import { expect } from 'chai'
import { networkInterfaces } from 'node:os'
import { isNear } from '../../../src/core/io/near.ts'

const near = (host: string): boolean => isNear({ host, port: 1 })

describe('io/near', () => {
  it('takes this machine for near, by every name it has', () => {
    for (const { address } of Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])) {
      expect(near(address), address).to.equal(true)
    }
  })

  it('takes a neighbour on the same network for near', () => {
    expect(near('127.200.3.4')).to.equal(true)
  })

  it('takes reserved and discarded addresses for far: no machine is on those networks', () => {
    for (const host of ['240.0.0.1', '254.1.2.3', '100::1', '5f00::1']) expect(near(host), host).to.equal(false)
  })

  it('takes what is no address for far', () => {
    expect(near('somewhere')).to.equal(false)
    expect(near('')).to.equal(false)
  })
})
