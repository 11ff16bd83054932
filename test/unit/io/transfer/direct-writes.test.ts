import { constants } from 'node:fs'
import { expect } from 'chai'
import { DirectWrites } from '../../../../src/core/io/transfer/direct-writes.ts'

const MEBIBYTE = 1_048_576

describe('io/transfer/direct-writes', () => {
  const memory = Buffer.from(new ArrayBuffer(2 * MEBIBYTE))
  const block = memory.subarray(0, MEBIBYTE)
  let now: number
  let writes: DirectWrites
  /** Milliseconds that the disk takes for each write, and what it answers. */
  let disk: { takes: number; error?: string }
  /** Flags of each attempt. */
  let asked: number[]

  before(function () {
    if (process.platform !== 'linux') this.skip()
  })
  beforeEach(() => {
    now = 1_000_000
    disk = { takes: 0.5 }
    asked = []
    writes = new DirectWrites(() => now)
  })

  const attempt = (bytes: Uint8Array = block, position = 0): boolean =>
    writes.try(bytes, position, (flags) => {
      asked.push(flags)
      now += disk.takes
      if (disk.error !== undefined) throw Object.assign(new Error(disk.error), { code: disk.error })
    })

  it('go past the cache when bytes, length and position are whole pages', () => {
    expect(attempt()).to.equal(true)
    expect(attempt(memory.subarray(4_096, 12_288), 20_480)).to.equal(true)
    expect(asked).to.deep.equal([constants.O_DIRECT, constants.O_DIRECT])
  })

  it('are left to the cache when they are not, or when there are none', () => {
    expect(attempt(memory.subarray(1, 4_097))).to.equal(false)
    expect(attempt(memory.subarray(0, 4_095))).to.equal(false)
    expect(attempt(block, 512)).to.equal(false)
    expect(attempt(memory.subarray(0, 0))).to.equal(false)
    expect(asked).to.deep.equal([])
  })

  it('are left to the cache for a while where the file system has no such thing', () => {
    disk.error = 'EINVAL'
    expect(attempt()).to.equal(false)
    delete disk.error
    expect(attempt()).to.equal(false)
    now += 30_000
    expect(attempt()).to.equal(true)
    expect(asked).to.have.lengthOf(2)
  })

  it('leave it to the cache to say what is wrong', () => {
    for (const error of ['ENOSPC', 'EOPNOTSUPP', 'EIO']) {
      disk.error = error
      expect(attempt()).to.equal(false)
      now += 30_000
    }
    expect(asked).to.have.lengthOf(3)
  })

  it('are left to the cache for a while when the disk is slow, not when it was once', () => {
    disk.takes = 25
    for (let i = 0; i < 9; i++) expect(attempt()).to.equal(true)
    disk.takes = 0.5
    for (let i = 0; i < 100; i++) expect(attempt()).to.equal(true)
    disk.takes = 10
    let direct = 0
    while (attempt()) direct++
    expect(direct).to.be.within(20, 100)
    disk.takes = 0.5
    now += 9_000
    expect(attempt()).to.equal(false)
    now += 1_500
    for (let i = 0; i < 100; i++) expect(attempt()).to.equal(true)
  })

  it('count small pieces as what they are', () => {
    disk.takes = 0.5
    // 128 KiB in half a millisecond are 250 MB/s.
    for (let i = 0; i < 100; i++) expect(attempt(memory.subarray(0, MEBIBYTE / 8))).to.equal(true)
  })
})
