import { expect } from 'chai'
import { BlockSet } from '../../../src/core/transfer/block-set.ts'
import { FIRST_WINDOW, MAX_WINDOW, PlanSource } from '../../../src/core/transfer/plan-source.ts'
import { ms, s } from '../../helpers/time.ts'

const MIB = 1_048_576

/** Sends a block every `step` microseconds, `count` of them. */
function measured(blockSize: number, step: number, count = 20): PlanSource {
  const source = new PlanSource('a', blockSize, undefined)
  for (let n = 0; n < count; n++) {
    source.ask(n * step, n, blockSize)
    source.settle((n + 1) * step, n)
  }
  return source
}

describe('transfer/plan-source', () => {
  it('has everything, or what it said', () => {
    expect(new PlanSource('a', MIB, undefined).hasBlock(1_000)).to.equal(true)
    const part = new PlanSource('a', MIB, new BlockSet([{ start: 3, end: 5 }]))
    expect([2, 3, 4, 5].map((n) => part.hasBlock(n))).to.deep.equal([false, true, true, false])
  })

  it('counts what is outstanding, each block once', () => {
    const source = new PlanSource('a', MIB, undefined)
    source.ask(0, 0, MIB)
    source.ask(0, 1, 1_000)
    expect(source.outstanding).to.equal(MIB + 1_000)
    expect(source.settle(ms(1), 0)).to.equal(true)
    expect(source.settle(ms(2), 0)).to.equal(false)
    expect(source.outstanding).to.equal(1_000)
    expect(source.forget(1)).to.equal(true)
    expect(source.forget(1)).to.equal(false)
    expect(source.outstanding).to.equal(0)
    expect([...source.asked]).to.deep.equal([])
  })

  it('starts with a window of 8 MiB, or four blocks', () => {
    expect(new PlanSource('a', MIB, undefined).window).to.equal(FIRST_WINDOW)
    expect(new PlanSource('a', 16 * MIB, undefined).window).to.equal(64 * MIB)
  })

  it('has a window of two seconds of its rate', () => {
    expect(measured(MIB, ms(100)).window).to.be.closeTo(20 * MIB, 100)
    expect(measured(MIB, ms(500)).window).to.be.closeTo(4 * MIB, 100)
  })

  it('has a window of two blocks at least, and never more than the bound', () => {
    expect(measured(MIB, s(30)).window).to.equal(2 * MIB)
    expect(measured(MIB, ms(1)).window).to.equal(MAX_WINDOW)
  })

  it('does not count time in which it was asked nothing', () => {
    const source = new PlanSource('a', MIB, undefined)
    for (let n = 0; n < 20; n++) {
      source.ask(s(60) * n, n, MIB)
      source.settle(s(60) * n + ms(100), n)
    }
    expect(source.rate).to.be.closeTo(10 * MIB, 100)
  })

  it('is late when silent for longer than its patience, counted from the last thing heard', () => {
    const source = new PlanSource('a', MIB, undefined)
    expect(source.deadline).to.equal(undefined)
    source.ask(s(100), 0, MIB)
    source.ask(s(101), 1, MIB)
    expect(source.deadline).to.equal(s(110))
    source.handleSign(s(105))
    expect(source.deadline).to.equal(s(115))
    source.settle(s(106), 0)
    expect(source.deadline).to.equal(s(106) + source.patience)
    source.settle(s(107), 1)
    expect(source.deadline).to.equal(undefined)
  })

  it('is given more patience where blocks take long, within bounds', () => {
    expect(measured(MIB, ms(1)).patience).to.equal(s(3))
    expect(measured(MIB, s(5)).patience).to.be.closeTo(s(20), 10)
    expect(measured(16 * MIB, s(50)).patience).to.equal(s(60))
  })

  it('says how long it takes for what is outstanding and more', () => {
    const source = measured(MIB, ms(100))
    source.ask(s(10), 100, MIB)
    expect(source.timeFor(MIB, 1)).to.be.closeTo(ms(200), 10)
    expect(new PlanSource('b', MIB, undefined).timeFor(MIB, MIB / 2)).to.equal(s(2))
  })

  it('says by how much the next block is late', () => {
    const source = measured(MIB, ms(100))
    source.ask(s(10), 100, MIB)
    expect(source.lateBy(s(10) + ms(90), 1)).to.equal(0)
    expect(source.lateBy(s(11), 1)).to.be.closeTo(ms(900), 10)
  })
})
