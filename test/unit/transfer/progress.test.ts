import { expect } from 'chai'
import { Progress } from '../../../src/core/transfer/progress.ts'
import { ms, s } from '../../helpers/time.ts'

describe('transfer/progress', () => {
  it('tells a fraction when it is crossed, not only when it is met, and once', () => {
    const progress = new Progress(0, 1_000, 0, [0.5])
    expect(progress.add(499)).to.deep.equal([])
    expect(progress.add(100)).to.deep.equal([0.5])
    expect(progress.add(100)).to.deep.equal([])
  })

  it('tells a fraction that is met exactly', () => {
    expect(new Progress(0, 1_000, 0, [0.5]).add(500)).to.deep.equal([0.5])
  })

  it('tells every fraction that a big block crosses, ascending', () => {
    const progress = new Progress(0, 1_000, 0, [0.75, 0.25, 0.5])
    expect(progress.add(600)).to.deep.equal([0.25, 0.5])
    expect(progress.add(400)).to.deep.equal([0.75])
  })

  it('knows no beginning and no end as fractions', () => {
    expect(new Progress(0, 10, 0, [0, 1, -1, 2]).add(10)).to.deep.equal([])
  })

  it('does not tell again what an earlier run crossed', () => {
    const progress = new Progress(0, 1_000, 600, [0.5, 0.75])
    expect(progress.bytes).to.equal(600)
    expect(progress.add(200)).to.deep.equal([0.75])
  })

  it('tells nothing of what was passed before the total was known', () => {
    const progress = new Progress(0, undefined, 0, [0.5, 0.9])
    expect(progress.add(600)).to.deep.equal([])
    expect(progress.report(s(1))).to.include({ bytes: 600, total: undefined, eta: undefined })
    progress.setTotal(1_000)
    expect(progress.add(350)).to.deep.equal([0.9])
  })

  it('reports rate and time left', () => {
    const progress = new Progress(0, 10_000, 0, [])
    for (let n = 1; n <= 40; n++) {
      progress.add(100)
      progress.report(n * ms(100))
    }
    const { bytes, total, rate, eta } = progress.report(s(4))
    expect({ bytes, total }).to.deep.equal({ bytes: 4_000, total: 10_000 })
    expect(rate).to.be.closeTo(1_000, 1)
    expect(eta).to.be.closeTo(s(6), ms(10))
  })

  it('does not take bytes of an earlier run for speed', () => {
    const progress = new Progress(0, 1_000, 500, [])
    expect(progress.report(s(1))).to.deep.equal({ bytes: 500, total: 1_000, rate: 0, eta: undefined })
  })

  it('has no time left at the end, whatever the rate', () => {
    const progress = new Progress(0, 1_000, 0, [])
    progress.add(1_000)
    expect(progress.report(s(1)).eta).to.equal(0)
    expect(new Progress(0, 0, 0, []).report(s(1)).eta).to.equal(0)
  })

  it('sees a rate fall when nothing comes', () => {
    const progress = new Progress(0, 1_000, 0, [])
    progress.add(100)
    const before = progress.report(s(1)).rate
    expect(progress.report(s(4)).rate).to.be.within(before / 10, before / 5)
  })
})
