import { expect } from 'chai'
import { amount } from '../src/amount.ts'
import { checkpointOf, limitOf } from '../src/options.ts'

describe('what people write', () => {
  it('is half way unless they say where, or nowhere', () => {
    expect(checkpointOf()).to.equal(0.5)
    expect(checkpointOf('25%')).to.equal(0.25)
    expect(checkpointOf('12.5')).to.equal(0.125)
    expect(checkpointOf('none')).to.equal(undefined)
  })

  for (const text of ['', '0', '0%', '100%', '-5%', 'half', '50%%', '1e1'])
    it(`is no checkpoint: ${JSON.stringify(text)}`, () => {
      expect(() => checkpointOf(text)).to.throw('--checkpoint')
    })

  it('is a rate in bytes per second, in thousands or in 1,024s', () => {
    expect(['20MB/s', '500kB', '1GiB', '1.5m', '4096', '2KiB/s'].map(limitOf)).to.deep.equal([
      20_000_000, 500_000, 1_073_741_824, 1_500_000, 4_096, 2_048,
    ])
  })

  for (const text of ['', '0', 'fast', '-1MB', '5 apples', '0.1'])
    it(`is no rate: ${JSON.stringify(text)}`, () => {
      expect(() => limitOf(text)).to.throw('--limit')
    })

  it('is shown with three digits', () => {
    expect([0, 999, 1_500, 15_000, 150_000, 999_600, 1e9].map(amount)).to.deep.equal([
      '0 bytes',
      '999 bytes',
      '1.50 kB',
      '15.0 kB',
      '150 kB',
      '1.00 MB',
      '1.00 GB',
    ])
  })
})
