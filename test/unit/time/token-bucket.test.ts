import { expect } from 'chai'
import { TokenBucket } from '../../../src/core/time/token-bucket.ts'
const millis = (n: number): number => n * 1_000
const seconds = (n: number): number => n * 1_000_000

describe('time/token-bucket', () => {
  const create = (): TokenBucket => new TokenBucket(0, { perSecond: 10, burst: 3 })

  it('allows the burst at once, then says how long to wait', () => {
    const bucket = create()
    expect([bucket.take(0), bucket.take(0), bucket.take(0)]).to.deep.equal([0, 0, 0])
    expect(bucket.take(0)).to.equal(millis(100))
    expect(bucket.take(millis(40))).to.equal(millis(60))
  })

  it('allows the rate, and one after the wait it named', () => {
    const bucket = create()
    for (let i = 0; i < 3; i++) bucket.take(0)
    const wait: number = bucket.take(0)
    expect(bucket.take(wait)).to.equal(0)
    expect(bucket.take(wait)).to.equal(millis(100))
  })

  it('saves up no more than the burst, and does not mind a clock that stands', () => {
    const bucket = create()
    for (let i = 0; i < 3; i++) expect(bucket.take(seconds(3_600))).to.equal(0)
    expect(bucket.take(seconds(3_600))).to.be.above(0)
    expect(bucket.take(seconds(3_599))).to.be.above(0)
  })
})
