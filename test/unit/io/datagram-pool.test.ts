import { expect } from 'chai'
import { DatagramPool } from '../../../src/core/io/datagram-pool.ts'

/** Takes a buffer of which only the first `used` bytes turn out to be needed. */
function taken(pool: DatagramPool, length: number, used = length): Uint8Array {
  const bytes = pool.take(length).subarray(0, used)
  pool.hold(bytes)
  return bytes
}

describe('io/datagram-pool', () => {
  it('gives buffers of the length asked for', () => {
    const pool = new DatagramPool()
    for (const length of [0, 1, 1_200, 4_096, 60_000, 65_536, 65_537]) expect(pool.take(length)).to.have.length(length)
  })

  it('lays what is held end to end, however much was taken', () => {
    const pool = new DatagramPool()
    const [first, second] = [taken(pool, 1_452, 40), taken(pool, 1_452)]
    expect(second.buffer).to.equal(first.buffer)
    expect(second.byteOffset).to.equal(first.byteOffset + 40)
    expect(taken(pool, 1_452).byteOffset).to.equal(second.byteOffset + 1_452)
  })

  it('gives what was taken and not held to the next one', () => {
    const pool = new DatagramPool()
    const held = taken(pool, 100)
    pool.take(1_000)
    const next = taken(pool, 1_452)
    expect(next.byteOffset).to.be.at.least(held.byteOffset + 100)
  })

  it('uses a slab again once everything of it is given back, and never before', () => {
    const pool = new DatagramPool()
    const [first, beside] = [taken(pool, 30_000), taken(pool, 30_000)]
    expect(beside.buffer).to.equal(first.buffer)
    const other = taken(pool, 60_000)
    pool.give(first)
    const third = taken(pool, 60_000)
    expect([first.buffer, other.buffer]).to.not.include(third.buffer)
    pool.give(beside)
    expect(taken(pool, 60_000).buffer).to.equal(first.buffer)
  })

  it('takes several back at once', () => {
    const pool = new DatagramPool()
    const [first] = [taken(pool, 1_000), taken(pool, 1_000), taken(pool, 1_000)]
    taken(pool, 65_000)
    pool.give(new Uint8Array(first!.buffer, first!.byteOffset, 3_000), 3)
    expect(taken(pool, 65_000).buffer).to.equal(first!.buffer)
  })

  it('knows nothing of strangers', () => {
    const pool = new DatagramPool()
    const stranger = new Uint8Array(10_000)
    pool.hold(stranger)
    pool.give(stranger)
    expect(pool.take(10_000).buffer).to.not.equal(stranger.buffer)
  })

  it('keeps sixty-four slabs at most', () => {
    const pool = new DatagramPool()
    const all = Array.from({ length: 100 }, () => taken(pool, 60_000))
    taken(pool, 60_000)
    for (const buffer of all) pool.give(buffer)
    const known = new Set(all.map(({ buffer }) => buffer))
    const again = Array.from({ length: 100 }, () => taken(pool, 60_000))
    expect(again.filter(({ buffer }) => known.has(buffer))).to.have.length(64)
    expect(new Set(again.map(({ buffer }) => buffer)).size, 'each one once').to.equal(100)
  })
})
