import { expect } from 'chai'
import { accountNumber, MAX_ACCOUNTS, virtualAddress } from '../../../src/core/control/virtual-address.ts'

describe('control/virtual-address', () => {
  it('counts through 100.64.0.0/10', () => {
    expect(virtualAddress(1)).to.equal('100.64.0.1')
    expect(virtualAddress(256)).to.equal('100.64.1.0')
    expect(virtualAddress(65_536)).to.equal('100.65.0.0')
    expect(virtualAddress(MAX_ACCOUNTS)).to.equal('100.127.255.254')
  })

  it('finds the number again', () => {
    for (const n of [1, 255, 256, 65_535, 65_536, MAX_ACCOUNTS]) expect(accountNumber(virtualAddress(n))).to.equal(n)
  })

  it('takes nothing else for a virtual address', () => {
    const bad = [
      '',
      'alice',
      '100.64.0.0',
      '100.127.255.255',
      '100.63.0.1',
      '100.128.0.1',
      '10.64.0.1',
      '100.64.0.01',
      '100.64.0.256',
      '100.64.256.1',
      '100.64.0.1 ',
      '100.064.0.1',
    ]
    for (const text of bad) expect(accountNumber(text), text).to.equal(undefined)
  })
})
