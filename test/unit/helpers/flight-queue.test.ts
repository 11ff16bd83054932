import fc from 'fast-check'
import { expect } from 'chai'
import { FlightQueue } from '../../helpers/flight-queue.ts'

describe('helpers/flight-queue', () => {
  it('gives everything back by time, and equal times in the order they came', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20)), (times) => {
        const queue = new FlightQueue<[number, number]>()
        times.forEach((at, i) => queue.push(at, [at, i]))
        const out = Array.from({ length: times.length }, () => queue.pop()!)
        const sorted = times.map((at, i): [number, number] => [at, i]).sort(([a, i], [b, j]) => a - b || i - j)
        expect(out).to.deep.equal(sorted)
        expect(queue.size).to.equal(0)
      }),
    )
  })

  it('says when the next is due, and nothing when empty', () => {
    const queue = new FlightQueue<string>()
    expect(queue.nextAt).to.equal(undefined)
    expect(queue.pop()).to.equal(undefined)
    queue.push(9, 'late')
    queue.push(3, 'early')
    expect(queue.nextAt).to.equal(3)
    expect(queue.pop()).to.equal('early')
    expect(queue.nextAt).to.equal(9)
  })
})
