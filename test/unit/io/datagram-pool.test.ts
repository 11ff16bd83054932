import { expect } from 'chai'
import { DatagramPool } from '../../../src/core/io/datagram-pool.ts'

describe('io/datagram-pool', () => {
  it('gives buffers of the length asked for', () => {
    const pool = new DatagramPool()
    for (const length of [0, 1, 1_200, 4_095, 4_096, 60_000, 65_536, 65_537])
      expect(pool.take(length)).to.have.length(length)
  })

  it('uses a large buffer again once it is given back, and never before', () => {
    const pool = new DatagramPool()
    const first = pool.take(60_000)
    const second = pool.take(60_000)
    expect(second.buffer).to.not.equal(first.buffer)
    // What is sent is often shorter than what was taken.
    pool.give(first.subarray(0, 100))
    const third = pool.take(65_000)
    expect(third.buffer).to.equal(first.buffer)
    expect(third).to.have.length(65_000)
    expect(pool.take(60_000).buffer).to.not.equal(first.buffer)
  })

  it('does not take small ones, nor views that begin elsewhere, nor strangers', () => {
    const pool = new DatagramPool()
    const small = pool.take(1_200)
    const cut = pool.take(60_000)
    pool.give(small)
    pool.give(cut.subarray(1))
    pool.give(new Uint8Array(10_000))
    expect([small.buffer, cut.buffer]).to.not.include(pool.take(60_000).buffer)
  })

  it('keeps sixty-four at most', () => {
    const pool = new DatagramPool()
    const all = Array.from({ length: 100 }, () => pool.take(60_000))
    for (const buffer of all) pool.give(buffer)
    const known = new Set(all.map(({ buffer }) => buffer))
    const again = Array.from({ length: 100 }, () => pool.take(60_000))
    expect(again.filter(({ buffer }) => known.has(buffer))).to.have.length(64)
    expect(new Set(again.map(({ buffer }) => buffer)).size, 'each one once').to.equal(100)
  })
})
