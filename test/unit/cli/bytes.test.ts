import { expect } from 'chai'
import { bytesText, rateText, readBytes, readFraction, readRate } from '../../../src/cli/bytes.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('amounts of bytes', () => {
  it('are shown with three digits in steps of a thousand', () => {
    const shown = [0, 999, 999.6, 1_000, 9_994, 9_996, 99_949, 99_960, 999_499, 999_500, 1e12, 2.5e15, 1e19].map(
      bytesText,
    )
    expect(shown).to.deep.equal([
      '0 B',
      '999 B',
      '1.00 kB',
      '1.00 kB',
      '9.99 kB',
      '10.0 kB',
      '99.9 kB',
      '100 kB',
      '999 kB',
      '1.00 MB',
      '1.00 TB',
      '2.50 PB',
      '10000 PB',
    ])
    expect(rateText(84_100_000)).to.equal('84.1 MB/s')
  })

  it('are read as people write them', () => {
    const read = (text: string): number => readBytes(text)
    expect(['1', '500k', '500 kB', '500KB', '1.5M', '20MB', '20mb', '1GiB', '2Ti', '1kib'].map(read)).to.deep.equal([
      1,
      500_000,
      500_000,
      500_000,
      1_500_000,
      20_000_000,
      20_000_000,
      1_073_741_824,
      2 * 2 ** 40,
      1_024,
    ])
  })

  it('are read as rates, of bits too', () => {
    const read = (text: string): number => readRate(text)
    expect(['20MB/s', '20MB', '500k', ' 1GiB/s ', '100Mbit/s', '8kbit', '1MiB/S'].map(read)).to.deep.equal([
      20_000_000, 20_000_000, 500_000, 1_073_741_824, 12_500_000, 1_000, 1_048_576,
    ])
  })

  it('are not guessed', () => {
    for (const text of [
      '',
      'fast',
      '-1',
      '0',
      '0.2',
      '1e9',
      '20 apples',
      '20MB/h',
      '20MB/s/s',
      '99999999999999TB',
      '1.M',
      'i',
      '9i',
    ])
      expectCode(() => readRate(text), 'MSG_ERR_USAGE')
    for (const text of ['100Mbit', '20MB/s']) expectCode(() => readBytes(text), 'MSG_ERR_USAGE')
    expect(() => readRate('20MB/h')).to.throw('"20MB/h" is not a rate such as 500k, 20MB/s or 100Mbit/s')
    expect(() => readRate('20Mb/s')).to.throw('"20Mb/s" is not clear: 20MB are bytes, 20Mbit are bits')
  })

  it('are read as shares of the whole', () => {
    expect(['50%', ' 12.5 % ', '99%'].map((text) => readFraction(text))).to.deep.equal([0.5, 0.125, 0.99])
    expect(readFraction('None')).to.equal(undefined)
    for (const text of ['', '0%', '100%', '50', '-5%', 'half']) expectCode(() => readFraction(text), 'MSG_ERR_USAGE')
  })
})
