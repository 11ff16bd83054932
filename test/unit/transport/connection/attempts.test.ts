import { expect } from 'chai'
import { Attempts } from '../../../../src/core/transport/connection/attempts.ts'
import { ms, s } from '../../../helpers/time.ts'

describe('transport/connection/attempts', () => {
  it('are 100 ms x 5, 200 ms x 10, 1 s x 10, then five at a time after 5 s, 30 s, and each minute', () => {
    const attempts = new Attempts()
    attempts.start(0)
    const at: number[] = []
    while (attempts.at < s(300)) {
      at.push(attempts.at)
      attempts.onMade(attempts.at)
    }
    const gaps = at.slice(1).map((time, i) => time - at[i]!)
    const later = [...Array<number>(4).fill(ms(100))]
    expect(gaps).to.deep.equal(
      [
        ...Array<number>(5).fill(ms(100)),
        ...Array<number>(10).fill(ms(200)),
        ...Array<number>(9).fill(s(1)),
        ...[s(5), ...later, s(30), ...later, s(60), ...later, s(60), ...later, s(60), ...later, s(60), ...later],
      ].slice(0, gaps.length),
    )
    expect(gaps.filter((gap) => gap === s(60))).to.have.lengthOf(4)
  })

  it('wait until they are started, and begin anew when started again', () => {
    const attempts = new Attempts()
    expect(attempts.at).to.equal(Infinity)
    expect(attempts.isFirstSeries).to.equal(false)
    attempts.start(s(1))
    for (let i = 0; i < 30; i++) attempts.onMade(attempts.at)
    expect(attempts.isFirstSeries).to.equal(false)
    attempts.start(s(60))
    expect([attempts.at, attempts.count, attempts.isFirstSeries]).to.deep.equal([s(60), 0, true])
    attempts.stop()
    expect(attempts.at).to.equal(Infinity)
  })
})
