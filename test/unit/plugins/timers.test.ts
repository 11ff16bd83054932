import { expect } from 'chai'
import { ScopedTimers } from '../../../src/core/plugins/timers.ts'
import { ManualClock } from '../../../src/core/testing/manual-clock.ts'

describe('plugins/timers', () => {
  let clock: ManualClock
  let timers: ScopedTimers
  let beats: number
  const failures: unknown[] = []

  beforeEach(() => {
    clock = new ManualClock(5_000)
    beats = 0
    failures.length = 0
    timers = new ScopedTimers(clock, async (fn) => {
      try {
        await fn()
      } catch (error) {
        failures.push(error)
      }
    })
  })
  const beat = (): void => void beats++

  it('go off once, or again and again, until they are cancelled', async () => {
    timers.after(100, beat)
    const cancelled = timers.after(100, beat)
    const end = timers.every(30, beat)
    cancelled()
    await clock.advance(100)
    expect([timers.now(), beats]).to.deep.equal([5_100, 4])
    end()
    await clock.advance(1_000)
    expect([beats, clock.pending]).to.deep.equal([4, 0])
  })

  it('do not overtake themselves', async () => {
    let release = (): void => {}
    timers.every(10, () => {
      beats++
      return new Promise<void>((resolve) => (release = resolve))
    })
    await clock.advance(100)
    expect(beats).to.equal(1)
    release()
    await clock.advance(0)
    await clock.advance(10)
    expect(beats).to.equal(2)
  })

  it('go on though a callback throws', async () => {
    timers.every(10, () => {
      beats++
      throw new Error('no')
    })
    await clock.advance(30)
    expect([beats, failures.length]).to.deep.equal([3, 3])
  })

  it('end with their scope, and none begins afterwards', async () => {
    timers.after(10, beat)
    timers.every(10, beat)
    timers.close()
    timers.after(10, beat)
    timers.every(10, beat)
    await clock.advance(100)
    expect([beats, clock.pending]).to.deep.equal([0, 0])
  })

  for (const ms of [-1, Number.NaN, Infinity, 2 ** 31])
    it(`refuse ${ms} ms`, () => {
      expect(() => timers.after(ms, beat)).to.throw(TypeError)
      expect(() => timers.every(ms, beat)).to.throw(TypeError)
    })
  it('refuse to go off without a pause', () => expect(() => timers.every(0, beat)).to.throw(TypeError))
})
